//! Gemini's Live format: what is sent, what is told, and in which order.
use super::{feed, sent, told};
use consort_core::{
    CloseReason, ErrorKind, FunctionSpec, Media, Message, Part, Pcm, SessionConfig, SessionInput,
    SessionUpdate, ToolResult,
};
use consort_realtime::wire::{GeminiLive, LiveWire, Then};
use serde_json::{Value, json};
use std::time::Duration;

fn open(config: SessionConfig) -> GeminiLive {
    let mut wire = GeminiLive::new("m", config);
    wire.open(&[]);
    assert_eq!(told(&feed(&mut wire, &[json!({"setupComplete": {}})]).events), ["connected"]);
    wire
}

fn content(content: Value) -> Value {
    json!({"serverContent": content})
}

fn sound() -> Value {
    let data = json!({"mimeType": "audio/pcm;rate=24000", "data": "AAAA__8A"});
    json!({"parts": [{"inlineData": data}]})
}

fn heard(text: &str) -> Value {
    content(json!({"inputTranscription": {"text": text}}))
}

fn result(id: &str, text: &str) -> SessionInput {
    let content = vec![Part::text(text)];
    let result = ToolResult { call_id: id.into(), name: "clock".into(), content, is_error: false };
    SessionInput::ToolResult { result }
}

fn call(id: &str) -> Value {
    json!({"toolCall": {"functionCalls": [{"id": id, "name": "clock", "args": {"zone": 1}}]}})
}

#[test]
fn the_setup_says_all_that_cannot_change() {
    let config = SessionConfig {
        instructions: "Be kind.".into(),
        voice: Some("Puck".into()),
        tools: vec![
            FunctionSpec::new("clock", "Tells the time", json!({"type": "object", "properties": {}})),
            FunctionSpec::new("add", "", json!({"type": "object", "properties": {"a": {"type": "number"}}})),
        ],
        turn_detection: Some(false),
        options: json!({"generationConfig": {"temperature": 0.5}}).as_object().unwrap().clone(),
        ..SessionConfig::default()
    };
    let mut wire = GeminiLive::new("m", config);
    assert_eq!(
        sent(&wire.open(&[Message::user("Hi"), Message::assistant("Hello!")])),
        [json!({"setup": {
            "model": "models/m",
            "generationConfig": {"responseModalities": ["AUDIO"], "temperature": 0.5,
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}},
            "inputAudioTranscription": {}, "outputAudioTranscription": {},
            "sessionResumption": {}, "contextWindowCompression": {"slidingWindow": {}},
            "systemInstruction": {"parts": [{"text": "Be kind."}]},
            "tools": [{"functionDeclarations": [
                {"name": "clock", "description": "Tells the time"},
                {"name": "add", "description": "",
                    "parametersJsonSchema": {"type": "object", "properties": {"a": {"type": "number"}}}},
            ]}],
            "realtimeInputConfig": {"automaticActivityDetection": {"disabled": true}},
        }})]
    );
    let step = feed(&mut wire, &[json!({"setupComplete": {"sessionId": "s"}})]);
    let turns = json!([{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hello!"}]}]);
    assert_eq!(sent(&step), [json!({"clientContent": {"turns": turns, "turnComplete": false}})]);
}

#[test]
fn a_spoken_turn_and_its_answer() {
    let mut wire = open(SessionConfig::default());
    let step = feed(
        &mut wire,
        &[
            heard(" Hel"),
            heard("lo"),
            content(json!({"modelTurn": {"parts": [{"text": "hm", "thought": true}]}})),
            content(json!({"modelTurn": sound(), "outputTranscription": {"text": "Yes"}})),
            content(json!({"modelTurn": sound()})),
            content(json!({"outputTranscription": {"text": "."}})),
            content(json!({"generationComplete": true})),
            json!({"serverContent": {"turnComplete": true}, "usageMetadata": {"promptTokenCount": 4,
                "responseTokenCount": 3, "totalTokenCount": 7,
                "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}]}}),
        ],
    );
    assert_eq!(
        told(&step.events),
        [
            "user speaks",
            "user user0+ Hel",
            "user user0+lo",
            "user is silent",
            "assistant speaks",
            "audio assistant0@0:3",
            "assistant assistant0+Yes",
            "audio assistant0@0:3",
            "assistant assistant0+.",
            "audio assistant0 done, cut: false",
            "assistant is silent",
            "user user0= Hello",
            "assistant assistant0=Yes.",
            "done stop 7",
        ]
    );
}

#[test]
fn a_cut_is_told_first_and_what_follows_is_of_a_new_epoch() {
    let mut wire = open(SessionConfig::default());
    feed(&mut wire, &[content(json!({"modelTurn": sound()}))]);
    let step = feed(
        &mut wire,
        &[
            content(json!({"interrupted": true})),
            heard("Wait"),
            content(json!({"turnComplete": true})),
            heard("!"),
            content(json!({"modelTurn": sound()})),
        ],
    );
    assert_eq!(
        told(&step.events),
        [
            "cut assistant0",
            "audio assistant0 done, cut: true",
            "assistant is silent",
            "user speaks",
            "user user0+Wait",
            "done other",
            "user user0+!",
            "user is silent",
            "assistant speaks",
            "audio assistant2@1:3",
        ]
    );
    // What was generated already may still be playing.
    feed(&mut wire, &[content(json!({"turnComplete": true}))]);
    assert_eq!(told(&feed(&mut wire, &[content(json!({"interrupted": true}))]).events), ["cut -"]);
    // The caller's own cut: what is left of this answer is of the older epoch.
    feed(&mut wire, &[content(json!({"modelTurn": sound()}))]);
    wire.input(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
    let end = content(json!({"turnComplete": true}));
    let step = feed(
        &mut wire,
        &[content(json!({"modelTurn": sound()})), end, content(json!({"modelTurn": sound()}))],
    );
    let sounds: Vec<String> = told(&step.events).into_iter().filter(|event| event.contains('@')).collect();
    assert_eq!(sounds, ["audio assistant4@2:3", "audio assistant5@3:3"]);
}

#[test]
fn tools_are_answered_unless_they_were_cancelled() {
    let mut wire = open(SessionConfig::default());
    let step = feed(&mut wire, &[call("a"), call("b"), call("")]);
    let calls =
        ["call a clock({\"zone\":1})", "call b clock({\"zone\":1})", "call call_2 clock({\"zone\":1})"];
    assert_eq!(told(&step.events), calls);
    let answer = |step| sent(&step)[0]["toolResponse"]["functionResponses"].clone();
    let noon = json!([{"id": "a", "name": "clock", "response": {"output": "noon"}}]);
    assert_eq!(answer(wire.input(result("a", "noon"))), noon);
    let object = json!([{"name": "clock", "response": {"hour": 12}}]);
    assert_eq!(answer(wire.input(result("call_2", "{\"hour\": 12}"))), object);
    let step = feed(&mut wire, &[json!({"toolCallCancellation": {"ids": ["b"]}})]);
    assert_eq!(told(&step.events), ["call b cancelled"]);
    let step = wire.input(result("b", "late"));
    assert!(step.messages.is_empty());
    assert_eq!(told(&step.events), ["warning dropped"]);
    // A cancellation can stand beside what else there is.
    let both = json!({"serverContent": {"turnComplete": true}, "toolCall": call("d")["toolCall"]});
    let step = feed(&mut wire, &[both]);
    assert_eq!(told(&step.events), ["call d clock({\"zone\":1})", "done tool_calls"]);
    // What is spoilt takes nothing else with it.
    let spoilt = json!({"serverContent": 7, "usageMetadata": 7, "toolCall": call("e")["toolCall"]});
    assert_eq!(told(&feed(&mut wire, &[spoilt]).events), ["call e clock({\"zone\":1})"]);
}

#[test]
fn before_the_server_goes_another_connection_takes_over() {
    let mut wire = open(SessionConfig::default());
    let past = [Message::user("Hi")];
    let handle = json!({"sessionResumptionUpdate": {"newHandle": "h", "resumable": true}});
    let later = json!({"sessionResumptionUpdate": {"resumable": false}});
    let going = json!({"goAway": {"timeLeft": "50s"}});
    // Not in the middle of an answer, as long as there is time.
    let step = feed(&mut wire, &[handle, later, content(json!({"modelTurn": sound()})), going.clone()]);
    assert_eq!(step.then, Then::Go);
    let step = feed(&mut wire, &[content(json!({"turnComplete": true}))]);
    assert!(matches!(&step.then, Then::Renew { reason } if reason.contains("50s")), "{:?}", step.then);
    assert_eq!(sent(&wire.open(&past))[0]["setup"]["sessionResumption"], json!({"handle": "h"}));
    // The server knows what was said.
    assert!(feed(&mut wire, &[json!({"setupComplete": {}})]).messages.is_empty());
    // A server that goes in the middle of it after all:
    feed(&mut wire, &[content(json!({"modelTurn": sound()})), going]);
    let step = wire.ended(Some(1000), "");
    assert_eq!(told(&step.events), ["audio assistant1 done, cut: true", "assistant is silent", "done other"]);
    assert!(matches!(step.then, Then::Renew { .. }));
    // A handle that is refused is given up, and what was said is told again.
    wire.open(&past);
    assert!(matches!(wire.ended(Some(1008), "stale").then, Then::Renew { .. }));
    assert_eq!(sent(&wire.open(&past))[0]["setup"]["sessionResumption"], json!({}));
    assert_eq!(feed(&mut wire, &[json!({"setupComplete": {}})]).messages.len(), 1);
}

#[test]
fn the_vendors_words_for_inputs() {
    let mut wire = open(SessionConfig::default());
    let step = wire.input(SessionInput::Audio(Pcm::mono(vec![-1, 0], 16_000)));
    let audio = json!({"mimeType": "audio/pcm;rate=16000", "data": "//8AAA=="});
    assert_eq!(sent(&step), [json!({"realtimeInput": {"audio": audio}})]);
    let end = json!({"realtimeInput": {"audioStreamEnd": true}});
    assert_eq!(sent(&wire.input(SessionInput::Commit)), [end]);
    assert!(wire.input(SessionInput::Commit).messages.is_empty());
    let turn = json!({"role": "user", "parts": [{"text": "Hi"}]});
    let words = json!({"clientContent": {"turns": [turn], "turnComplete": true}});
    assert_eq!(sent(&wire.input(SessionInput::text("Hi"))), [words]);
    let media = Media::bytes("image/jpeg", vec![1, 2, 3]);
    let video = json!({"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AQID"}}});
    assert_eq!(sent(&wire.input(SessionInput::Image { media })), [video]);
    let media = Media::url("image/jpeg", "http://localhost/a.jpg");
    assert_eq!(told(&wire.input(SessionInput::Image { media }).events), ["warning dropped"]);
    // Where the caller says when a turn begins and ends:
    let mut wire = open(SessionConfig { turn_detection: Some(false), ..SessionConfig::default() });
    let kinds = |step| -> Vec<String> {
        sent(&step)
            .iter()
            .flat_map(|one| one["realtimeInput"].as_object().unwrap().clone())
            .map(|one| one.0)
            .collect()
    };
    let pcm = || SessionInput::Audio(Pcm::mono(vec![0; 480], 24_000));
    assert_eq!(kinds(wire.input(pcm())), ["activityStart", "audio"]);
    assert_eq!(kinds(wire.input(pcm())), ["audio"]);
    assert_eq!(kinds(wire.input(SessionInput::Commit)), ["audio", "activityEnd"]);
}

#[test]
fn what_changes_needs_another_connection() {
    let mut wire = open(SessionConfig::default());
    let update = SessionUpdate { instructions: Some("Shout.".into()), ..SessionUpdate::default() };
    let step = wire.input(SessionInput::Update { update: update.clone() });
    assert!(matches!(step.then, Then::Renew { .. }));
    assert!(wire.open(&[]).messages[0].contains("Shout."));
    assert_eq!(wire.input(SessionInput::Update { update }).then, Then::Go, "nothing changes");
}

#[test]
fn errors_end_a_session_or_do_not() {
    let error = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}});
    let mut wire = open(SessionConfig::default());
    let step = feed(&mut wire, std::slice::from_ref(&error));
    assert_eq!((told(&step.events), step.then), (vec!["error rate_limit".to_owned()], Then::Go));
    let mut wire = GeminiLive::new("m", SessionConfig::default());
    wire.open(&[]);
    assert!(matches!(feed(&mut wire, &[error]).then, Then::Close(CloseReason::Failed { .. })));
    let step = wire.ended(Some(1007), "API key not valid. Please pass a valid API key.");
    let Then::Close(CloseReason::Failed { error }) = step.then else { panic!("{:?}", step.then) };
    assert_eq!(error.kind(), ErrorKind::Auth);
}
