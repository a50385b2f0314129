//! Ctrl+C, time limits and crashes: nothing that a plugin started is left.
use super::{Plugged, drop_in};
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Waits in a child of a child, as a plugin with a stubborn library does.
const HANGS: &str = "import os, sys\nyield 'so far'\nos.system(f\"'{sys.executable}' -c 'import time; time.sleep(30)' '{__file__}' & '{sys.executable}' -c 'import time; time.sleep(30)' '{__file__}'\")";

/// The processes with something below this folder in their command line, but for the program itself.
fn processes(below: &Path) -> Vec<String> {
    let below = below.to_string_lossy().into_owned();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&below))
        .collect()
}

fn none_left(below: &Path) {
    let begun = Instant::now();
    while !processes(below).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "left: {:#?}", processes(below));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks the hanging plugin, and waits until its children run too.
fn hanging(place: &Plugged) -> std::process::Child {
    place.plugin("hangs.py", drop_in(HANGS));
    let mut child = place.command(&["-m", "hangs", "x"]).spawn().unwrap();
    let mut first = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"so far");
    let begun = Instant::now();
    while processes(&place.root()).len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "its children do not run");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn signal(name: &str, child: &std::process::Child) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn ctrl_c_while_a_plugin_hangs() {
    let Some(place) = Plugged::with_python() else { return };
    let child = hanging(&place);
    let begun = Instant::now();
    signal("-INT", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "\n(stopped: the answer is not whole)\n".trim_start()
    );
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    none_left(&place.root());
}

#[test]
fn ctrl_c_while_a_plugin_hangs_at_its_import() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin(
        "stuck.py",
        format!(
            "import time\nopen({:?}, 'w').close()\ntime.sleep(30)\n{}",
            place.place.path("begun").display().to_string(),
            drop_in("return 'x'")
        ),
    );
    let child = place.command(&["-m", "stuck", "x"]).spawn().unwrap();
    let begun = Instant::now();
    while !place.place.path("begun").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    signal("-INT", &child);
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    none_left(&place.root());
}

#[test]
fn a_check_tells_what_it_finds_as_it_finds_it_and_ctrl_c_keeps_that() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("loops.py", drop_in("while True: pass"));
    for json in [&[][..], &["--json"]] {
        let mut child = place.command(&[&["plugins", "check", "loops"], json].concat()).spawn().unwrap();
        let mut said = String::new();
        if json.is_empty() {
            let mut piece = [0; 64];
            while !said.contains("never returns anything") {
                let many = child.stdout.as_mut().unwrap().read(&mut piece).unwrap();
                assert!(many > 0, "{said}");
                said += &String::from_utf8_lossy(&piece[..many]);
            }
        } else {
            std::thread::sleep(Duration::from_secs(5));
        }
        signal("-INT", &child);
        let output = child.wait_with_output().unwrap();
        said += &String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130));
        assert!(said.contains("never returns anything"), "{said}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "(stopped: the check is not whole)\n");
    }
    none_left(&place.root());
}

#[test]
fn the_program_is_ended() {
    let Some(place) = Plugged::with_python() else { return };
    for name in ["-TERM", "-HUP"] {
        let mut child = hanging(&place);
        signal(name, &child);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        none_left(&place.root());
    }
}

#[test]
fn the_program_is_killed() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("busy.py", drop_in("yield 'so far'\nwhile True: pass"));
    let mut child = place.command(&["-m", "busy", "x"]).spawn().unwrap();
    let mut first = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    signal("-KILL", &child);
    child.wait().unwrap();
    none_left(&place.root());
}

#[test]
fn the_program_is_killed_and_no_child_of_a_plugin_is_left() {
    let Some(place) = Plugged::with_python() else { return };
    let mut child = hanging(&place);
    signal("-KILL", &child);
    child.wait().unwrap();
    none_left(&place.root());
}

#[test]
fn the_time_limit_ends_it() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("hangs.py", drop_in(HANGS));
    let begun = Instant::now();
    let run = place.run(&["--timeout", "2", "-m", "hangs", "x"]);
    assert_eq!((run.code, run.stdout.as_str()), (7, "so far"), "{run}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    none_left(&place.root());
}

#[test]
fn the_time_limit_holds_for_a_start_too() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("sleeps.py", format!("import time\ntime.sleep(60)\n{}", drop_in("yield 'so far'")));
    // Also where nobody knows whose the name is.
    for name in ["sleeps", "nobodys"] {
        let begun = Instant::now();
        let run = place.run(&["--timeout", "2", "-m", name, "x"]);
        assert_eq!(run.code, 7, "{run}");
        assert!(
            begun.elapsed() < Duration::from_secs(10) && run.stderr.contains("did not start in the time"),
            "{run}"
        );
        none_left(&place.root());
    }
}

#[test]
fn one_that_crashes_says_how_and_answers_again() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("dies.py", drop_in("import os, signal\nyield 'so '\nif 'now' in user_message: signal.raise_signal(signal.SIGSEGV)\nyield 'well'"));
    let run = place.ask("dies", "now");
    assert_eq!((run.code, run.stdout.as_str()), (5, "so "));
    assert!(run.stderr.contains("the plugin crashed (segmentation fault)"), "{run}");
    assert!(run.stderr.contains("help: its log: consort plugins log dies"), "{run}");
    assert_eq!(place.ask("dies", "later").stdout, "so well");
    none_left(&place.root());
}

#[test]
fn a_file_that_is_deleted_meanwhile_finishes_its_answer() {
    let Some(place) = Plugged::with_python() else { return };
    let file = place.plugin("brief.py", drop_in("import time\nyield 'one '\ntime.sleep(1)\nyield 'two'"));
    let mut child = place.command(&["-m", "brief", "x"]).spawn().unwrap();
    let mut first = [0; 4];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    std::fs::remove_file(file).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"two"[..]));
    assert_eq!(place.ask("brief", "x").code, 4);
}
