//! Judges recorded live sessions: what the server's messages come to, turn by turn.
use super::answer::Wrong;
use super::recording::Recording;
use consort_core::{
    Error, Finish, FinishReason, SessionConfig, SessionEvent, Speaker, TranscriptMode, Usage,
};
use consort_realtime::wire::{GeminiLive, GeminiQuirks, LiveWire, OpenAiLive, OpenAiQuirks, Step, Then};
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
            if turn.said[key] != expected[key] {
                wrong.say(key, &expected[key].to_string(), &turn.said[key].to_string());
            }
        }
        let status = status(&turn.finish, &recording.provider);
        wrong.unless_equal("status", expected["status"].as_str().unwrap_or_default(), &status);
        compare_counts(&expected["usage"], turn.usage.as_ref(), &mut wrong);
    }
    let (rest, nothing) = (session.said(), Session::default().said());
    if rest != nothing {
        wrong.say("behind the last turn", "nothing", &rest.to_string());
    }
    let expected = &recording.expect["input_transcripts"];
    let heard = session.words_of_user(&recording.provider);
    if *expected != heard {
        wrong.say("input_transcripts", &expected.to_string(), &heard.to_string());
    }
    wrong.0
}

/// How a turn ended, in the word of its vendor that a recording expects.
fn status(finish: &Finish, provider: &str) -> String {
    let vendors = finish.vendor_reason.as_deref().unwrap_or_default();
    match finish.reason {
        // This vendor has no word for a turn that is simply complete.
        FinishReason::Stop | FinishReason::ToolCalls if provider == "google-live" && vendors.is_empty() => {
            "turnComplete".to_owned()
        }
        _ => vendors.split(':').next().unwrap_or_default().to_owned(),
    }
}

/// The numbers that we made of a vendor's own, each read again from those.
fn compare_counts(counts: &Value, ours: Option<&Usage>, wrong: &mut Wrong) {
    let number = |place: &str| counts.pointer(place).and_then(Value::as_u64);
    let first = |places: &[&str]| places.iter().find_map(|place| number(place));
    // Only one of the formats is there; the other gives nothing.
    let sound_of = |list: &str| {
        let parts = counts[list].as_array().into_iter().flatten();
        let sound =
            parts.filter(|part| part["modality"] == "AUDIO").filter_map(|part| part["tokenCount"].as_u64());
        Some(sound.sum()).filter(|sum: &u64| *sum > 0)
    };
    let fresh_sound = number("/input_token_details/audio_tokens").map(|all| {
        all - number("/input_token_details/cached_tokens_details/audio_tokens").unwrap_or_default()
    });
    let positive = |number: Option<u64>| number.filter(|number| *number > 0);
    let none = Usage::default();
    let ours = ours.unwrap_or(&none);
    let all = [
        ("input", ours.input, first(&["/input_tokens", "/promptTokenCount"])),
        ("output", ours.output, first(&["/output_tokens", "/responseTokenCount", "/candidatesTokenCount"])),
        ("total", ours.total, first(&["/total_tokens", "/totalTokenCount"])),
        ("cached", ours.cached, first(&["/input_token_details/cached_tokens", "/cachedContentTokenCount"])),
        (
            "reasoning",
            ours.reasoning,
            first(&["/output_token_details/reasoning_tokens", "/thoughtsTokenCount"]),
        ),
        (
            "audio_input",
            positive(ours.audio_input),
            positive(fresh_sound).or(sound_of("promptTokensDetails")),
        ),
        (
            "audio_output",
            positive(ours.audio_output),
            positive(number("/output_token_details/audio_tokens"))
                .or(sound_of("responseTokensDetails"))
                .or(sound_of("candidatesTokensDetails")),
        ),
    ];
    for (name, ours, expected) in all {
        if ours != expected {
            wrong.say(&format!("usage.{name}"), &json!(expected).to_string(), &json!(ours).to_string());
        }
    }
}

fn wire(provider: &str) -> Box<dyn LiveWire> {
    let config = SessionConfig::default();
    match provider {
        "google-live" => Box::new(GeminiLive::new("recorded", config, GeminiQuirks::default())),
        "azure-voice-live" => Box::new(OpenAiLive::new(config, OpenAiQuirks::azure_voice_live())),
        // The tools that were offered are the client's own.
        "xai-realtime" => {
            let quirks = OpenAiQuirks { own_tools: false, ..OpenAiQuirks::xai() };
            Box::new(OpenAiLive::new(config, quirks))
        }
        _ => Box::new(OpenAiLive::new(config, OpenAiQuirks::default())),
    }
}

/// What a session came to.
#[derive(Default)]
struct Session {
    turns: Vec<Turn>,
    errors: Vec<Error>,
    text: String,
    transcript: String,
    calls: Vec<Value>,
    sounds: usize,
    /// The user's words: what was told, of which item, as a piece or as all so far.
    words: Vec<(String, TranscriptMode, String)>,
}

struct Turn {
    /// In the words of what is expected.
    said: Value,
    finish: Finish,
    usage: Option<Usage>,
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
            SessionEvent::Transcript { by: Speaker::User, mode, text, item } if !text.is_empty() => {
                self.words.push((item, mode, text));
            }
            SessionEvent::Audio { .. } => self.sounds += 1,
            SessionEvent::ToolCall { call } => {
                let arguments = call.arguments.value().unwrap_or_default();
                self.calls.push(json!({"id": call.id, "name": call.name, "arguments": arguments}));
            }
            SessionEvent::TurnDone { finish, usage } => {
                let mut said = self.said();
                let counts = usage.as_ref().and_then(|usage| usage.vendor.as_deref());
                said["usage"] = counts.cloned().unwrap_or_else(|| json!({}));
                (self.text, self.transcript) = (String::new(), String::new());
                (self.calls, self.sounds) = (Vec::new(), 0);
                self.turns.push(Turn { said, finish, usage });
            }
            SessionEvent::Error { error } => self.errors.push(error),
            _ => {}
        }
    }

    /// What was said since the last turn.
    fn said(&self) -> Value {
        json!({
            "text": self.text,
            "audio_transcript": self.transcript,
            "tool_calls": self.calls,
            "audio_frames": self.sounds,
        })
    }

    /// What the recordings expect of the user's words: the pieces of the vendor that tells nothing else, and of the others
    /// each reading of a turn, up to its last.
    fn words_of_user(&self, provider: &str) -> Value {
        let is_delta = |mode: TranscriptMode| mode == TranscriptMode::Delta;
        let in_pieces = provider == "google-live";
        let mut told: Vec<_> =
            self.words.iter().filter(|(_, mode, _)| is_delta(*mode) == in_pieces).collect();
        if !in_pieces {
            // Servers say again what they have said already.
            told.dedup_by(|next, before| (&next.0, &next.2) == (&before.0, &before.2));
        }
        told.into_iter().map(|(.., text)| text.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A turn of both formats, with words of the user.
    fn recording(provider: &str) -> Value {
        let (frames, status, usage) = if provider == "google-live" {
            let usage = json!({"promptTokenCount": 5, "responseTokenCount": 7, "totalTokenCount": 12, "thoughtsTokenCount": 3,
                    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}]});
            let frames = vec![
                json!({"setupComplete": {}}),
                json!({"serverContent": {"inputTranscription": {"text": " Hi"}}}),
                json!({"serverContent": {"inputTranscription": {"text": " there"}}}),
                json!({"serverContent": {"outputTranscription": {"text": "Yes."}}}),
                json!({"serverContent": {"turnComplete": true}, "usageMetadata": usage}),
            ];
            (frames, "turnComplete", usage)
        } else {
            let usage = json!({"input_tokens": 9, "output_tokens": 4, "total_tokens": 13,
                    "input_token_details": {"cached_tokens": 2, "audio_tokens": 5, "cached_tokens_details": {"audio_tokens": 1}},
                    "output_token_details": {"audio_tokens": 3}});
            let heard = |kind: &str, status: &str, text: &str| {
                json!({"item_id": "u", "status": status, "transcript": text,
                    "type": format!("conversation.item.input_audio_transcription.{kind}")})
            };
            let frames = vec![
                json!({"type": "session.updated", "session": {}}),
                heard("updated", "in_progress", " Hi"),
                heard("completed", "in_progress", " Hi"),
                heard("completed", "completed", " there"),
                json!({"type": "response.created", "response": {"id": "r"}}),
                json!({"type": "response.output_audio_transcript.done", "response_id": "r", "item_id": "a", "transcript": "Yes."}),
                json!({"type": "response.done", "response": {"id": "r", "status": "completed", "usage": usage}}),
            ];
            (frames, "completed", usage)
        };
        let frames: Vec<Value> =
            frames.into_iter().map(|json| json!({"dir": "server", "json": json})).collect();
        json!({"id": "x", "provider": provider, "kind": "realtime-ws", "frames": frames, "expect": {
            "turns": [{"text": "", "audio_transcript": "Yes.", "tool_calls": [], "audio_frames": 0, "status": status, "usage": usage}],
            "input_transcripts": [" Hi", " there"],
        }})
    }

    fn judged(whole: Value) -> String {
        check(&Recording::of(whole)).join("; ")
    }

    #[test]
    fn all_that_a_recording_expects_is_judged() {
        for provider in ["google-live", "xai-realtime"] {
            assert_eq!(judged(recording(provider)), "");
            for (place, value, said) in [
                ("/expect/input_transcripts/1", json!("they're"), "input_transcripts: "),
                ("/expect/input_transcripts", json!([]), "input_transcripts: "),
                ("/expect/turns/0/status", json!("cancelled"), "status: "),
                ("/expect/turns/0/audio_transcript", json!("No."), "audio_transcript: "),
            ] {
                let mut spoilt = recording(provider);
                *spoilt.pointer_mut(place).unwrap() = value;
                assert!(judged(spoilt).starts_with(said), "{provider} {place}");
            }
            let mut behind = recording(provider);
            let last = match provider {
                "google-live" => json!({"serverContent": {"modelTurn": {"parts": [{"text": "more"}]}}}),
                _ => {
                    json!({"type": "response.output_text.delta", "response_id": "s", "item_id": "b", "delta": "more"})
                }
            };
            behind["frames"].as_array_mut().unwrap().push(json!({"dir": "server", "json": last}));
            assert!(judged(behind).starts_with("behind the last turn: "), "{provider}");
        }
    }

    #[test]
    fn counts_are_judged_as_we_have_made_them() {
        let counts = json!({"input_tokens": 9, "output_tokens": 4, "total_tokens": 13,
            "input_token_details": {"cached_tokens": 2, "audio_tokens": 5, "cached_tokens_details": {"audio_tokens": 1}}});
        let right = Usage {
            input: Some(9),
            output: Some(4),
            total: Some(13),
            cached: Some(2),
            audio_input: Some(4),
            ..Usage::default()
        };
        let judged = |ours: Usage| {
            let mut wrong = Wrong::default();
            compare_counts(&counts, Some(&ours), &mut wrong);
            wrong.0.join("; ")
        };
        assert_eq!(judged(right.clone()), "");
        assert_eq!(judged(Usage { input: Some(4), ..right.clone() }), "usage.input: expected 9, got 4");
        assert_eq!(
            judged(Usage { audio_input: Some(5), ..right.clone() }),
            "usage.audio_input: expected 4, got 5"
        );
        assert_eq!(judged(Usage { cached: None, ..right }), "usage.cached: expected 2, got null");
    }
}
