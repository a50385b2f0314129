//! Recorded answers of each family of vendors, where CONSORT_RECORDINGS points at a folder of them, through the
//! program in odd pieces: text, tool calls and finish are what the vendors' own libraries found. What a cloud
//! serves too is played as that cloud's answer as well.
use super::support::{NOBODY_HOME, Place, Vendor};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_testkit::Reply;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// So many of each kind of each family.
const EACH: usize = 12;

#[test]
fn recorded_answers_through_the_program() {
    let Some(dir) = std::env::var_os("CONSORT_RECORDINGS") else { return };
    let mut wrong = Vec::new();
    let mut judged = BTreeMap::new();
    for folder in folders(Path::new(&dir)) {
        for kind in ["chat", "responses", "messages", "generate", "converse"] {
            let recordings = recordings(&folder, kind);
            // Spread over the folder, so that streams, bodies and errors are among them.
            let step = recordings.len().div_ceil(EACH).max(1);
            for (index, recording) in recordings.iter().step_by(step).enumerate() {
                for played in [Some(vendor(recording)), cloud(recording)].into_iter().flatten() {
                    *judged.entry(played.id).or_insert(0) += 1;
                    wrong.extend(check(recording, index, &played));
                }
            }
        }
    }
    let all: usize = judged.values().sum();
    assert!(all >= 100, "only {all} answers found in {}", Path::new(&dir).display());
    for (cloud, fewest) in [("vertex", 20), ("vertex-anthropic", 10), ("azure-openai", 20)] {
        let found = judged.get(cloud).copied().unwrap_or_default();
        assert!(found >= fewest, "only {found} answers of {cloud}: {judged:?}");
    }
    assert!(wrong.is_empty(), "{} of {all} are wrong:\n{}", wrong.len(), wrong.join("\n"));
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

/// Whose answer a recording is played as.
struct Played {
    id: &'static str,
    /// The wire of one that is not built in.
    wire: Option<&'static str>,
    model: &'static str,
    /// Where it is asked, for a stream and for a single body, where that is a cloud's own way.
    paths: Option<[&'static str; 2]>,
}

/// The built-in provider of a recording, else a file for one.
fn vendor(recording: &Value) -> Played {
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
    let (id, wire) = match recording["kind"].as_str().unwrap() {
        "messages" => ("anthropic", None),
        "converse" => ("bedrock", None),
        "generate" => ("gemini", None),
        "responses" => ("acme", Some("openai-responses")),
        _ => match BUILT_IN.iter().find(|known| **known == name) {
            Some(known) => (*known, None),
            None => ("acme", Some("openai-chat")),
        },
    };
    Played { id, wire, model: "recorded", paths: None }
}

/// The cloud that answers in the same way, and where it is asked.
fn cloud(recording: &Value) -> Option<Played> {
    let family = recording["provider"].as_str().unwrap();
    let (id, model, paths) = match recording["kind"].as_str().unwrap() {
        "generate" => (
            "vertex",
            "recorded",
            ["/models/recorded:streamGenerateContent?alt=sse", "/models/recorded:generateContent"],
        ),
        "messages" => (
            "vertex-anthropic",
            "recorded",
            ["/models/recorded:streamRawPredict", "/models/recorded:rawPredict"],
        ),
        "chat" if ["openai-chat", "azure-openai"].contains(&family) => {
            ("azure-openai", "recorded", ["/chat/completions"; 2])
        }
        // There the model's name says which wire it speaks.
        "responses" if ["openai-responses", "azure-openai"].contains(&family) => {
            ("azure-openai", "gpt-5-recorded", ["/responses"; 2])
        }
        _ => return None,
    };
    Some(Played { id, wire: None, model, paths: Some(paths) })
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

fn check(recording: &Value, index: usize, played: &Played) -> Vec<String> {
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
    let Played { id, wire, model, paths } = played;
    match wire {
        Some(wire) => place
            .file("home/providers/acme.toml", format!("wire = '{wire}'\nbase_url = '{}'\n", vendor.url())),
        None => place.file("home/consort.toml", format!("[providers.{id}]\nbase_url = '{}'\n", vendor.url())),
    };
    let model = format!("{id}/{model}");
    let mut args = vec!["--json", "-q", "--key", "none", "-m", &model, "hello"];
    if recording["stream"] != true {
        args.push("--no-stream");
    }
    // The file says where local servers are too: a variable that is empty counts as unset.
    let run = place.run_with(&NOBODY_HOME.map(|(name, _)| (name, "")), &args);
    let object: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let expect = &recording["expect"];
    let mut wrong = Vec::new();
    let mut same = |what: &str, got: Value, wanted: Value| {
        if got != wanted {
            let id = &recording["id"];
            wrong.push(format!("{id} as {model} {what}: {got}, not {wanted} (exit {})", run.code));
        }
    };
    if let Some([stream, body]) = paths {
        let asked: Vec<String> = vendor.server.asked().into_iter().map(|asked| asked.path).collect();
        let path = if recording["stream"] == true { stream } else { body };
        same("path", json!(asked), json!([path]));
    }
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
