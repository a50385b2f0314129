//! Clients that send anything, and models that tell anything: nothing panics, and what is sent is JSON.
use super::sent;
use crate::wire::schedules::spoilt;
use consort_core::{
    Arguments, Error, ErrorKind, FinishReason, Pcm, SessionEvent, Speaker, ToolCall, TranscriptMode,
};
use consort_realtime::wire::{GeminiServed, OpenAiServed, ServedWire};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use std::time::Duration;

fn openai() -> Vec<Value> {
    let item =
        |item: Value| json!({"type": "conversation.item.create", "previous_item_id": "root", "item": item});
    let message =
        |role: &str, content: Value| item(json!({"type": "message", "role": role, "content": [content]}));
    vec![
        json!({"type": "session.update", "session": {"type": "realtime", "instructions": "x", "output_modalities": ["text"],
            "tool_choice": "none", "tools": [{"type": "function", "name": "clock", "parameters": {}}],
            "audio": {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad", "threshold": 0.4},
                "transcription": {"model": "m"}}, "output": {"voice": {"id": "v"}, "format": {"type": "audio/pcm", "rate": 24000}}}}}),
        json!({"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": null}}}}),
        json!({"type": "input_audio_buffer.append", "audio": "AAAA".repeat(4_000)}),
        json!({"type": "input_audio_buffer.append", "audio": "AAA_f38="}),
        json!({"type": "input_audio_buffer.commit"}),
        json!({"type": "input_audio_buffer.clear"}),
        message("user", json!({"type": "input_text", "text": "hi"})),
        message("user", json!({"type": "input_audio", "audio": "AAAAAAAA"})),
        message("user", json!({"type": "input_image", "image_url": "data:image/png;base64,AAAA"})),
        message("assistant", json!({"type": "output_audio", "transcript": "yes"})),
        message("system", json!({"type": "input_text", "text": "loud"})),
        item(json!({"type": "function_call", "call_id": "c", "name": "clock", "arguments": "{}"})),
        item(json!({"type": "function_call_output", "call_id": "c", "output": "noon"})),
        json!({"type": "conversation.item.delete", "item_id": "item_t_1"}),
        json!({"type": "conversation.item.retrieve", "item_id": "item_t_2"}),
        json!({"type": "conversation.item.truncate", "item_id": "item_t_3", "content_index": 0, "audio_end_ms": 0}),
        json!({"type": "response.create", "response": {"instructions": "x", "tools": [], "metadata": {"a": "b"}}}),
        json!({"type": "response.create"}),
        json!({"type": "response.cancel"}),
    ]
}

fn gemini() -> Vec<Value> {
    vec![
        json!({"setup": {"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]},
            "systemInstruction": {"parts": [{"text": "x"}]}, "inputAudioTranscription": {}, "outputAudioTranscription": {},
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}}]}]}}),
        json!({"realtimeInput": {"audio": {"data": "AAAA".repeat(4_000), "mimeType": "audio/pcm;rate=16000"}}}),
        json!({"realtime_input": {"audio": {"data": "AAA_", "mime_type": "audio/pcm;rate=8000;channels=2"}, "audio_stream_end": true}}),
        json!({"realtimeInput": {"video": {"data": "AAAA", "mimeType": "image/png"}, "text": "hi"}}),
        json!({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {"role": "model", "parts": [{"text": "yes"}]}], "turnComplete": true}}),
        json!({"toolResponse": {"functionResponses": [{"id": "c", "name": "f", "response": {"output": "noon"}}]}}),
    ]
}

fn events() -> Vec<SessionEvent> {
    let words = |item: &str, by, mode| SessionEvent::Transcript {
        item: item.into(),
        by,
        mode,
        text: "wörter".into(),
    };
    let call = ToolCall { id: "c".into(), name: "clock".into(), arguments: Arguments::new("{\"a") };
    vec![
        SessionEvent::connected(),
        SessionEvent::SpeechStarted { by: Speaker::User },
        SessionEvent::SpeechStopped { by: Speaker::User },
        SessionEvent::SpeechStarted { by: Speaker::Assistant },
        words("u", Speaker::User, TranscriptMode::Delta),
        words("u", Speaker::User, TranscriptMode::Replacement),
        words("u", Speaker::User, TranscriptMode::Final),
        words("a", Speaker::Assistant, TranscriptMode::Delta),
        words("a", Speaker::Assistant, TranscriptMode::Replacement),
        words("b", Speaker::Assistant, TranscriptMode::Final),
        SessionEvent::Text { item: "a".into(), text: "x".into() },
        SessionEvent::audio("a", Pcm { samples: vec![i16::MIN, i16::MAX, 0], rate: 44_100, channels: 1 }),
        SessionEvent::audio("b", Pcm { samples: vec![1; 3], rate: 0, channels: 2 }),
        SessionEvent::AudioDone { item: "a".into(), interrupted: false },
        SessionEvent::ToolCall { call },
        SessionEvent::ToolCancelled { id: "c".into() },
        SessionEvent::Interrupted { item: None },
        SessionEvent::TurnDone { finish: FinishReason::Stop.into(), usage: None },
        SessionEvent::TurnDone { finish: FinishReason::Other.into(), usage: None },
        SessionEvent::Error { error: Error::new(ErrorKind::Server, "it broke") },
    ]
}

#[derive(Debug, Clone)]
enum Told {
    Message(Value),
    Event(SessionEvent),
    Time(u64),
}

fn schedule(messages: Vec<Value>) -> impl Strategy<Value = Vec<Told>> {
    let whole = select(messages.clone()).prop_map(Told::Message);
    let broken = (select(messages), any::<Index>(), any::<usize>())
        .prop_map(|(message, at, with)| Told::Message(spoilt(message, at, with)));
    let event = select(events()).prop_map(Told::Event);
    let one = prop_oneof![4 => whole, 2 => broken, 6 => event, 1 => (0..700_u64).prop_map(Told::Time)];
    proptest::collection::vec(one, 0..60)
}

fn play(wire: &mut dyn ServedWire, schedule: Vec<Told>) {
    let mut at = Duration::ZERO;
    sent(&wire.greet());
    for told in schedule {
        let reply = match told {
            Told::Message(message) => wire.message(message.to_string().as_bytes(), at),
            Told::Event(event) => wire.event(event, at),
            Told::Time(ms) => {
                at += Duration::from_millis(ms);
                let reply = wire.tick(at);
                assert!(wire.due().is_none_or(|due| due > at), "time stands still");
                reply
            }
        };
        sent(&reply);
        if reply.close.is_some() {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_survived(one in schedule(openai()), other in schedule(gemini())) {
        play(&mut OpenAiServed::new("m", "t"), one);
        let mut set_up = vec![Told::Message(gemini()[0].clone())];
        set_up.extend(other);
        play(&mut GeminiServed::new("t"), set_up);
    }
}
