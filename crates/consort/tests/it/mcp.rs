//! `consort mcp`, and the guide's blocks.
use crate::support::Place;

const GUIDE: &str = include_str!("../../../../docs/guides/mcp.md");

/// The blocks of a kind in the guide.
fn blocks(kind: &str) -> Vec<&'static str> {
    let fence = format!("```{kind}\n");
    GUIDE.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn path() -> [(&'static str, &'static str); 1] {
    [("PATH", Box::leak(std::env::var("PATH").unwrap_or_default().into_boxed_str()))]
}

fn has_python() -> bool {
    let found = std::process::Command::new("python3").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: no python3");
    }
    found
}

/// A place with the guide's server in its settings.
fn with_dice() -> Option<Place> {
    if !has_python() {
        return None;
    }
    let place = Place::new();
    place.file("dice.py", blocks("python")[0]);
    let added = place.run(&["mcp", "add", "dice", "python3", "dice.py"]);
    assert_eq!(added.code, 0, "{added}");
    Some(place)
}

#[test]
fn the_guides_server_rolls() {
    let Some(place) = with_dice() else { return };
    let run = place.run_with(&path(), &["mcp", "call", "dice", "roll", "{\"sides\": 20}"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "the best of 20: 20\n"), "{run}");
    let list = place.run_with(&path(), &["mcp", "--json"]).json();
    assert_eq!((&list[0]["state"], &list[0]["tools"]), (&"ready".into(), &1.into()), "{list}");
    let tools = place.run_with(&path(), &["mcp", "tools", "dice"]);
    assert!(tools.stdout.contains("roll") && tools.stdout.contains("Rolls a die"), "{tools}");
    let check = place.run_with(&path(), &["mcp", "check", "dice"]);
    assert!(check.stdout.contains("dice is dice 1, speaks MCP 2025-11-25, and offers 1 tools"), "{check}");
    let none = place.run_with(&path(), &["mcp", "call", "dice", "spin"]);
    assert!(none.code == 2 && none.stderr.contains("dice has no tool `spin`"), "{none}");
}

#[test]
fn the_guides_settings_are_settings() {
    let place = Place::new();
    let text: String = blocks("toml").into_iter().rev().collect::<Vec<_>>().join("\n");
    place.file("home/consort.toml", text.replace("~/.config/other", "."));
    place.file("home/mcp.json", "{\"mcpServers\": {\"theirs\": {\"command\": \"true\"}}}");
    let run = place.run_with(&path(), &["mcp", "--json"]);
    assert!(run.stderr.is_empty(), "{run}");
    let names: Vec<String> =
        run.json().as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["files", "tickets", "theirs"]);
    assert_eq!(run.json()[1]["detail"], "needs setup: the key `tickets` is not set");
}

#[test]
fn servers_are_added_and_removed() {
    let place = Place::new();
    place.file("home/consort.toml", "# mine\n[aliases] # short\nf = 'demo'\n");
    let header = ["--header", "Authorization: Bearer ${secret:far}"];
    let run = place.run(&[&["mcp", "add", "far", "--url", "https://h/mcp"], &header[..]].concat());
    assert_eq!(run.code, 0, "{run}");
    let text = std::fs::read_to_string(place.path("home/consort.toml")).unwrap();
    assert!(text.starts_with("# mine\n[aliases] # short\nf = 'demo'\n"), "{text}");
    assert!(text.contains("headers = { Authorization = \"Bearer ${secret:far}\" }"), "{text}");
    let twice = place.run(&["mcp", "add", "far", "true"]);
    assert!(twice.code == 2 && twice.stderr.contains("consort mcp remove far"), "{twice}");
    assert_eq!(place.run(&["mcp", "remove", "far"]).code, 0);
    let gone = place.run(&["mcp", "remove", "far"]);
    assert!(gone.code == 2 && gone.stderr.contains("names no MCP server `far`"), "{gone}");
    assert!(place.run(&["mcp", "add", "x"]).stderr.contains("say what to start"));
}

#[test]
fn a_projects_servers_are_refused() {
    let place = Place::new();
    place.file("consort.toml", "[mcp.evil]\ncommand = 'touch'\nargs = ['evil']\n");
    let run = place.run_with(&path(), &["mcp", "check", "evil"]);
    assert!(run.code == 2 && run.stderr.contains("may not name MCP servers"), "{run}");
    assert!(!place.path("evil").exists());
}

/// A killed host ends nothing in order: its servers end all the same, with what they started.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_host_leaves_no_server() {
    use std::time::Duration;
    if !has_python() {
        return;
    }
    let place = Place::new();
    let slow = blocks("python")[0].replace(
        "sides = message",
        "import os, subprocess, time\n        child = subprocess.Popen(['sleep', '600'])\n        \
         open('numbers', 'w').write(f'{os.getpid()} {child.pid}\\n')\n        time.sleep(600)\n        sides = message",
    );
    place.file("slow.py", slow);
    assert_eq!(place.run(&["mcp", "add", "slow", "python3", "slow.py"]).code, 0);
    let mut host = place.command(&["mcp", "call", "slow", "roll"]).envs(path()).spawn().unwrap();
    let runs = |process: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    };
    let wait = |what: &dyn Fn() -> bool| {
        (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            what()
        })
    };
    let numbers = || std::fs::read_to_string(place.path("numbers")).unwrap_or_default();
    assert!(wait(&|| numbers().ends_with('\n')), "the server was not called");
    let numbers = numbers();
    let both: Vec<&str> = numbers.split_whitespace().collect();
    assert!(both.iter().all(|process| runs(process)), "{both:?}");
    host.kill().unwrap();
    host.wait().unwrap();
    assert!(wait(&|| both.iter().all(|process| !runs(process))), "left behind: {both:?}");
}

/// A server whose tools write down that they ran; `wait` ends when a file is there, or nobody waits any more.
const NOTES: &str = r#"
import json, os, sys, time
parent = os.getppid()
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "initialize":
        result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "notes", "version": "1"}}
    elif message["method"] == "tools/list":
        tools = [{"name": name, "description": "Notes it", "inputSchema": {"type": "object"}} for name in ("note", "wait")]
        result = {"tools": tools}
    elif message["method"] == "tools/call":
        name = message["params"]["name"]
        with open("ran.txt", "a") as ran:
            ran.write(name + "\n")
        while name == "wait" and not os.path.exists("go") and os.getppid() == parent:
            time.sleep(0.02)
        result = {"content": [{"type": "text", "text": "done"}]}
    else:
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"#;

#[test]
fn a_killed_tool_loop_goes_on_without_a_prompt() {
    use crate::support::Vendor;
    use consort_testkit::Reply;
    if !has_python() {
        return;
    }
    let calls = r#"{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[
        {"id":"a","type":"function","function":{"name":"notes__note","arguments":"{}"}},
        {"id":"b","type":"function","function":{"name":"notes__wait","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
    let answer = r#"{"id":"2","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"All is noted."},"finish_reason":"stop"}]}"#;
    let vendor = Vendor::new([Reply::json(calls), Reply::json(answer)]);
    let place = Place::new();
    place.file(
        "home/providers/lab.toml",
        format!(
            "name = \"Lab\"\nwire = \"openai-chat\"\nbase_url = \"{}\"\nkey_optional = true\n",
            vendor.url()
        ),
    );
    place.file("notes.py", NOTES);
    assert_eq!(place.run(&["mcp", "add", "notes", "python3", "notes.py"]).code, 0);
    let mut cut = place.command(&["-m", "lab/m", "--no-stream", "-T", "notes", "note it"]);
    let mut cut = cut.envs(path()).spawn().unwrap();
    let ran = || std::fs::read_to_string(place.path("ran.txt")).unwrap_or_default();
    let begun = std::time::Instant::now();
    while ran() != "note\nwait\n" && begun.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // The result of the first is kept by then.
    std::thread::sleep(std::time::Duration::from_millis(300));
    cut.kill().unwrap();
    cut.wait().unwrap();
    assert_eq!(ran(), "note\nwait\n");
    let without = place.run_with(&path(), &["-c"]);
    assert!(without.code == 2 && without.stderr.contains("waits for the tool `"), "{without}");
    place.file("go", "");
    let resumed = place.run_with(&path(), &["-c", "--no-stream", "-T", "notes"]);
    assert_eq!((resumed.code, resumed.stdout.as_str()), (0, "All is noted."), "{resumed}");
    // The tool that was cut ran again, and the one that had ended did not.
    assert_eq!(ran(), "note\nwait\nwait\n");
    let over = place.run_with(&path(), &["-c", "-T", "notes"]);
    assert!(over.code == 2 && over.stderr.contains("the prompt is empty"), "{over}");
}
