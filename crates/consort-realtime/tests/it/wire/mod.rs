//! The formats of live vendors: samples of our own, recorded sessions, and schedules of all kinds.
mod gemini;
mod openai;
pub(crate) mod recorded;
pub(crate) mod schedules;

use consort_core::{SessionEvent, Speaker, TranscriptMode};
use consort_realtime::wire::{LiveWire, Step};
use serde_json::Value;

/// Feeds messages one after the other, and gathers what comes of them.
pub(crate) fn feed(wire: &mut dyn LiveWire, messages: &[Value]) -> Step {
    let mut all = Step::default();
    for message in messages {
        let step = wire.message(message.to_string().as_bytes());
        all.messages.extend(step.messages);
        all.events.extend(step.events);
        all.kept |= step.kept;
        all.then = step.then;
    }
    all
}

/// Events in short, without those that are only the vendor's.
pub(crate) fn told(events: &[SessionEvent]) -> Vec<String> {
    events.iter().filter(|event| event.kind() != "native").map(short).collect()
}

fn short(event: &SessionEvent) -> String {
    let who = |by: &Speaker| by.as_str();
    match event {
        SessionEvent::SpeechStarted { by } => format!("{} speaks", who(by)),
        SessionEvent::SpeechStopped { by } => format!("{} is silent", who(by)),
        SessionEvent::Transcript { item, by, mode, text } => {
            let mode = match mode {
                TranscriptMode::Delta => "+",
                TranscriptMode::Replacement => "~",
                TranscriptMode::Final => "=",
            };
            format!("{} {item}{mode}{text}", who(by))
        }
        SessionEvent::Text { item, text } => format!("text {item}+{text}"),
        SessionEvent::Audio { item, epoch, pcm } => format!("audio {item}@{epoch}:{}", pcm.samples.len()),
        SessionEvent::AudioDone { item, interrupted } => format!("audio {item} done, cut: {interrupted}"),
        SessionEvent::ToolCall { call } => {
            format!("call {} {}({})", call.id, call.name, call.arguments.raw())
        }
        SessionEvent::ToolCancelled { id } => format!("call {id} cancelled"),
        SessionEvent::Interrupted { item } => format!("cut {}", item.as_deref().unwrap_or("-")),
        SessionEvent::TurnDone { finish, usage } => {
            let total = usage.as_ref().and_then(|usage| usage.total).map(|total| format!(" {total}"));
            format!("done {}{}", finish.reason.as_str(), total.unwrap_or_default())
        }
        SessionEvent::Warning { warning } => format!("warning {}", warning.code),
        SessionEvent::Error { error } => format!("error {}", error.kind()),
        other => other.kind().to_owned(),
    }
}

/// The messages, read again, without the names by which errors tell them.
pub(crate) fn sent(step: &Step) -> Vec<Value> {
    let mut messages = named(step);
    for object in messages.iter_mut().filter_map(Value::as_object_mut) {
        object.shift_remove("event_id");
    }
    messages
}

pub(crate) fn named(step: &Step) -> Vec<Value> {
    step.messages.iter().map(|message| serde_json::from_str(message).unwrap()).collect()
}
