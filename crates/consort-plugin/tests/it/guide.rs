//! The guide for any language: each of its code blocks is run or judged. (The guide for Rust is a doctest.)
use crate::reference::{blocks, messages, read};
use crate::support::{asking, root};
use consort_plugin::testing::{Driver, Transcript};
use serde_json::{Value, json};
use std::process::Command;

fn guide() -> String {
    read("docs/guides/plugins-in-any-language.md")
}

fn is_missing(program: &str) -> bool {
    let missing = Command::new(program).arg("-c").arg("").output().is_err();
    if missing {
        eprintln!("skipped: there is no {program} on this machine");
    }
    missing
}

#[test]
fn its_python_runs() {
    if is_missing("python3") {
        return;
    }
    let all = blocks(&guide(), "python");
    let [hello, stopping] = &all[..] else { panic!("{} blocks of Python", all.len()) };
    let mut driver = Driver::of_command(Command::new("python3").args(["-c", hello])).unwrap();
    driver.initialize().unwrap();
    assert_eq!(driver.call("models/list", json!({})).unwrap()["models"][0]["id"], "hello");
    assert_eq!(driver.generate(asking("hello", "Good morning")).text(), "Hello!");
    assert_eq!(driver.call("x-no-such", json!({})).unwrap_err().code, -32601);
    driver.call("shutdown", json!({})).unwrap();
    assert_eq!(driver.wrong(), [] as [String; 0]);
    assert_eq!(driver.finish().unwrap(), Some(0));
    assert!(Command::new("python3").args(["-c", stopping]).status().unwrap().success());
}

#[test]
fn its_lines_fit_the_schema() {
    let mut judged = 0;
    for block in blocks(&guide(), "json") {
        let mut both = Transcript::default();
        if !block.contains(['→', '←']) {
            let error: Value = serde_json::from_str(&block).unwrap();
            both.from_host(&json!({"jsonrpc":"2.0","id":error["id"],"method":"ping"}).to_string()).unwrap();
            both.from_plugin(&error.to_string()).unwrap();
            continue;
        }
        // An answer to a request that stands above the block.
        if block.contains("\"cancel\"") {
            both.from_host(
                r#"{"jsonrpc":"2.0","id":3,"method":"generate","params":{"model":"m","messages":[]}}"#,
            )
            .unwrap();
        }
        for (host, message) in messages(&block) {
            let line = message.to_string();
            let fits = if host { both.from_host(&line) } else { both.from_plugin(&line) };
            fits.unwrap_or_else(|wrong| panic!("{line}\n{wrong}"));
            judged += 1;
        }
    }
    assert!(judged > 10, "{judged}");
}

#[cfg(unix)]
#[test]
fn its_shell_runs() {
    for block in blocks(&guide(), "sh") {
        let output = Command::new("/bin/sh").arg("-c").arg(&block).current_dir(root()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("echo-sh"), "{text}");
    }
}
