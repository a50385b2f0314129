//! Ctrl+C, closed pipes, and time limits.
use super::support::Place;
use std::io::Read;
use std::process::{Command, Stdio};

const LONG: [&str; 7] = ["-m", "demo", "-o", "words", "5000", "-o", "delay_ms"];

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_came() {
    let place = Place::new();
    let mut child = place.command(&[&LONG[..], &["50", "hi"]].concat()).spawn().unwrap();
    let mut first = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"word1 ");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "(stopped: the answer is not whole)\n");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_programs_a_whole_object() {
    let place = Place::new();
    let mut child =
        place.command(&[&LONG[..], &["50", "--json", "-o", "think", "1", "hi"]].concat()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(400));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["error"]["code"], "cancelled");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let place = Place::new();
    for args in
        [&["-m", "demo", "hi"][..], &["models"], &["-m", "demo", "--jsonl", "hi"], &["completions", "bash"]]
    {
        let mut child = place.command(args).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{args:?}");
    }
}

#[test]
fn the_time_limit_holds() {
    let place = Place::new();
    let run = place.run(&["-m", "demo/slow", "--timeout", "1", "hi"]);
    assert_eq!(run.code, 7, "{run}");
    assert!(run.stderr.contains("deadline"), "{run}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_ends_the_answer() {
    use super::support::Vendor;
    use consort_testkit::Reply;
    let chunk = "data: {\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n";
    let vendor = Vendor::new([Reply::open("text/event-stream").repeat(chunk, 1_000_000)]);
    let place = Place::new();
    let mut child = place
        .command(&["-m", "openai/gpt-4o", "hello"])
        .envs([("OPENAI_BASE_URL", vendor.url().as_str()), ("OPENAI_API_KEY", "sk-x")])
        .spawn()
        .unwrap();
    let mut first = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
