//! Recorded answers of each family of vendors, where CONSORT_RECORDINGS points at a folder of them, through the
//! program in odd pieces: text, tool calls and finish are what the vendors' own libraries found.
use super::support::{Place, Vendor};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_testkit::Reply;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// So many of each kind of each family.
const EACH: usize = 12;

#[test]
fn recorded_answers_through_the_program() {
    let Some(dir) = std::env::var_os("CONSORT_RECORDINGS") else { return };
    let mut wrong = Vec::new();
    let mut judged = 0;
    for folder in folders(Path::new(&dir)) {
        for kind in ["chat", "responses", "messages", "generate", "converse"] {
            let recordings = recordings(&folder, kind);
            // Spread over the folder, so that streams, bodies and errors are among them.
            let step = recordings.len().div_ceil(EACH).max(1);
            for (index, recording) in recordings.iter().step_by(step).enumerate() {
                judged += 1;
                wrong.extend(check(recording, index));
            }
        }
    }
    assert!(judged >= 100, "only {judged} answers found in {}", Path::new(&dir).display());
    assert!(wrong.is_empty(), "{} of {judged} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    all
}

fn recordings(folder: &Path, kind: &str) -> Vec<Value> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    files
        .iter()
        .filter_map(|file| serde_json::from_slice::<Value>(&std::fs::read(file).ok()?).ok())
        .filter(|recording| recording["kind"] == kind)
        .filter(|recording| !(kind == "generate" && recording["provider"] == "ollama"))
        .collect()
}

/// The built-in provider of a recording, else a file for one.
fn provider(recording: &Value) -> (String, Option<&'static str>) {
    const BUILT_IN: [&str; 16] = [
        "cerebras",
        "cohere",
        "deepseek",
        "gemini",
        "groq",
        "huggingface",
        "lmstudio",
        "mistral",
        "moonshot",
        "ollama",
        "openrouter",
        "perplexity",
        "together",
        "xai",
        "zai",
        "fireworks",
    ];
    let family = recording["provider"].as_str().unwrap();
    let name = family.strip_prefix("compat-").unwrap_or(family);
    match recording["kind"].as_str().unwrap() {
        "messages" => ("anthropic".into(), None),
        "converse" => ("bedrock".into(), None),
        "generate" => ("gemini".into(), None),
        "responses" => ("acme".into(), Some("openai-responses")),
        _ if BUILT_IN.contains(&name) => (name.into(), None),
        _ => ("acme".into(), Some("openai-chat")),
    }
}

/// Two calls under one index, each with its own id and name: we read two, the vendor's library joins them.
const JOINED: [&str; 1] = ["compat-cerebras--e69e78124851"];

/// Names and arguments; those that were cut, and so are no JSON, as they came.
fn calls(list: &Value) -> Value {
    let all = list.as_array().into_iter().flatten();
    all.map(|call| {
        let arguments = if call["arguments"].is_null() { &call["arguments_raw"] } else { &call["arguments"] };
        json!([call["name"], arguments])
    })
    .collect()
}

fn check(recording: &Value, index: usize) -> Vec<String> {
    let response = &recording["response"];
    let text = response["body"].as_str().unwrap_or_default();
    let body = if response["body_encoding"] == "base64" {
        STANDARD.decode(text).unwrap()
    } else {
        text.as_bytes().to_vec()
    };
    let headers: Vec<(&str, &str)> = response["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !["content-length", "connection", "transfer-encoding"].contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    let sizes: [&[usize]; 3] = [&[1, 13, 4], &[3, 211], &[1021, 1]];
    let status = response["status"].as_u64().unwrap() as u16;
    let vendor = Vendor::new([Reply::pieces(status, &headers, &body, sizes[index % sizes.len()])]);
    let place = Place::new();
    let (id, wire) = provider(recording);
    match wire {
        Some(wire) => place
            .file("home/providers/acme.toml", format!("wire = '{wire}'\nbase_url = '{}'\n", vendor.url())),
        None => place.file("home/consort.toml", format!("[providers.{id}]\nbase_url = '{}'\n", vendor.url())),
    };
    let model = format!("{id}/recorded");
    let mut args = vec!["--json", "-q", "--key", "none", "-m", &model, "hello"];
    if recording["stream"] != true {
        args.push("--no-stream");
    }
    let run = place.run(&args);
    let object: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let expect = &recording["expect"];
    let mut wrong = Vec::new();
    let mut same = |what: &str, got: Value, wanted: Value| {
        if got != wanted {
            wrong.push(format!("{} {what}: {got}, not {wanted} (exit {})", recording["id"], run.code));
        }
    };
    if expect["error"].is_null() {
        same("error", object["error"].clone(), Value::Null);
        same(
            "finish",
            object["vendor_finish"].as_str().unwrap_or_default().into(),
            expect["finish_reason"].as_str().unwrap_or_default().into(),
        );
    } else {
        same("failed", json!(!object["error"].is_null() && run.code != 0), json!(true));
    }
    same(
        "text",
        object["text"].as_str().unwrap_or_default().into(),
        expect["text"].as_str().unwrap_or_default().into(),
    );
    if !JOINED.contains(&recording["id"].as_str().unwrap_or_default()) {
        same("tool calls", calls(&object["tool_calls"]), calls(&expect["tool_calls"]));
    }
    wrong
}
