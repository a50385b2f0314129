//! Schedules of all kinds: whatever comes, in whatever order and cut anywhere, nothing panics, nothing but sound is
//! lost, and sound of a new answer is wanted.
use super::sent;
use consort_core::{
    Part, Pcm, RealtimeSession, SessionConfig, SessionEvent, SessionInput, SessionUpdate, ToolResult,
};
use consort_realtime::wire::{GeminiLive, GeminiQuirks, LiveWire, OpenAiLive, OpenAiQuirks, Step, Then};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::time::Duration;

/// One thing that a session is told.
#[derive(Debug, Clone)]
enum Told {
    Server(Value),
    Bytes(Vec<u8>),
    Input(SessionInput),
    End(Option<u16>),
    /// Nothing holds a connection any longer that was to be left soon.
    Leave,
}

/// A session as a driver holds it: what goes in and comes out passes the queue's two ends.
struct Held {
    wire: Box<dyn LiveWire>,
    session: RealtimeSession,
    inputs: consort_core::SessionInputs,
    say: consort_core::SessionTeller,
    others: Vec<SessionEvent>,
    /// Whether the connection is to be left soon.
    is_soon: bool,
    is_over: bool,
}

impl Held {
    fn new(wire: Box<dyn LiveWire>) -> Self {
        let (session, inputs, say) = RealtimeSession::pair();
        Self { wire, session, inputs, say, others: Vec::new(), is_soon: false, is_over: false }
    }

    fn tell(&mut self, told: Told) {
        if self.is_over {
            return;
        }
        let step = match told {
            Told::Server(message) => self.wire.message(message.to_string().as_bytes()),
            Told::Bytes(bytes) => self.wire.message(&bytes),
            Told::Input(input) => {
                self.session.sink.push(input).unwrap();
                let input = pollster::block_on(self.inputs.next()).unwrap();
                self.wire.input(input)
            }
            Told::End(code) => self.wire.ended(code, ""),
            Told::Leave if std::mem::take(&mut self.is_soon) => return self.renew(),
            Told::Leave => return,
        };
        self.done(step);
    }

    fn done(&mut self, step: Step) {
        sent(&step);
        self.tells(step.events);
        match step.then {
            Then::Go => {}
            Then::Soon(_) => self.is_soon = true,
            Then::Renew { .. } => self.renew(),
            Then::Close(_) => self.is_over = true,
        }
    }

    fn tells(&mut self, events: Vec<SessionEvent>) {
        for event in events {
            if event.kind() != "audio" {
                self.others.push(event.clone());
            }
            self.say.push(event);
        }
    }

    /// What is open ends with its connection, and another begins.
    fn renew(&mut self) {
        self.is_soon = false;
        let end = self.wire.ended(None, "");
        self.tells(end.events);
        let step = self.wire.open(&[]);
        self.done(step);
    }

    /// All that waits to be heard.
    fn heard(&mut self) -> Vec<SessionEvent> {
        self.say.push(SessionEvent::warning("mark", ""));
        let mut all = Vec::new();
        loop {
            match pollster::block_on(self.session.events.next()).unwrap() {
                SessionEvent::Warning { warning } if warning.code == "mark" => return all,
                event => all.push(event),
            }
        }
    }
}

fn result(id: &str) -> SessionInput {
    let content = vec![Part::text("noon")];
    let result = ToolResult { call_id: id.into(), name: "clock".into(), content, is_error: false };
    SessionInput::ToolResult { result }
}

fn inputs() -> Vec<Told> {
    let update = SessionUpdate { instructions: Some("Shout.".into()), ..SessionUpdate::default() };
    let interrupt = |item: Option<&str>| SessionInput::Interrupt {
        item: item.map(str::to_owned),
        heard: Duration::from_millis(30),
    };
    [
        SessionInput::Audio(Pcm::mono(vec![9; 480], 24_000)),
        SessionInput::Audio(Pcm { samples: vec![9; 1_920], rate: 48_000, channels: 2 }),
        SessionInput::Audio(Pcm { samples: vec![9; 3], rate: 0, channels: 2 }),
        SessionInput::text("Hi"),
        SessionInput::Commit,
        result("c1"),
        result("unknown"),
        interrupt(None),
        interrupt(Some("a")),
        interrupt(Some("assistant0")),
        SessionInput::Update { update },
    ]
    .into_iter()
    .map(Told::Input)
    .chain([Told::End(None), Told::End(Some(1011)), Told::Leave])
    .collect()
}

fn openai_messages() -> Vec<Value> {
    let of = |kind: &str, response: &str, item: &str, key: &str, value: &str| json!({"type": kind, "response_id": response, "item_id": item, key: value});
    let mut all = vec![
        json!({"type": "session.created", "session": {"id": "s", "model": "m"}}),
        json!({"type": "session.updated", "session": {"id": "s", "model": "m"}}),
        json!({"type": "input_audio_buffer.speech_started", "item_id": "u"}),
        json!({"type": "input_audio_buffer.speech_stopped", "item_id": "u"}),
        json!({"type": "input_audio_buffer.committed", "item_id": "u"}),
        of("conversation.item.input_audio_transcription.delta", "", "u", "delta", "Hel"),
        of("conversation.item.input_audio_transcription.completed", "", "u", "transcript", "Hello"),
        json!({"type": "error", "error": {"code": "response_cancel_not_active", "message": "m"}}),
        json!({"type": "error", "error": {"code": "conversation_already_has_active_response", "message": "m"}}),
        json!({"type": "error", "error": {"code": "session_expired", "message": "m"}}),
        json!({"type": "rate_limits.updated"}),
        json!({"type": "response.done", "response": {}}),
    ];
    for (response, item) in [("r1", "a"), ("r2", "b")] {
        let call = json!({"type": "function_call", "call_id": format!("c{response}"), "name": "clock", "arguments": "{}"});
        all.extend([
            json!({"type": "response.created", "response": {"id": response}}),
            json!({"type": "response.output_item.added", "response_id": response, "item": call}),
            json!({"type": "response.output_item.done", "response_id": response, "item": call}),
            of("response.output_audio_transcript.delta", response, item, "delta", "Yes"),
            of("response.output_audio_transcript.done", response, item, "transcript", "Yes."),
            of("response.output_audio.delta", response, item, "delta", "AAAAAAA="),
            of("response.output_audio.delta", response, item, "delta", "?"),
            of("response.output_audio.done", response, item, "x", ""),
            of("response.output_text.delta", response, item, "delta", "Y\u{e4}"),
            of("response.output_text.done", response, item, "text", "Y\u{e4}s"),
            json!({"type": "response.done", "response": {"id": response, "status": "completed", "output": [call]}}),
            json!({"type": "response.done", "response": {"id": response, "status": "cancelled"}}),
        ]);
    }
    all
}

fn gemini_messages() -> Vec<Value> {
    let sound = json!({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA__8A"}});
    let parts = [
        json!({"interrupted": true}),
        json!({"inputTranscription": {"text": "Hel"}}),
        json!({"inputTranscription": {"text": "lo", "finished": true}}),
        json!({"outputTranscription": {"text": "Yes"}}),
        json!({"modelTurn": {"parts": [sound, {"text": "hm", "thought": true}, {"text": "Y\u{e4}s"}]}}),
        json!({"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "?"}}]}}),
        json!({"generationComplete": true}),
        json!({"turnComplete": true}),
        json!({"groundingMetadata": {}}),
    ];
    let mut all: Vec<Value> = parts.iter().map(|part| json!({"serverContent": part})).collect();
    all.extend([
        json!({"setupComplete": {}}),
        json!({"toolCall": {"functionCalls": [{"id": "c1", "name": "clock", "args": {}}, {"name": "clock"}]}}),
        json!({"toolCallCancellation": {"ids": ["c1"]}}),
        json!({"goAway": {"timeLeft": "9s"}}),
        json!({"sessionResumptionUpdate": {"newHandle": "h", "resumable": true}}),
        json!({"usageMetadata": {"totalTokenCount": 7}}),
        json!({"voiceActivity": {}}),
        json!({"serverContent": {"turnComplete": true, "interrupted": true}, "goAway": {}, "usageMetadata": 1}),
    ]);
    all
}

/// Puts something else in a place of a message.
pub(crate) fn spoilt(mut message: Value, at: Index, with: usize) -> Value {
    let mut places = Vec::new();
    gather(&message, String::new(), &mut places);
    let others = [Value::Null, json!(7), json!("\u{e4}"), json!([]), json!({}), json!([[1]]), json!(true)];
    if let Some(place) = message.pointer_mut(&places[at.index(places.len())]) {
        *place = others[with % others.len()].clone();
    }
    message
}

fn gather(value: &Value, path: String, places: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| gather(value, format!("{path}/{key}"), places));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| gather(value, format!("{path}/{at}"), places));
        }
        _ => {}
    }
    places.push(path);
}

fn schedule(messages: Vec<Value>, is_spoilt: bool) -> impl Strategy<Value = Vec<Told>> {
    let message = (proptest::sample::select(messages), any::<Index>(), any::<usize>());
    let message = message.prop_map(move |(message, at, with)| {
        Told::Server(if is_spoilt { spoilt(message, at, with) } else { message })
    });
    let cut = (proptest::sample::select(openai_messages()), any::<Index>()).prop_map(|(message, at)| {
        let text = message.to_string();
        Told::Bytes(text.as_bytes()[..at.index(text.len())].to_vec())
    });
    let one = prop_oneof![8 => message, 3 => proptest::sample::select(inputs()), 1 => cut];
    proptest::collection::vec(one, 0..60)
}

/// A session of each format, and how it opens.
fn openai() -> Box<dyn LiveWire> {
    let mut wire = OpenAiLive::new(SessionConfig::default(), OpenAiQuirks::default());
    wire.open(&[]);
    wire.message(br#"{"type":"session.updated"}"#);
    Box::new(wire)
}

fn gemini() -> Box<dyn LiveWire> {
    let mut wire = GeminiLive::new("m", SessionConfig::default(), GeminiQuirks::default());
    wire.open(&[]);
    wire.message(br#"{"setupComplete":{}}"#);
    Box::new(wire)
}

/// What a message says that must be told, in the events' JSON.
fn owed(message: &Value) -> Option<Value> {
    let text = |key: &str| message[key].clone();
    let by_user = |mode: &str, key: &str| json!({"type": "transcript", "item": text("item_id"), "by": "user", "mode": mode, "text": text(key)});
    match message["type"].as_str()? {
        "conversation.item.input_audio_transcription.delta" => Some(by_user("delta", "delta")),
        "conversation.item.input_audio_transcription.completed" => Some(by_user("final", "transcript")),
        "response.output_audio_transcript.delta" => {
            Some(json!({"type": "transcript", "item": text("item_id"),
            "by": "assistant", "mode": "delta", "text": text("delta")}))
        }
        "response.output_audio_transcript.done" => {
            Some(json!({"type": "transcript", "item": text("item_id"),
            "by": "assistant", "mode": "final", "text": text("transcript")}))
        }
        "response.output_text.delta" => {
            Some(json!({"type": "text", "item": text("item_id"), "text": text("delta")}))
        }
        "input_audio_buffer.speech_started" => Some(json!({"type": "speech_started", "by": "user"})),
        "input_audio_buffer.speech_stopped" => Some(json!({"type": "speech_stopped", "by": "user"})),
        "rate_limits.updated" => Some(json!({"type": "native", "value": message})),
        _ => None,
    }
}

fn count<'a>(events: impl IntoIterator<Item = &'a SessionEvent>, kind: &str) -> usize {
    events.into_iter().filter(|event| event.kind() == kind).count()
}

/// What went in comes out of the queue, in order, all of it but sound.
fn nothing_is_lost(held: &mut Held) {
    let heard = held.heard();
    let others: Vec<&SessionEvent> = heard.iter().filter(|event| event.kind() != "audio").collect();
    assert_eq!(others, held.others.iter().collect::<Vec<_>>());
}

/// Sound of an answer that began behind all cuts is heard.
fn a_new_answer_is_heard(held: &mut Held, messages: &[Value]) {
    if held.is_over {
        return;
    }
    held.heard();
    for message in messages {
        held.tell(Told::Server(message.clone()));
    }
    let heard = held.heard();
    assert_eq!(count(&heard, "audio"), 1, "{heard:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_one_format_loses_nothing(schedule in schedule(openai_messages(), false)) {
        let mut held = Held::new(openai());
        for told in schedule {
            let before = held.others.len();
            let is_over = held.is_over;
            let message = if let Told::Server(message) = &told { Some(message.clone()) } else { None };
            held.tell(told);
            let events: Vec<Value> =
                held.others[before..].iter().map(|event| serde_json::to_value(event).unwrap()).collect();
            if let Some(message) = message.filter(|_| !is_over) {
                if let Some(owed) = owed(&message) {
                    prop_assert!(events.contains(&owed), "{owed} of {events:?}");
                }
                if message["type"] == "response.done" {
                    prop_assert_eq!(count(&held.others[before..], "turn_done"), 1);
                }
            }
        }
        nothing_is_lost(&mut held);
        // Whatever was left open, this answer is new.
        a_new_answer_is_heard(&mut held, &[
            json!({"type": "session.updated"}),
            json!({"type": "response.done", "response": {"id": "r1"}}),
            json!({"type": "response.done", "response": {"id": "r2"}}),
            json!({"type": "response.done", "response": {}}),
            // One that was asked for, and cut before it began.
            json!({"type": "response.created", "response": {"id": "asked"}}),
            json!({"type": "response.done", "response": {"id": "asked"}}),
            json!({"type": "response.created", "response": {"id": "asked too"}}),
            json!({"type": "response.done", "response": {"id": "asked too"}}),
            json!({"type": "response.created", "response": {"id": "new"}}),
            json!({"type": "response.output_audio.delta", "response_id": "new", "item_id": "n", "delta": "AAAA"}),
        ]);
    }

    #[test]
    fn any_order_of_the_other_format_loses_nothing(schedule in schedule(gemini_messages(), false)) {
        let mut held = Held::new(gemini());
        for told in schedule {
            let before = held.others.len();
            let is_over = held.is_over;
            let message = if let Told::Server(message) = &told { Some(message.clone()) } else { None };
            held.tell(told);
            let Some(message) = message.filter(|_| !is_over) else { continue };
            let events = &held.others[before..];
            let said = |words: &str| events.iter().any(|event| {
                matches!(event, SessionEvent::Transcript { text, .. } if text == words)
            });
            let content = &message["serverContent"];
            for key in ["inputTranscription", "outputTranscription"] {
                if let Some(words) = content[key]["text"].as_str() {
                    prop_assert!(said(words), "{words} of {events:?}");
                }
            }
            let parts = content["modelTurn"]["parts"].as_array().map_or(0, Vec::len);
            prop_assert_eq!(count(events, "text"), usize::from(parts == 3));
            prop_assert!(count(events, "turn_done") >= usize::from(content["turnComplete"] == true));
            prop_assert_eq!(count(events, "interrupted"), usize::from(content["interrupted"] == true));
            let calls = message["toolCall"]["functionCalls"].as_array().map_or(0, Vec::len);
            prop_assert_eq!(count(events, "tool_call"), calls);
        }
        nothing_is_lost(&mut held);
        a_new_answer_is_heard(&mut held, &[
            json!({"setupComplete": {}}),
            json!({"serverContent": {"turnComplete": true}}),
            json!({"setupComplete": {}}),
            json!({"serverContent": {"modelTurn": {"parts": [
                {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA"}}]}}}),
        ]);
    }

    #[test]
    fn spoilt_messages_are_survived(
        one in schedule(openai_messages(), true),
        other in schedule(gemini_messages(), true),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for (mut held, schedule) in [(Held::new(openai()), one), (Held::new(gemini()), other)] {
            schedule.into_iter().for_each(|told| held.tell(told));
            held.tell(Told::Bytes(bytes.clone()));
            nothing_is_lost(&mut held);
        }
    }
}
