//! The reference page: every line that it shows fits the schema, and its smallest plugin runs.
use crate::support::{asking, root};
use consort_core::ErrorKind;
use consort_plugin::testing::{Driver, Transcript, schema};
use serde_json::{Value, json};
use std::process::Command;

fn page() -> String {
    read("docs/reference/plugin-protocol.md")
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The code blocks of one language.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut inside: Option<String> = None;
    for line in page.lines() {
        match &mut inside {
            Some(block) if line == "```" => {
                blocks.push(std::mem::take(block));
                inside = None;
            }
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line == format!("```{language}") => inside = Some(String::new()),
            None => {}
        }
    }
    blocks
}

/// The messages that a block shows, and whether the host wrote them. `→` and `←` say who; `…` stands for more.
pub(crate) fn messages(block: &str) -> Vec<(bool, Value)> {
    let mut found = Vec::new();
    let text = block.replace("[…]", "[]");
    for piece in text.split_inclusive(['→', '←']).collect::<Vec<_>>().windows(2) {
        let host = piece[0].ends_with('→');
        let message = piece[1].trim_end_matches(['→', '←']).trim();
        let mut message: Value =
            serde_json::from_str(message).unwrap_or_else(|error| panic!("{error} in the page's {message}"));
        message["jsonrpc"] = "2.0".into();
        found.push((host, message));
    }
    found
}

#[test]
fn every_line_of_the_page_fits_the_schema() {
    let page = page();
    let mut both = Transcript::default();
    let mut seen = 0;
    // What the page answers or refers to without showing who asked.
    both.from_host(&json!({"jsonrpc":"2.0","id":"x","method":"x-first","params":{}}).to_string()).unwrap();
    let inline: String = page.split('`').filter(|code| code.starts_with('→')).collect();
    let mut shown: Vec<String> = blocks(&page, "json");
    shown.push(inline);
    for block in shown {
        if !block.contains(['→', '←']) {
            let error: Value = serde_json::from_str(&block).unwrap();
            let asked = json!({"jsonrpc":"2.0","id":error["id"],"method":"ping"});
            both.from_host(&asked.to_string()).unwrap();
            both.from_plugin(&error.to_string()).unwrap();
            seen += 1;
            continue;
        }
        for (host, message) in messages(&block) {
            let line = message.to_string();
            let judged = if host { both.from_host(&line) } else { both.from_plugin(&line) };
            judged.unwrap_or_else(|wrong| panic!("{line}\n{wrong}"));
            seen += 1;
        }
    }
    assert!(seen > 35, "the page shows {seen} messages");
}

#[test]
fn the_schema_is_a_schema_and_knows_all_kinds_of_errors() {
    assert!(jsonschema_is_valid(schema()));
    let kinds = schema().pointer("/$defs/error/properties/data/properties/kind/enum").unwrap();
    let ours: Vec<&str> = ErrorKind::ALL.into_iter().map(ErrorKind::as_str).collect();
    assert_eq!(*kinds, json!(ours));
    let page = page();
    let strict =
        Transcript::default().from_host(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":1}}"#);
    assert!(strict.is_err());
    for method in schema().pointer("/$defs/params/$defs").and_then(Value::as_object).unwrap().keys() {
        assert!(page.contains(method.as_str()), "the page does not name `{method}`");
    }
}

/// Whether it validates a message and refuses another: a schema that cannot be compiled does neither.
fn jsonschema_is_valid(schema: &Value) -> bool {
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut both = Transcript::default();
    both.from_host(r#"{"jsonrpc":"2.0","id":1,"method":"shutdown"}"#).is_ok()
        && both.from_plugin(r#"{"jsonrpc":"2.0","id":1,"result":7}"#).is_err()
}

#[test]
fn the_smallest_plugin_runs() {
    let python = Command::new("python3").arg("--version").output();
    if python.is_err() {
        eprintln!("skipped: there is no python3 on this machine");
        return;
    }
    let code = &blocks(&page(), "python")[0];
    let mut driver = Driver::of_command(Command::new("python3").args(["-c", code])).unwrap();
    driver.initialize().unwrap();
    assert_eq!(driver.generate(asking("echo", "hello there")).text(), "hello there ");
    assert_eq!(driver.call("no/such", json!({})).unwrap_err().code, -32601);
    driver.finish().unwrap();
}
