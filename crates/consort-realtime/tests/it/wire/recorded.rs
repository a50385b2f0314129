//! Recorded sessions, where CONSORT_RECORDINGS points at a folder of them: every message is read, what came of them is
//! what the recording expects, and what the recorded client sent is what we send.
use super::sent;
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{
    FunctionSpec, Object, Part, SessionConfig, SessionEvent, SessionInput, Speaker, ToolCall, ToolResult,
    TranscriptMode, Usage,
};
use consort_realtime::wire::{GeminiLive, GeminiQuirks, LiveWire, OpenAiLive, OpenAiQuirks, Then};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What one turn came to.
#[derive(Debug, Default)]
struct Turn {
    text: String,
    transcript: String,
    calls: Vec<ToolCall>,
    sounds: usize,
    reason: String,
    usage: Option<Usage>,
}

/// What a session came to.
#[derive(Debug, Default)]
struct Session {
    turns: Vec<Turn>,
    now: Turn,
    heard: Vec<String>,
    samples: BTreeMap<String, Vec<i16>>,
    connected: usize,
    open: Vec<String>,
    said: BTreeMap<String, String>,
}

impl Session {
    fn take(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Connected { .. } => self.connected += 1,
            SessionEvent::Text { text, .. } => self.now.text += &text,
            SessionEvent::Transcript { item, by, mode, text } => self.transcript(item, by, mode, text),
            SessionEvent::Audio { item, pcm, .. } => {
                if !self.open.contains(&item) {
                    self.open.push(item.clone());
                }
                assert_eq!((pcm.rate, pcm.channels), (24_000, 1));
                self.now.sounds += 1;
                self.samples.entry(item).or_default().extend(&pcm.samples);
            }
            SessionEvent::AudioDone { item, interrupted } => {
                assert!(!interrupted);
                self.open.retain(|open| *open != item);
            }
            SessionEvent::ToolCall { call } => self.now.calls.push(call),
            SessionEvent::TurnDone { finish, usage } => {
                assert_eq!(self.open, [""; 0], "sound is complete when its turn is");
                let mut turn = std::mem::take(&mut self.now);
                turn.usage = usage;
                finish.reason.as_str().clone_into(&mut turn.reason);
                self.turns.push(turn);
            }
            // Of one recording the words of the user could not be written down.
            SessionEvent::Warning { warning } => assert_eq!(warning.code, "vendor"),
            SessionEvent::SpeechStarted { .. } | SessionEvent::SpeechStopped { .. } => {}
            SessionEvent::Native { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Pieces are checked against the whole.
    fn transcript(&mut self, item: String, by: Speaker, mode: TranscriptMode, text: String) {
        let so_far = self.said.entry(item).or_default();
        match mode {
            TranscriptMode::Delta => so_far.push_str(&text),
            TranscriptMode::Replacement => *so_far = text,
            TranscriptMode::Final => {
                match by {
                    Speaker::User => self.heard.push(text.clone()),
                    Speaker::Assistant => {
                        assert_eq!(*so_far, text);
                        self.now.transcript += &text;
                    }
                }
                *so_far = text;
            }
        }
    }
}

#[test]
fn recorded_sessions_mean_what_they_should() {
    let mut judged = BTreeMap::new();
    for (provider, recording) in recordings() {
        check(&provider, &recording);
        *judged.entry(provider).or_insert(0) += 1;
    }
    eprintln!("judged: {judged:?}");
}

pub(crate) fn recordings() -> Vec<(String, Value)> {
    let Some(dir) = std::env::var_os("CONSORT_RECORDINGS") else { return Vec::new() };
    let mut all = Vec::new();
    for provider in
        ["openai-realtime", "azure-openai-realtime", "azure-voice-live", "xai-realtime", "google-live"]
    {
        for entry in std::fs::read_dir(Path::new(&dir).join(provider)).expect("a folder").flatten() {
            let text = std::fs::read(entry.path()).expect("readable");
            all.push((provider.to_owned(), serde_json::from_slice(&text).expect("JSON")));
        }
    }
    all
}

fn wire(provider: &str, model: &str, config: SessionConfig) -> Box<dyn LiveWire> {
    let quirks = match provider {
        "google-live" => return Box::new(GeminiLive::new("m", config, gemini(model))),
        "azure-voice-live" => OpenAiQuirks::azure_voice_live(),
        "xai-realtime" => OpenAiQuirks::xai(),
        _ => OpenAiQuirks::default(),
    };
    Box::new(OpenAiLive::new(config, quirks))
}

/// The models before Gemini 3 are spoken to in their own way.
fn gemini(model: &str) -> GeminiQuirks {
    if model.contains("-2.5-") { GeminiQuirks::gemini_2() } else { GeminiQuirks::default() }
}

fn check(provider: &str, recording: &Value) {
    let frames = recording["frames"].as_array().unwrap();
    let config = config(provider, frames);
    let model = frames[0]["json"]["setup"]["model"].as_str().unwrap_or_default();
    let mut wire = wire(provider, model, config);
    let opening = sent(&wire.open(&[]));
    let mut session = Session::default();
    let mut is_first_setting = true;
    for frame in frames {
        let message = &frame["json"];
        match frame["dir"].as_str().unwrap() {
            "server" => {
                let step = wire.message(message.to_string().as_bytes());
                assert_eq!(step.then, Then::Go);
                step.events.into_iter().for_each(|event| session.take(event));
            }
            "close" => {
                let code = frame["code"].as_u64().map(|code| code as u16);
                let step = wire.ended(code, frame["reason"].as_str().unwrap_or_default());
                step.events.into_iter().for_each(|event| session.take(event));
                assert!(matches!(step.then, Then::Renew { .. }), "{:?}", step.then);
                wire.open(&[]);
            }
            _ if provider == "google-live" => said_to_gemini(wire.as_mut(), model, message, &opening[0]),
            _ => {
                if message["type"] == "session.update" && std::mem::take(&mut is_first_setting) {
                    assert_eq!(with_instructions(opening[0].clone()), *message);
                }
                said_to_openai(wire.as_mut(), message);
            }
        }
    }
    expect(&recording["expect"], frames, &session, provider);
}

/// What the recorded client asked for, beyond what is asked for by default.
pub(crate) fn config(provider: &str, frames: &[Value]) -> SessionConfig {
    let client = |frame: &&Value| frame["dir"] == "client";
    let first = &frames.iter().find(client).unwrap()["json"];
    let mut options = Object::new();
    if provider == "google-live" {
        let setup = &first["setup"];
        let text = setup["systemInstruction"]["parts"][0]["text"].as_str().unwrap_or_default();
        return SessionConfig { instructions: text.into(), ..SessionConfig::default() };
    }
    let session = &first["session"];
    let ours = ["output_modalities", "modalities", "input_audio_sampling_rate", "reasoning", "resumption"];
    for (key, value) in session.as_object().unwrap() {
        if ours.contains(&key.as_str()) || key == "turn_detection" {
            options.insert(key.clone(), value.clone());
        }
    }
    let nested = &session["audio"]["input"]["turn_detection"];
    if nested.is_object() {
        options.insert("audio".into(), json!({"input": {"turn_detection": nested}}));
    }
    let tools = session["tools"].as_array().into_iter().flatten().map(|tool| {
        let text = |key: &str| tool[key].as_str().unwrap().to_owned();
        FunctionSpec::new(text("name"), text("description"), tool["parameters"].clone())
    });
    SessionConfig {
        instructions: session["instructions"].as_str().unwrap().to_owned(),
        tools: tools.collect(),
        options,
        ..SessionConfig::default()
    }
}

/// The recorded client says that it has none to say.
fn with_instructions(mut update: Value) -> Value {
    if update["session"].get("instructions").is_none() {
        update["session"]["instructions"] = json!("");
    }
    update
}

fn said_to_openai(wire: &mut dyn LiveWire, message: &Value) {
    let item = &message["item"];
    let input = match (message["type"].as_str().unwrap(), item["type"].as_str()) {
        ("conversation.item.create", Some("message")) if item["role"] == "user" => {
            SessionInput::text(item["content"][0]["text"].as_str().unwrap())
        }
        ("conversation.item.create", Some("function_call_output")) => {
            let text = item["output"].as_str().unwrap();
            result(item["call_id"].as_str().unwrap(), "get_weather", text)
        }
        // What was said before is told when a session opens: see the samples.
        _ => return,
    };
    let step = wire.input(input);
    assert_eq!(sent(&step)[0], *message);
}

/// The recorded client mixes both spellings of names.
fn said_to_gemini(wire: &mut dyn LiveWire, model: &str, message: &Value, opening: &Value) {
    if let Some(setup) = message.get("setup") {
        let ours = &opening["setup"];
        for key in ["generationConfig", "inputAudioTranscription", "outputAudioTranscription"] {
            assert_eq!(ours[key], setup[key], "{key}");
        }
        assert_eq!(ours["systemInstruction"]["parts"], setup["systemInstruction"]["parts"]);
    }
    if let Some(responses) = message.get("tool_response") {
        let one = &responses["functionResponses"][0];
        let text = one["response"]["output"].as_str().unwrap();
        let step = wire.input(result(one["id"].as_str().unwrap(), "", text));
        assert_eq!(sent(&step), [json!({"toolResponse": responses})]);
    }
    if let Some(content) = message.get("client_content").filter(|content| content["turnComplete"] == true) {
        let words = &content["turns"][0]["parts"][0]["text"];
        let step = wire.input(SessionInput::text(words.as_str().unwrap()));
        // The recorded client says the first words to every model in this way; Gemini 3 takes only those.
        let wanted = if gemini(model) == GeminiQuirks::gemini_2() {
            json!({"clientContent": content})
        } else {
            json!({"realtimeInput": {"text": words}})
        };
        assert_eq!(sent(&step), [wanted]);
    }
}

pub(crate) fn result(id: &str, name: &str, text: &str) -> SessionInput {
    let content = vec![Part::text(text)];
    SessionInput::ToolResult {
        result: ToolResult { call_id: id.into(), name: name.into(), content, is_error: false },
    }
}

fn expect(expect: &Value, frames: &[Value], session: &Session, provider: &str) {
    let turns = expect["turns"].as_array().unwrap();
    assert!(session.connected > 0);
    assert_eq!(session.turns.len(), turns.len());
    for (turn, expected) in session.turns.iter().zip(turns) {
        assert_eq!(turn.text, expected["text"]);
        assert_eq!(turn.transcript, expected["audio_transcript"]);
        assert_eq!(turn.sounds as u64, expected["audio_frames"]);
        let calls: Vec<Value> = turn
            .calls
            .iter()
            .map(|call| json!({"id": call.id, "name": call.name, "arguments": call.arguments.value().unwrap()}))
            .collect();
        assert_eq!(Value::from(calls), expected["tool_calls"]);
        let counts = turn.usage.as_ref().and_then(|usage| usage.vendor.as_deref().cloned());
        assert_eq!(counts.unwrap_or(json!({})), expected["usage"]);
        let total = turn.usage.as_ref().and_then(|usage| usage.total);
        let counted = expected["usage"]["total_tokens"].as_u64();
        assert_eq!(total, counted.or(expected["usage"]["totalTokenCount"].as_u64()));
        // All that were recorded ended well; one vendor ends a turn only when its calls have their results.
        let waits = provider != "google-live" && !turn.calls.is_empty();
        assert_eq!(turn.reason, if waits { "tool_calls" } else { "stop" });
    }
    let heard: Vec<&str> =
        expect["input_transcripts"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    match provider {
        // These are pieces.
        "google-live" => assert_eq!(session.heard.concat(), heard.concat()),
        // Only the last of these is final.
        "xai-realtime" => assert_eq!(session.heard.last().map(String::as_str), heard.last().copied()),
        _ => assert_eq!(session.heard, heard),
    }
    let samples: Vec<i16> = recorded_sound(frames)
        .values()
        .flat_map(|bytes| bytes.as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)))
        .collect();
    let mut ours: Vec<i16> = session.samples.values().flatten().copied().collect();
    if provider == "google-live" {
        // Their items have no names: in the order of turns.
        ours = (0..)
            .take(99)
            .filter_map(|n| session.samples.get(&format!("assistant{n}")))
            .flatten()
            .copied()
            .collect();
    }
    assert_eq!(ours, samples);
}

/// The bytes of each item (of each turn, where items have no names), read without our code.
fn recorded_sound(frames: &[Value]) -> BTreeMap<String, Vec<u8>> {
    let mut sounds: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut turn = 0;
    for message in frames.iter().filter(|frame| frame["dir"] == "server").map(|frame| &frame["json"]) {
        if let Some("response.output_audio.delta" | "response.audio.delta") = message["type"].as_str() {
            let item = message["item_id"].as_str().unwrap().to_owned();
            sounds
                .entry(item)
                .or_default()
                .extend(STANDARD.decode(message["delta"].as_str().unwrap()).unwrap());
        }
        let content = &message["serverContent"];
        for part in content["modelTurn"]["parts"].as_array().into_iter().flatten() {
            if let Some(data) = part["inlineData"]["data"].as_str() {
                sounds.entry(format!("{turn:02}")).or_default().extend(STANDARD.decode(data).unwrap());
            }
        }
        turn += usize::from(content["turnComplete"] == true);
    }
    sounds
}
