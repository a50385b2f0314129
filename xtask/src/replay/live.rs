//! Judges recorded live sessions: what the server's messages come to, turn by turn.
use super::answer::Wrong;
use super::recording::Recording;
use consort_core::{Error, SessionConfig, SessionEvent, Speaker, TranscriptMode};
use consort_realtime::wire::{GeminiLive, LiveWire, OpenAiLive, OpenAiQuirks, Step, Then};
use serde_json::{Value, json};

pub(crate) fn check(recording: &Recording) -> Vec<String> {
    let mut wrong = Wrong::default();
    let mut wire = wire(&recording.provider);
    wire.open(&[]);
    let mut session = Session::default();
    for frame in recording.frames() {
        match frame["dir"].as_str() {
            Some("server") => {
                let step = wire.message(frame["json"].to_string().as_bytes());
                if step.then != Then::Go {
                    wrong.say("connection", "goes on", &format!("{:?}", step.then));
                }
                session.take(step);
            }
            Some("close") => {
                let code = frame["code"].as_u64().map(|code| code as u16);
                session.take(wire.ended(code, frame["reason"].as_str().unwrap_or_default()));
                wire.open(&[]);
            }
            _ => {}
        }
    }
    session.errors.iter().for_each(|error| wrong.say("errors", "none", &error.to_string()));
    let expected = recording.expect["turns"].as_array().map_or(&[][..], Vec::as_slice);
    if session.turns.len() != expected.len() {
        wrong.say("turns", &expected.len().to_string(), &session.turns.len().to_string());
    }
    for (turn, expected) in session.turns.iter().zip(expected) {
        for key in ["text", "audio_transcript", "tool_calls", "audio_frames", "usage"] {
            if turn[key] != expected[key] {
                wrong.say(key, &expected[key].to_string(), &turn[key].to_string());
            }
        }
    }
    wrong.0
}

fn wire(provider: &str) -> Box<dyn LiveWire> {
    let config = SessionConfig::default();
    match provider {
        "google-live" => Box::new(GeminiLive::new("recorded", config)),
        "azure-voice-live" => Box::new(OpenAiLive::new(config, OpenAiQuirks::azure_voice_live())),
        // The tools that were offered are the client's own.
        "xai-realtime" => {
            let quirks = OpenAiQuirks { own_tools: false, ..OpenAiQuirks::xai() };
            Box::new(OpenAiLive::new(config, quirks))
        }
        _ => Box::new(OpenAiLive::new(config, OpenAiQuirks::default())),
    }
}

/// What a session came to, in the words of what is expected.
#[derive(Default)]
struct Session {
    turns: Vec<Value>,
    errors: Vec<Error>,
    text: String,
    transcript: String,
    calls: Vec<Value>,
    sounds: usize,
}

impl Session {
    fn take(&mut self, step: Step) {
        step.events.into_iter().for_each(|event| self.event(event));
    }

    fn event(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Text { text, .. } => self.text += &text,
            SessionEvent::Transcript {
                by: Speaker::Assistant, mode: TranscriptMode::Final, text, ..
            } => {
                self.transcript += &text;
            }
            SessionEvent::Audio { .. } => self.sounds += 1,
            SessionEvent::ToolCall { call } => {
                let arguments = call.arguments.value().unwrap_or_default();
                self.calls.push(json!({"id": call.id, "name": call.name, "arguments": arguments}));
            }
            SessionEvent::TurnDone { usage, .. } => {
                let counts = usage.and_then(|usage| usage.vendor);
                self.turns.push(json!({
                    "text": std::mem::take(&mut self.text),
                    "audio_transcript": std::mem::take(&mut self.transcript),
                    "tool_calls": std::mem::take(&mut self.calls),
                    "audio_frames": std::mem::take(&mut self.sounds),
                    "usage": counts.map_or_else(|| json!({}), |counts| *counts),
                }));
            }
            SessionEvent::Error { error } => self.errors.push(error),
            _ => {}
        }
    }
}
