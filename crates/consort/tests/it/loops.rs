//! Answers of a tool loop: each is kept before it is shown, and each is paid for.
use super::support::Place;
use std::io::Read;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// An MCP server that notes what it is called for. The tool `moon` waits for a file.
const SKY: &str = r#"import json, os, sys, time

for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "initialize":
        version = message["params"]["protocolVersion"]
        info = {"name": "sky", "version": "1"}
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    elif message["method"] == "tools/list":
        schema = {"type": "object", "properties": {}}
        names = ["weather", "moon"]
        result = {"tools": [{"name": name, "description": name, "inputSchema": schema} for name in names]}
    elif message["method"] == "tools/call":
        name = message["params"]["name"]
        with open("called", "a") as file:
            file.write(name + "\n")
        while name == "moon" and not os.path.exists("go"):
            time.sleep(0.01)
        result = {"content": [{"type": "text", "text": name + " is fine"}]}
    else:
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"#;

fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// A place with the server in its settings.
fn with_sky() -> Option<Place> {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: no python3");
        return None;
    }
    let place = Place::new();
    place.file("sky.py", SKY);
    assert_eq!(place.run(&["mcp", "add", "sky", "python3", "sky.py"]).code, 0);
    Some(place)
}

/// The tools that were called so far.
fn called(place: &Place) -> Vec<String> {
    let text = std::fs::read_to_string(place.path("called")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_killed_loop_goes_on_and_runs_no_finished_tool_again() {
    let Some(place) = with_sky() else { return };
    let ask =
        ["-m", "demo", "-o", "delay_ms", "0", "-T", "sky", "what are the weather and the moon of the sky?"];
    let mut child = place.command(&ask).env("PATH", path()).spawn().unwrap();
    until("one tool is done and the other works", || called(&place) == ["weather", "moon"]);
    let whole = || place.run(&["logs", "--json"]).json();
    let id = || whole()[0]["conversation"].as_str().unwrap_or_default().to_owned();
    until("the first result is kept", || {
        place.run(&["logs", "show", &id()]).stdout.contains("weather is fine")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    place.file("go", "");
    let run = place.run_with(&[("PATH", &path())], &["-c", "-o", "delay_ms", "0", "-T", "sky"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("weather is fine") && run.stdout.contains("moon is fine"), "{run}");
    assert_eq!(
        called(&place),
        ["weather", "moon", "moon"],
        "what was under way runs again, and nothing else"
    );
    assert_eq!(whole()[0]["status"], "complete");
}

#[test]
fn no_answer_of_a_loop_is_shown_before_it_is_kept() {
    let Some(place) = with_sky() else { return };
    let ask = ["-m", "demo", "-o", "delay_ms", "0", "-T", "sky", "what is the moon of the sky?"];
    let mut child = place.command(&ask).env("PATH", path()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let (tell, shown) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            tell.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).unwrap();
        }
    });
    until("the tool is called", || called(&place) == ["moon"]);
    // While the tool works, another program takes the database for itself.
    let other = rusqlite::Connection::open(place.path("home/data/conversations.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    place.file("go", "");
    assert!(shown.recv_timeout(Duration::from_millis(1500)).is_err(), "the second answer is not kept yet");
    other.execute_batch("COMMIT").unwrap();
    let mut all = String::new();
    while let Ok(more) = shown.recv_timeout(Duration::from_secs(30)) {
        all.push_str(&more);
    }
    assert!(all.starts_with("The tool `sky__moon` answered: moon is fine"), "{all}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let kept = place.run(&["logs", "--json"]).json();
    assert!(kept[0]["response"].as_str().unwrap().starts_with("The tool `sky__moon`"), "{kept}");
}

#[test]
fn the_tries_of_all_answers_are_told() {
    let place = Place::new();
    let ask = ["--json", "-m", "demo", "-o", "delay_ms", "0", "-T", "time", "what time is it"];
    let answer = place.run(&ask).json();
    let targets: Vec<&str> = answer["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["target"].as_str().unwrap())
        .collect();
    assert_eq!(targets, ["demo", "demo"], "one for the call, one for the words: {answer}");
}
