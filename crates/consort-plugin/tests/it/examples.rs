//! The example plugins, run as they are.
use crate::support::{asking, example, root};
use consort_core::ErrorKind;
use consort_plugin::protocol::code;
use consort_plugin::testing::Driver;
use serde_json::json;
use std::process::Command;
use std::time::Duration;

/// Runs one of `examples/`, unless its interpreter is missing.
fn run(program: &str, file: &str, model: &str, can_stop: bool) {
    let script = root().join("examples").join(file);
    let started = Driver::of_command(Command::new(program).arg(&script));
    let Ok(mut driver) = started.map(|driver| driver.limit(Duration::from_secs(20))) else {
        eprintln!("skipped: there is no {program} on this machine");
        return;
    };
    driver.initialize().unwrap();
    let list = driver.call("models/list", json!({})).unwrap();
    assert_eq!(list["models"][0]["id"], model);
    let answer = driver.generate(asking(model, "hello \"there\" \\ über"));
    assert_eq!(answer.text(), "hello \"there\" \\ über ");
    assert!(answer.raw.len() == 4, "it streams: {:?}", answer.raw);
    assert!(answer.result.is_ok());
    assert_eq!(driver.call("x-no-such", json!({})).unwrap_err().code, code::UNKNOWN_METHOD);
    let unknown = driver.generate(asking("nobody", "hello")).result.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::ModelNotFound);
    assert!(driver.call("ping", json!({})).is_ok());
    if can_stop {
        let id = driver.ask("generate", asking(model, &"word ".repeat(20_000)));
        driver.cancel(id);
        let stopped = driver.answered(id);
        assert_eq!(stopped.result.unwrap().finish_reason.as_deref(), Some("cancelled"));
        assert!(stopped.raw.len() < 20_000);
    }
    assert!(driver.call("shutdown", json!({})).is_ok());
    assert_eq!(driver.wrong(), [] as [String; 0]);
    assert_eq!(driver.finish().unwrap(), Some(0));
    let text = std::fs::read_to_string(script).unwrap();
    assert!(text.contains("/// llm-plugin"), "it has its manifest");
}

#[test]
fn python() {
    run("python3", "python/echo.py", "echo-py", true);
}

#[test]
fn node() {
    run("node", "node/echo.mjs", "echo-js", true);
}

#[cfg(unix)]
#[test]
fn shell() {
    run("/bin/sh", "shell/echo.sh", "echo-sh", false);
}

#[test]
fn rust() {
    let mut driver = Driver::of_command(&mut Command::new(example("parrot"))).unwrap();
    let hello = driver.initialize().unwrap();
    assert_eq!(
        hello["capabilities"],
        json!({"generate": true, "countTokens": true, "embed": true, "tools": true, "realtime": false})
    );
    let mut asked = asking("parrot", "hello there");
    assert_eq!(driver.generate(&asked).text(), "hello there");
    asked["options"] = json!({"upper": true});
    assert_eq!(driver.generate(&asked).text(), "HELLO THERE");
    assert_eq!(driver.generate(asking("parrot", " ")).result.unwrap_err().kind(), ErrorKind::InvalidRequest);
    let rolled =
        driver.call("tools/call", json!({"name": "dice", "id": "c", "arguments": {"sides": 1}})).unwrap();
    assert_eq!(rolled["content"][0]["text"], "1");
    assert_eq!(driver.wrong(), [] as [String; 0]);
    assert_eq!(driver.finish().unwrap(), Some(0));
}

#[test]
fn what_a_plugin_prints_does_not_reach_the_protocol() {
    let mut driver =
        Driver::of_command(&mut Command::new(example("trouble"))).unwrap().secret("acme", "12345");
    driver.initialize().unwrap();
    let answer = driver.generate(asking("trouble", "print 3"));
    assert!(answer.result.is_ok());
    assert_eq!(driver.generate(asking("trouble", "say 1000 x")).text(), "x".repeat(1000));
    assert_eq!(driver.generate(asking("trouble", "secret acme")).text(), "5");
    assert_eq!(driver.generate(asking("trouble", "tool f {\"a\":1}")).text(), "{\"a\":1}");
    assert_eq!(
        driver.generate(asking("trouble", "error quota")).result.unwrap_err().kind(),
        ErrorKind::Quota
    );
    assert_eq!(driver.wrong(), [] as [String; 0]);
    driver.ask("generate", asking("trouble", "die"));
    assert_eq!(driver.line(Duration::from_secs(5)), None, "it is gone");
    assert_eq!(driver.finish().unwrap(), Some(3));
}
