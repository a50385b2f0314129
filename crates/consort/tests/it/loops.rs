//! Answers of a tool loop: each is kept before it is shown, and each is paid for.
use super::support::Place;
use std::io::Read;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// An MCP server whose tool waits for a file.
const SKY: &str = r#"import json, os, sys, time

for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "initialize":
        version = message["params"]["protocolVersion"]
        info = {"name": "sky", "version": "1"}
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    elif message["method"] == "tools/list":
        schema = {"type": "object", "properties": {}}
        result = {"tools": [{"name": "weather", "description": "Tells the weather", "inputSchema": schema}]}
    elif message["method"] == "tools/call":
        open("called", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
        result = {"content": [{"type": "text", "text": "rain"}]}
    else:
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"#;

#[test]
fn no_answer_of_a_loop_is_shown_before_it_is_kept() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: no python3");
        return;
    }
    let place = Place::new();
    place.file("sky.py", SKY);
    place.run(&["mcp", "add", "sky", "python3", "sky.py"]);
    let path = std::env::var("PATH").unwrap_or_default();
    let ask = ["-m", "demo", "-o", "delay_ms", "0", "-T", "sky", "what is the weather?"];
    let mut child = place.command(&ask).env("PATH", path).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let (tell, shown) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            tell.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).unwrap();
        }
    });
    let begun = Instant::now();
    while !place.path("called").exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the tool is not called");
        std::thread::sleep(Duration::from_millis(10));
    }
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
    assert!(all.starts_with("The tool `sky__weather` answered: rain"), "{all}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let kept = place.run(&["logs", "--json"]).json();
    assert!(kept[0]["response"].as_str().unwrap().starts_with("The tool `sky__weather`"), "{kept}");
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
