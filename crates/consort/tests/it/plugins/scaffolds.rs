//! `consort plugins new`: each scaffold passes its own check, and answers.
use super::Plugged;
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_drop_in_and_a_protocol_scaffold_in_python() {
    let Some(place) = Plugged::with_python() else { return };
    assert_snapshot!(place.run(&["plugins", "new", "drop-in", "my model"]), @r#"
    --- stderr
    ok: wrote ~/home/data/plugins/my model.py
    next: edit it, then: consort plugins check 'my model'; consort -m 'my model' "hello"
    "#);
    assert_eq!(place.run(&["plugins", "new", "python", "spoken"]).code, 0);
    for (id, answer) in [("my model", "my model heard: hello"), ("spoken", "heard: hello ")] {
        let check = place.run(&["plugins", "check", id]);
        assert!(check.code == 0 && !check.stdout.contains("warning"), "{check}");
        assert_eq!(place.ask(id, "hello").stdout, answer);
    }
    lives_through_mistakes(place.python.unwrap(), &place.place.path("home/data/plugins/spoken.py"), true);
}

/// A mistake in one request is an error of it alone, and `cancel` ends an answer where it is heard while one is given.
#[track_caller]
fn lives_through_mistakes(program: &str, file: &Path, hears: bool) {
    let mut child = Command::new(program)
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut said = from.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let mut tell = |message: Value| {
        let Value::Object(mut rest) = message else { panic!() };
        let id = rest.remove("id").map(|id| format!("\"id\":{id},")).unwrap_or_default();
        let rest = Value::from(rest).to_string();
        writeln!(to, "{{\"jsonrpc\":\"2.0\",{id}{}", &rest[1..]).unwrap();
    };
    let mut answer = |id: u64| said.find(|message| message["id"] == id).unwrap();
    if hears {
        tell(json!({"id": 1, "method": "generate", "params": {"messages": []}}));
        let error = answer(1)["error"].clone();
        assert_eq!(
            (&error["code"], &error["data"]["kind"]),
            (&json!(-32020), &json!("plugin_bug")),
            "{error}"
        );
        assert!(error["data"]["traceback"].as_str().unwrap().contains("generate"), "{error}");
        let parts = json!([{"type": "text", "text": "word ".repeat(200_000)}]);
        tell(
            json!({"id": 2, "method": "generate", "params": {"messages": [{"role": "user", "content": parts}]}}),
        );
        tell(json!({"id": 3, "method": "ping"}));
        assert_eq!(answer(3)["result"], json!({}), "it is heard beside an answer");
        tell(json!({"method": "cancel", "params": {"request": 2}}));
        assert_eq!(answer(2)["result"], json!({"finishReason": "cancelled"}));
    }
    tell(json!({"id": 4, "method": "strange"}));
    assert_eq!(answer(4)["error"]["code"], -32601);
    tell(json!({"id": 5, "method": "ping", "params": {}}));
    assert_eq!(answer(5)["result"], json!({}));
    drop(to);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_bruno_and_a_vision_agents_scaffold() {
    let Some(place) = Plugged::with_python() else { return };
    for (sort, id) in [("bruno", "my provider"), ("vision-agents", "seer")] {
        assert_eq!(place.run(&["plugins", "new", sort, id]).code, 0);
        let check = place.run(&["plugins", "check", id]);
        assert!(check.code == 0 && !check.stdout.contains("warning"), "{check}");
        assert_eq!(place.ask(id, "hello").stdout, "heard: hello ");
    }
}

#[test]
fn a_live_scaffold_of_vision_agents() {
    let Some(place) = Plugged::with_python() else { return };
    assert_snapshot!(place.run(&["plugins", "new", "vision-agents-live", "ear"]), @r"
    --- stderr
    ok: wrote ~/home/data/plugins/ear.py
    next: edit it, then: consort plugins check ear; consort plugins test ear
    ");
    let check = place.run(&["plugins", "check", "ear"]);
    assert!(check.code == 0 && !check.stdout.contains("warning"), "{check}");
    assert_snapshot!(place.run(&["plugins", "test", "ear"]), @r"
    passed: has_a_model
    passed: a_session_opens_hears_and_closes
    2 passed, 0 failed
    ");
}

#[test]
fn tests_of_a_plugin() {
    let Some(place) = Plugged::with_python() else { return };
    assert_eq!(place.run(&["plugins", "new", "bruno", "mine"]).code, 0);
    let messages = "[Message(role=\"user\", content=\"Hello\")]";
    place.place.file(
        "good.py",
        format!(
            "import pytest\nfrom bruno_core.models import Message\n@pytest.mark.asyncio\nasync def test_it():\n    \
             llm = CustomLLM(api_key=\"k\")\n    assert await llm.generate({messages}) == \"heard: Hello \"\n"
        ),
    );
    place.place.file("bad.py", "def test_it():\n    assert 1 == 2\n");
    let file = |name: &str| place.place.path(name).display().to_string();
    assert_snapshot!(place.run(&["plugins", "test", "mine", &file("good.py")]), @r"
    passed: test_it
    1 passed, 0 failed
    ");
    assert_snapshot!(place.run(&["plugins", "test", "mine"]), @r"
    passed: has_a_model
    passed: answers_in_one_piece
    passed: streams
    3 passed, 0 failed
    ");
    let bad = place.run(&["plugins", "test", "mine", &file("bad.py")]);
    assert!(bad.code == 1 && bad.stdout.contains("0 passed, 1 failed"), "{bad}");
}

#[test]
fn a_node_scaffold() {
    let place = Plugged::new();
    if !Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no node");
        return;
    }
    assert_eq!(place.run(&["plugins", "new", "node", "noded"]).code, 0);
    let check = place.run(&["plugins", "check", "noded"]);
    assert!(check.code == 0 && !check.stdout.contains("warning"), "{check}");
    assert_eq!(place.ask("noded", "hello").stdout, "heard: hello ");
    lives_through_mistakes("node", &place.place.path("home/data/plugins/noded.mjs"), true);
}

#[cfg(unix)]
#[test]
fn a_shell_scaffold() {
    let place = Plugged::new();
    assert_eq!(place.run(&["plugins", "new", "shell", "my shell"]).code, 0);
    let check = place.run(&["plugins", "check", "my shell"]);
    assert!(check.code == 0 && !check.stdout.contains("warning"), "{check}");
    assert_eq!(place.ask("my shell", "say \"hello\"").stdout, "heard: say \"hello\" ");
    lives_through_mistakes("sh", &place.place.path("home/data/plugins/my shell.sh"), false);
}

#[test]
fn an_llm_scaffold_says_what_it_needs_first() {
    let Some(place) = Plugged::with_python() else { return };
    assert_snapshot!(place.run(&["plugins", "new", "llm", "grown"]), @r#"
    --- stderr
    ok: wrote ~/home/data/plugins/grown.py
    next: consort plugins install-deps grown, then: consort -m grown "hello"
    "#);
    assert_snapshot!(place.ask("grown", "x"), @r#"
    exit 3
    --- stderr
    error: grown: the plugin needs setup: its packages are not installed: llm
      help: consort plugins install-deps grown
    "#);
    assert_snapshot!(place.run(&["plugins", "check", "grown"]), @r#"
    exit 1
    grown (llm)
    error: its packages are not installed: llm
      help: consort plugins install-deps grown
    "#);
}

#[test]
fn a_rust_scaffold_is_a_package() {
    let place = Plugged::new();
    assert_snapshot!(place.run(&["plugins", "new", "rust", "my rust"]), @r#"
    --- stderr
    ok: wrote my-rust/Cargo.toml
    ok: wrote my-rust/src/main.rs
    next: cd my-rust; cargo test; cargo build --release; consort plugins install target/release/my-rust
    "#);
    // A package's name has no spaces, and the crates come from the checkout that this program was built in.
    let manifest = std::fs::read_to_string(place.place.path("my-rust/Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"my-rust\"") && !manifest.contains('@'), "{manifest}");
    assert!(manifest.lines().any(|line| line == "[workspace]"), "inside another it stands alone: {manifest}");
    let core = manifest.lines().find_map(|line| line.strip_prefix("consort-core = { path = \"")).unwrap();
    assert!(std::path::Path::new(core.trim_end_matches("\" }")).join("Cargo.toml").is_file(), "{core}");
}

/// It compiles, with its test, from what is on this machine: the crates of the checkout, and those that they were built with.
#[test]
fn a_rust_scaffold_compiles() {
    let place = Plugged::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    for name in ["my rust", "4o"] {
        let run = place.run(&["plugins", "new", "rust", name]);
        assert_eq!(run.code, 0, "{run}");
        let folder = place.place.path(if name == "4o" { "plugin-4o" } else { "my-rust" });
        std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let built = Command::new(env!("CARGO"))
            .args(["check", "--all-targets", "--offline", "--quiet"])
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/scaffold"))
            .env("RUSTFLAGS", "-D warnings")
            .output()
            .unwrap();
        assert!(built.status.success(), "{name}: {}", String::from_utf8_lossy(&built.stderr));
    }
}

#[test]
fn nothing_is_overwritten_and_no_name_leads_elsewhere() {
    let place = Plugged::new();
    assert_eq!(place.run(&["plugins", "new", "drop-in", "mine"]).code, 0);
    assert_snapshot!(place.run(&["plugins", "new", "drop-in", "mine"]), @r#"
    exit 2
    --- stderr
    error: [PLACE]/home/data/plugins/mine.py is there already
      help: choose another name; nothing was written
    "#);
    for name in ["../x", "a/b", "", ".hidden", "-x", "_helper", "a\nb"] {
        assert_eq!(place.run(&["plugins", "new", "drop-in", "--", name]).code, 2, "{name:?}");
    }
    assert!(!place.place.path("home/data/x.py").exists());
    // The same name with another ending would be one plugin in two files.
    let other = place.run(&["plugins", "new", "node", "mine"]);
    assert!(other.code == 2 && other.stderr.contains("mine.py"), "{other}");
}
