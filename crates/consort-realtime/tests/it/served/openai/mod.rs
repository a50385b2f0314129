//! One format's messages, as its clients send and read them.
mod answers;
mod calls;
mod ends;
mod heard;
mod items;
mod late;
mod quiet;
mod settings;
mod turns;

use super::{say, sent, types};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{FinishReason, Pcm, SessionEvent, Speaker, TranscriptMode};
use consort_realtime::wire::served::Reply;
use consort_realtime::wire::{OpenAiServed, ServedWire};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn served() -> OpenAiServed {
    let mut wire = OpenAiServed::new("demo/live", "t");
    let greeting = wire.greet();
    assert_eq!(
        (greeting.find.as_deref(), types(&greeting)),
        (Some("demo/live"), vec!["session.created".into()])
    );
    wire
}

/// The error that a message is answered with.
pub(super) fn refused(reply: &Reply) -> Value {
    let [error] = sent(reply).try_into().unwrap_or_else(|all: Vec<Value>| panic!("{all:?}"));
    assert_eq!(error["type"], "error");
    assert!(reply.inputs.is_empty() && reply.open.is_none() && reply.close.is_none());
    error["error"].clone()
}

pub(super) fn update(session: Value) -> Value {
    let mut session = session;
    session["type"] = "realtime".into();
    json!({"type": "session.update", "event_id": "mine", "session": session})
}

pub(super) fn user(text: &str) -> Value {
    json!({"type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}})
}

pub(super) fn respond() -> Value {
    json!({"type": "response.create"})
}

pub(super) fn sound(samples: usize) -> Vec<u8> {
    Pcm::mono(vec![9000; samples], 24_000).to_le_bytes()
}

pub(super) fn append(bytes: &[u8]) -> Value {
    json!({"type": "input_audio_buffer.append", "audio": STANDARD.encode(bytes)})
}

pub(super) fn manual() -> Value {
    update(json!({"audio": {"input": {"turn_detection": null}}}))
}

pub(super) fn words(item: &str, mode: TranscriptMode, text: &str) -> SessionEvent {
    SessionEvent::Transcript { item: item.into(), by: Speaker::Assistant, mode, text: text.into() }
}

pub(super) fn done(reason: FinishReason) -> SessionEvent {
    SessionEvent::TurnDone { finish: reason.into(), usage: None }
}

pub(super) fn tell(wire: &mut OpenAiServed, events: impl IntoIterator<Item = SessionEvent>) -> Vec<Value> {
    events.into_iter().flat_map(|event| sent(&wire.event(event, Duration::from_millis(10)))).collect()
}

pub(super) fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap_or_default()).collect()
}
