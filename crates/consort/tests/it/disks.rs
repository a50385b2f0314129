//! Databases and disks that are not as they should be: the answer is shown, what is wrong is said, and nothing is written.
use super::support::{Place, Run};
use std::process::Command;

const DATABASE: &str = "home/data/conversations.db";

fn asked(more: &[&'static str]) -> Vec<&'static str> {
    [&["-m", "demo", "-o", "say", "All the same.", "-o", "delay_ms", "0"], more, &["hi"]].concat()
}

/// A place where something was asked and kept.
fn kept() -> Place {
    let place = Place::new();
    for _ in 0..20 {
        assert_eq!(place.run(&asked(&[])).stderr, "");
    }
    place
}

/// The answer is there, and it is said why it is not kept.
fn answered(run: &Run, why: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (0, "All the same."), "{run}");
    assert!(run.stderr.starts_with("warning: this conversation is not kept"), "{run}");
    assert!(run.stderr.contains(why), "{run}");
}

/// What wants the database says what is wrong with it, and what to do.
fn refused(place: &Place, args: &[&str], why: &str, help: &str) {
    let run = place.run(args);
    assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{run}");
    assert!(run.stderr.starts_with("error: [PLACE]/home/data/conversations.db"), "{run}");
    assert!(run.stderr.contains(why) && run.stderr.contains(help), "{run}");
}

#[test]
fn a_newer_database_is_left_alone() {
    let place = kept();
    let mut bytes = std::fs::read(place.path(DATABASE)).unwrap();
    // Where SQLite keeps the version of who wrote it.
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    place.file(DATABASE, &bytes);
    let newer = "was written by a newer version of Consort (format 99)";
    answered(&place.run(&asked(&[])), newer);
    for args in [&["logs"][..], &["logs", "-q", "hi"], &["cost"], &["logs", "delete", "01", "--yes"]] {
        refused(&place, args, newer, "help: use that version");
    }
    refused(&place, &["-c", "hi"], newer, "without `-c` the question is answered all the same");
    refused(&place, &["serve", "--listen", "127.0.0.1:0"], newer, "--no-log");
    assert!(place.run(&["doctor"]).stdout.contains("newer version"));
    assert!(std::fs::read(place.path(DATABASE)).unwrap() == bytes, "it is as it was");
}

#[test]
fn a_damaged_database_is_left_alone() {
    for damage in ["pages", "cut"] {
        let place = kept();
        let mut bytes = std::fs::read(place.path(DATABASE)).unwrap();
        if damage == "pages" {
            // All but the first page, which says what the file is.
            bytes[4096..].fill(0xa5);
        } else {
            bytes.truncate(bytes.len() / 2 / 4096 * 4096);
        }
        place.file(DATABASE, &bytes);
        answered(&place.run(&asked(&[])), "conversations.db is damaged");
        for args in [&["logs"][..], &["cost"], &["-c", "hi"]] {
            refused(&place, args, "is damaged", "help: put a copy in its place, or move it away");
        }
        assert!(std::fs::read(place.path(DATABASE)).unwrap() == bytes, "{damage}: it is as it was");
    }
}

/// Runs the program behind this, in a shell of its own.
#[cfg(unix)]
fn behind(shell: &[&str], before: &str, place: &Place, args: &[&str]) -> Run {
    let program = place.command(args);
    let script = format!("{before} && exec \"$@\"");
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", &script, "sh"]).arg(program.get_program()).args(args);
    command.env_clear().current_dir(place.path(""));
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Run::of(command.output().unwrap(), &place.path(""))
}

/// A shell that may mount what nobody else sees; nothing where the system does not let it.
#[cfg(target_os = "linux")]
fn mounts() -> Option<[&'static str; 4]> {
    let shell = ["/usr/bin/unshare", "-rm", "--", "/bin/sh"];
    let tried = Command::new(shell[0]).args(&shell[1..]).args(["-c", "mount -t tmpfs tmpfs /mnt"]).output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return Some(shell);
    }
    eprintln!("skipped: this system lets nobody mount");
    None
}

#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_costs_no_answer() {
    // Files of 4 KiB at most, and an error for who writes more.
    let limit = "trap '' XFSZ && ulimit -f 8";
    let new = Place::new();
    answered(
        &behind(&["/bin/sh"], limit, &new, &asked(&[])),
        "conversations.db could not be read or written",
    );
    let place = kept();
    let run = behind(&["/bin/sh"], limit, &place, &asked(&[]));
    answered(&run, "conversations.db could not be read or written");
    // What was kept before is there, and the next question is kept again.
    let count = || place.run(&["logs", "--json", "-n", "0"]).json().as_array().unwrap().len();
    assert_eq!(count(), 20);
    assert_eq!(place.run(&asked(&[])).stderr, "");
    assert_eq!(count(), 21);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_no_answer() {
    let Some(shell) = mounts() else { return };
    let place = Place::new();
    let mount = |size: &str| format!("PATH=/usr/bin:/bin mount -t tmpfs -o size={size} tmpfs home/data");
    let run = behind(&shell, &mount("64k"), &place, &asked(&[]));
    answered(&run, "there is no room left to write");
    // It gets full in the middle of the answer.
    let long = ["-m", "demo", "-o", "words", "8000", "-o", "delay_ms", "0", "hi"];
    let whole = place.run(&[&["-n"][..], &long].concat()).stdout;
    assert!(whole.len() > 60_000);
    let run = behind(&shell, &mount("360k"), &place, &long);
    assert_eq!((run.code, run.stdout == whole), (0, true), "{}", run.stderr);
    assert!(
        run.stderr.contains("not kept") && run.stderr.contains("there is no room left"),
        "{}",
        run.stderr
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_home_costs_no_answer_and_can_be_read() {
    let Some(shell) = mounts() else { return };
    let place = kept();
    let bytes = std::fs::read(place.path(DATABASE)).unwrap();
    let read_only =
        "PATH=/usr/bin:/bin && mount --bind home home && mount -o remount,ro,bind home && unset PATH";
    answered(&behind(&shell, read_only, &place, &asked(&[])), "may not be written");
    answered(&behind(&shell, read_only, &place, &asked(&["-c"])), "may not be written");
    let logs = behind(&shell, read_only, &place, &["logs", "-n", "0", "--json"]);
    assert_eq!(logs.json().as_array().unwrap().len(), 20, "{logs}");
    assert_eq!(behind(&shell, read_only, &place, &["cost", "--json"]).json()["total"]["answers"], 20);
    assert!(std::fs::read(place.path(DATABASE)).unwrap() == bytes, "it is as it was");
    // Nothing was ever kept there.
    let empty = Place::new();
    answered(&behind(&shell, read_only, &empty, &asked(&[])), "conversations.db");
    assert!(!empty.path(DATABASE).exists());
}
