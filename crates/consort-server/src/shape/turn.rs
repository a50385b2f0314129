//! TURN: one node of a conversation, with media as references.
use super::{known, millis, ms};
use consort_core::{Attempt, Body, Media, MediaSource, Part};
use consort_store::{Answer, Turn};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The wire that stands for this server in references to media.
pub(crate) const WIRE: &str = "consort";

pub(crate) fn turn(turn: &Turn) -> Value {
    let mut value = json!({
        "id": turn.id, "conversation": turn.conversation, "parent": turn.parent, "role": turn.role,
        "created": millis(turn.created), "parts": parts(&turn.parts), "status": turn.status, "pinned": turn.pinned,
        "participant": turn.participant, "run": turn.run,
    });
    let about = turn.answer.as_deref().map(about).unwrap_or_default();
    if let (Some(object), Value::Object(about)) = (value.as_object_mut(), about) {
        object.extend(about);
    }
    value
}

fn about(answer: &Answer) -> Value {
    json!({
        "model": answer.model, "resolved_model": answer.resolved_model, "group": answer.group,
        "usage": answer.usage.as_ref().map(|usage| known(json!(usage))), "cost": answer.cost,
        "timings": {"first_ms": answer.first.map(ms), "total_ms": answer.took.map(ms), "thought_ms": answer.thought.map(ms)},
        "finish": answer.finish, "attempts": answer.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "warnings": answer.warnings, "error": answer.error, "schema": answer.schema, "options": answer.options,
    })
}

pub(super) fn attempt(attempt: &Attempt) -> Value {
    json!({
        "model": attempt.target, "started": attempt.started.map(millis), "retry_in_ms": attempt.retry_in.map(ms), "ms": ms(attempt.took), "waited_ms": ms(attempt.waited),
        "first_ms": attempt.first.map(ms), "error": attempt.error, "cost": attempt.cost, "unasked": attempt.unasked,
    })
}

/// Parts without the bytes of their media: those are fetched by their hash.
pub(crate) fn parts(parts: &[Part]) -> Vec<Value> {
    parts.iter().map(|part| json!(referring(part))).collect()
}

fn referring(part: &Part) -> Part {
    let mut part = part.clone();
    match &mut part.body {
        Body::Media(media) => refer(media),
        Body::ToolResult(result) => {
            for part in &mut result.content {
                if let Body::Media(media) = &mut part.body {
                    refer(media);
                }
            }
        }
        _ => {}
    }
    part
}

fn refer(media: &mut Media) {
    let id = match &media.source {
        MediaSource::Bytes(bytes) => hash(bytes),
        // A file of this machine is not the page's to fetch.
        MediaSource::Path(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            media.name = media.name.take().or(name);
            String::new()
        }
        MediaSource::Url(_) | MediaSource::File { .. } => return,
    };
    media.source = MediaSource::File { wire: WIRE.to_owned(), id };
}

/// The SHA-256 of some bytes, in hex.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
