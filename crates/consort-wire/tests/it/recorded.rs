//! Recorded streams, where CONSORT_RECORDINGS points at a folder of them: the same events split at each of the
//! first 4096 bytes, and at random places beyond.
use crate::answers::decode;
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_wire::{ResponseHead, WIRES, wire};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[test]
fn recorded_streams_mean_the_same_at_every_split() {
    let Some(dir) = std::env::var_os("CONSORT_RECORDINGS") else { return };
    let files = files(Path::new(&dir));
    let next = AtomicUsize::new(0);
    let judged = AtomicUsize::new(0);
    // Some twenty gigabytes are decoded: by all cores.
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Relaxed)) {
                    let text = std::fs::read(file).expect("readable");
                    let recording: Value = serde_json::from_slice(&text).expect("JSON");
                    judged.fetch_add(usize::from(check(&recording)), Relaxed);
                }
            });
        }
    });
    let judged = judged.into_inner();
    assert!(judged >= 100, "only {judged} streams found in {}", Path::new(&dir).display());
}

/// True when it was a stream that a wire reads.
fn check(recording: &Value) -> bool {
    const EVERY_SPLIT: usize = 4096;
    const MORE_SPLITS: usize = 24;
    let Some(wire) = wire_of(recording) else { return false };
    if recording["stream"] != true {
        return false;
    }
    let response = &recording["response"];
    let text = response["body"].as_str().unwrap_or_default();
    let bytes = if response["body_encoding"] == "base64" {
        STANDARD.decode(text).unwrap_or_default()
    } else {
        text.as_bytes().to_vec()
    };
    let headers = response["headers"].as_object().into_iter().flatten();
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    let head = ResponseHead::new(response["status"].as_u64().unwrap_or(200) as u16, headers);
    let whole = decode(wire, &head, &[&bytes]);
    let same = |at: usize| {
        let (one, two) = bytes.split_at(at);
        assert_eq!(decode(wire, &head, &[one, two]), whole, "{} split at {at}", recording["id"]);
    };
    (0..bytes.len().min(EVERY_SPLIT)).for_each(same);
    if bytes.len() > EVERY_SPLIT {
        let mut runner = TestRunner::deterministic();
        for _ in 0..MORE_SPLITS {
            let at = (EVERY_SPLIT..bytes.len()).new_tree(&mut runner).expect("a place");
            same(proptest::strategy::ValueTree::current(&at));
        }
    }
    true
}

fn wire_of(recording: &Value) -> Option<&'static dyn consort_wire::Wire> {
    let provider = recording["provider"].as_str()?;
    let id = match recording["kind"].as_str()? {
        "messages" => "anthropic",
        "responses" => "openai-responses",
        "converse" => "bedrock",
        "generate" => "gemini",
        "chat" if WIRES.iter().any(|wire| wire.id() == provider) => provider,
        "chat" => "openai-chat",
        _ => return None,
    };
    wire(id)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(dir)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    let inside = folders.flat_map(|folder| std::fs::read_dir(folder).expect("a folder").flatten());
    inside
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect()
}
