//! The live formats from the server's side: by their own messages, against our own clients, and over a connection.
mod cascade;
mod gemini;
mod heard;
mod line;
mod openai;
mod round;
mod spoilt;

use consort_core::SessionInput;
use consort_realtime::audio::{Encoding, Shape};
use consort_realtime::wire::ServedWire;
use consort_realtime::wire::served::Reply;
use serde_json::Value;
use std::time::Duration;

/// What is sent to the client, read again.
fn sent(reply: &Reply) -> Vec<Value> {
    reply.messages.iter().map(|message| serde_json::from_str(message).unwrap()).collect()
}

/// The types of what is sent to the client.
fn types(reply: &Reply) -> Vec<String> {
    sent(reply).iter().map(|message| message["type"].as_str().unwrap_or_default().to_owned()).collect()
}

fn say(wire: &mut dyn ServedWire, message: &Value, ms: u64) -> Reply {
    wire.message(message.to_string().as_bytes(), Duration::from_millis(ms))
}

/// Somebody says something and is silent then: 16-bit samples, 24000 a second.
fn voice() -> Vec<u8> {
    let said = crate::speech::speech(1_200, 0.5).converted(Shape::MONO_24K).unwrap();
    let mut bytes = said.to_bytes(Encoding::S16);
    bytes.resize(bytes.len() + 2 * 24_000, 0);
    bytes
}

/// How much sound there is among these inputs.
fn sound_in(inputs: &[SessionInput]) -> Duration {
    let length = |input: &SessionInput| match input {
        SessionInput::Audio(pcm) => pcm.duration(),
        _ => Duration::ZERO,
    };
    inputs.iter().map(length).sum()
}
