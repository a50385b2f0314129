//! The other format's messages, as its clients send and read them.
mod cut;
mod quiet;
mod spoken;

use super::{say, sent};
use base64::{Engine, engine::general_purpose::URL_SAFE};
use consort_core::{
    Arguments, CloseReason, Error, ErrorKind, Finish, FinishReason, Message, Part, Pcm, Role, SessionEvent,
    SessionInput, Speaker, ToolCall, TranscriptMode, Usage,
};
use consort_realtime::wire::served::Reply;
use consort_realtime::wire::{GeminiServed, ServedWire};
use serde_json::{Value, json};
use std::time::Duration;

fn served(more: Value) -> GeminiServed {
    let mut wire = GeminiServed::new("t");
    assert!(wire.greet().messages.is_empty());
    let mut setup =
        json!({"model": "models/demo/live", "inputAudioTranscription": {}, "outputAudioTranscription": {}});
    for (key, value) in more.as_object().unwrap() {
        setup[key] = value.clone();
    }
    let reply = say(&mut wire, &json!({"setup": setup}), 0);
    assert_eq!(reply.find.as_deref(), Some("demo/live"));
    assert_eq!(sent(&reply)[0], json!({"setupComplete": {"sessionId": "t"}}));
    assert!(reply.open.is_none(), "nothing was said yet");
    wire
}

fn content(text: &str, complete: bool) -> Value {
    json!({"client_content": {"turns": [{"role": "user", "parts": [{"text": text}]}], "turn_complete": complete}})
}

fn tell(wire: &mut GeminiServed, events: impl IntoIterator<Item = SessionEvent>) -> Vec<Value> {
    events.into_iter().flat_map(|event| sent(&wire.event(event, Duration::from_millis(10)))).collect()
}

fn words(by: Speaker, mode: TranscriptMode, text: &str) -> SessionEvent {
    SessionEvent::Transcript { item: by.as_str().into(), by, mode, text: text.into() }
}

fn done(reason: FinishReason) -> SessionEvent {
    let usage = Usage { input: Some(3), output: Some(2), total: Some(5), ..Usage::default() };
    SessionEvent::TurnDone { finish: reason.into(), usage: Some(usage) }
}

fn refused(reply: &Reply, word: &str) {
    let close = reply.close.as_ref().unwrap();
    assert!(close.code == 1007 && close.reason.contains(word), "{close:?}");
    assert!(reply.inputs.is_empty() && reply.messages.is_empty());
}

#[test]
fn a_turn_in_words_is_answered_aloud() {
    let mut wire = served(json!({"systemInstruction": {"parts": [{"text": "Be kind."}]}}));
    assert!(say(&mut wire, &content("I am Alice.", false), 0).open.is_none());
    let asked = say(&mut wire, &content("Who am I?", true), 0);
    let config = asked.open.unwrap();
    assert_eq!((config.instructions.as_str(), config.turn_detection), ("Be kind.", Some(true)));
    assert_eq!(asked.inputs, [SessionInput::text("I am Alice.\nWho am I?")]);
    let told = tell(
        &mut wire,
        [
            words(Speaker::Assistant, TranscriptMode::Delta, "Ali"),
            SessionEvent::audio("assistant", Pcm::mono(vec![-1; 480], 24_000)),
            words(Speaker::Assistant, TranscriptMode::Final, "Alice"),
            SessionEvent::AudioDone { item: "assistant".into(), interrupted: false },
            done(FinishReason::Stop),
        ],
    );
    assert_eq!(told[0], json!({"serverContent": {"outputTranscription": {"text": "Ali"}}}));
    let blob = &told[1]["serverContent"]["modelTurn"]["parts"][0]["inlineData"];
    assert_eq!(
        (&blob["mimeType"], blob["data"].as_str().unwrap().len()),
        (&"audio/pcm;rate=24000".into(), 1280)
    );
    assert_eq!(told[2], json!({"serverContent": {"outputTranscription": {"text": "ce"}}}));
    assert_eq!(told[3], json!({"serverContent": {"generationComplete": true}}));
    assert_eq!(told[4]["serverContent"], json!({"turnComplete": true}));
    assert_eq!(
        told[4]["usageMetadata"],
        json!({"promptTokenCount": 3, "responseTokenCount": 2, "totalTokenCount": 5})
    );
    assert_eq!(told.len(), 5);
}

#[test]
fn what_was_said_before_is_answered_by_nothing_where_the_setup_says_that_it_comes() {
    let mut wire = served(json!({"historyConfig": {"initialHistoryInClientContent": true}}));
    let turns = json!([{"role": "user", "parts": [{"text": "I am Alice."}]},
        {"role": "model", "parts": [{"text": "Hello, Alice."}]}]);
    let reply = say(&mut wire, &json!({"clientContent": {"turns": turns, "turnComplete": true}}), 0);
    assert!(reply.open.is_none() && reply.inputs.is_empty() && reply.close.is_none());
    let asked = say(&mut wire, &json!({"realtimeInput": {"text": "Who am I?"}}), 0);
    assert_eq!(
        asked.open.unwrap().messages,
        [Message::user("I am Alice."), Message::assistant("Hello, Alice.")]
    );
    assert_eq!(asked.inputs, [SessionInput::text("Who am I?")]);
    // What comes later is a turn like any other.
    let asked = say(&mut wire, &content("And now?", true), 0);
    assert_eq!(asked.inputs.last(), Some(&SessionInput::text("And now?")));
}

#[test]
fn calls_are_part_of_one_turn() {
    let mut wire = served(
        json!({"tools": [{"functionDeclarations": [{"name": "clock", "parameters": {"type": "OBJECT"}}]}]}),
    );
    let asked = say(&mut wire, &content("What time is it?", true), 0);
    assert_eq!(asked.open.unwrap().tools[0].parameters, json!({"type": "object"}));
    let call =
        |id: &str| ToolCall { id: id.into(), name: "clock".into(), arguments: Arguments::new("{\"tz\":1}") };
    let told = tell(
        &mut wire,
        [
            SessionEvent::ToolCall { call: call("c1") },
            SessionEvent::ToolCall { call: call("c2") },
            SessionEvent::ToolCancelled { id: "c2".into() },
            done(FinishReason::ToolCalls),
        ],
    );
    assert_eq!(
        told[0],
        json!({"toolCall": {"functionCalls": [{"id": "c1", "name": "clock", "args": {"tz": 1}}]}})
    );
    assert_eq!((told.len(), &told[2]), (3, &json!({"toolCallCancellation": {"ids": ["c2"]}})));
    let results = json!({"tool_response": {"function_responses": [
        {"id": "c1", "name": "clock", "response": {"output": "noon"}}, {"id": "c2", "name": "clock", "response": {}}]}});
    let reply = say(&mut wire, &results, 0);
    let [SessionInput::ToolResult { result }] = reply.inputs.as_slice() else { panic!("{reply:?}") };
    assert_eq!((result.call_id.as_str(), result.text().as_str(), result.is_error), ("c1", "noon", false));
    let told = tell(
        &mut wire,
        [words(Speaker::Assistant, TranscriptMode::Final, "Noon."), done(FinishReason::Stop)],
    );
    assert_eq!(told.last().unwrap()["usageMetadata"]["totalTokenCount"], 10, "of the whole turn");
    // Each was called, whatever became of it; no other was.
    for given in [json!({"id": "c1"}), json!({"id": "c2"}), json!({"name": "clock"})] {
        let late = say(&mut wire, &json!({"toolResponse": {"functionResponses": [given]}}), 0);
        assert!(late.close.is_none() && late.inputs.is_empty(), "{late:?}");
    }
    for (given, word) in [
        (json!({"id": "zzz", "name": "clock"}), "\"zzz\""),
        (json!({"name": "g"}), "\"g\""),
        (json!({}), "`id`"),
    ] {
        refused(&say(&mut wire, &json!({"toolResponse": {"functionResponses": [given]}}), 0), word);
    }
}

fn audio(bytes: &[u8]) -> Value {
    json!({"realtimeInput": {"audio": {"data": URL_SAFE.encode(bytes), "mimeType": "audio/pcm;rate=24000"}}})
}

#[test]
fn answers_may_be_written() {
    let mut wire = served(json!({"generationConfig": {"responseModalities": ["TEXT"]}}));
    say(&mut wire, &content("Hello", true), 0);
    let told = tell(
        &mut wire,
        [
            words(Speaker::Assistant, TranscriptMode::Delta, "Hi"),
            SessionEvent::audio("assistant", Pcm::mono(vec![1; 480], 24_000)),
            SessionEvent::TurnDone { finish: Finish::from(FinishReason::Stop), usage: None },
        ],
    );
    assert_eq!(told[0]["serverContent"]["modelTurn"]["parts"], json!([{"text": "Hi"}]));
    assert!(!told.iter().any(|message| message.to_string().contains("inlineData")));
}

#[test]
fn what_cannot_be_ends_the_connection_with_its_reason() {
    let mut early = GeminiServed::new("t");
    refused(&say(&mut early, &content("Hello", true), 0), "setup");
    refused(&early.message(b"{", Duration::ZERO), "JSON");
    let mut wire = served(json!({}));
    refused(&say(&mut wire, &json!({"setup": {"model": "models/m"}}), 0), "once");
    refused(&say(&mut wire, &json!({"nonsense": {}}), 0), "nonsense");
    refused(
        &say(&mut wire, &json!({"clientContent": {"turns": [{"role": "system", "parts": []}]}}), 0),
        "system",
    );
    let failed =
        CloseReason::Failed { error: Error::new(ErrorKind::ModelNotFound, "there is no such model") };
    let reply = wire.event(SessionEvent::Closed { reason: failed }, Duration::ZERO);
    assert_eq!(reply.close.unwrap().reason, "there is no such model");
}

#[test]
fn what_resumes_nothing_says_so_and_a_server_that_ends_does_too() {
    let mut wire = GeminiServed::new("t");
    let reply = say(&mut wire, &json!({"setup": {"model": "models/m", "sessionResumption": {}}}), 0);
    assert_eq!(sent(&reply)[1], json!({"sessionResumptionUpdate": {"resumable": false}}));
    let leaving = wire.leave(Duration::from_secs(5));
    assert_eq!(sent(&leaving), [json!({"goAway": {"timeLeft": "5s"}})]);
    assert_eq!(
        sent(
            &wire.event(
                SessionEvent::Error { error: Error::new(ErrorKind::Server, "it broke") },
                Duration::ZERO
            )
        )[0]["error"]["message"],
        "it broke"
    );
}

#[test]
fn a_model_that_says_no_end_has_one_all_the_same() {
    let mut wire = served(json!({}));
    say(&mut wire, &content("Hello", true), 0);
    tell(
        &mut wire,
        [
            SessionEvent::audio("a", Pcm::mono(vec![1; 480], 24_000)),
            SessionEvent::AudioDone { item: "a".into(), interrupted: false },
        ],
    );
    let due = wire.due().unwrap();
    assert_eq!(sent(&wire.tick(due)), [json!({"serverContent": {"turnComplete": true}})]);
    assert_eq!(tell(&mut wire, [done(FinishReason::Stop)]), [Value::Null; 0], "late");
}

fn result(part: &Part) -> Option<&consort_core::ToolResult> {
    if let consort_core::Body::ToolResult(result) = &part.body { Some(result) } else { None }
}

#[test]
fn a_past_with_calls_is_taken_and_goes_on() {
    let mut wire = served(json!({}));
    let history = json!({"clientContent": {"turnComplete": true, "turns": [
        {"role": "user", "parts": [{"text": "What time is it?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "clock", "args": {"tz": 1}}},
            {"function_call": {"id": "c9", "name": "clock"}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "c9", "name": "clock", "response": {"error": "broken"}}},
            {"functionResponse": {"name": "clock", "response": {"result": "noon"}}}]},
        {"role": "model", "parts": [{"text": "Noon."}]},
        {"role": "user", "parts": [{"text": "And now?"}]},
    ]}});
    let asked = say(&mut wire, &history, 0);
    let past = asked.open.unwrap().messages;
    let roles: Vec<Role> = past.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::Assistant]);
    let calls: Vec<_> = past[1].parts.iter().filter_map(Part::as_tool_call).collect();
    assert_eq!((calls[0].id.as_str(), calls[0].arguments.raw()), ("call-1", "{\"tz\":1}"));
    assert_eq!((calls[1].id.as_str(), calls[1].arguments.raw()), ("c9", "{}"));
    let results: Vec<_> = past[2].parts.iter().filter_map(result).collect();
    assert_eq!((results[0].call_id.as_str(), results[0].is_error), ("c9", true));
    assert_eq!((results[1].call_id.as_str(), results[1].text().as_str()), ("call-1", "noon"));
    assert_eq!(asked.inputs, [SessionInput::text("And now?")]);
    // A past that ends with what a call gave goes on from there.
    let mut wire = served(json!({}));
    let turns = json!([{"role": "user", "parts": [{"text": "Time?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "clock", "args": {}}}]},
        {"role": "tool", "parts": [{"functionResponse": {"name": "clock", "response": {"output": "noon"}}}]}]);
    let asked = say(&mut wire, &json!({"clientContent": {"turns": turns, "turnComplete": true}}), 0);
    assert_eq!((asked.open.unwrap().messages.len(), asked.inputs.len()), (3, 1));
    let stray = json!([{"role": "user", "parts": [{"functionResponse": {"name": "clock", "response": {}}}]}]);
    refused(&say(&mut wire, &json!({"clientContent": {"turns": stray}}), 0), "no functionCall before it");
}

#[test]
fn a_conversation_has_an_end_whichever_way_it_grows() {
    let long = "x".repeat(15 << 20);
    let many = |wire: &mut GeminiServed, message: &dyn Fn(usize) -> Value| {
        (0..8).map(|round| say(wire, &message(round), 0)).find_map(|reply| reply.close)
    };
    let mut wire = served(json!({}));
    let text = |_| json!({"realtimeInput": {"text": long}});
    assert_eq!(many(&mut wire, &text).unwrap().reason, "the conversation holds no more");
    let mut wire = served(json!({"tools": [{"functionDeclarations": [{"name": "f"}]}]}));
    say(&mut wire, &content("Hello", true), 0);
    let calls = (0..8).map(|round| SessionEvent::ToolCall {
        call: ToolCall { id: round.to_string(), name: "f".into(), arguments: Arguments::new("{}") },
    });
    tell(&mut wire, calls);
    let given = |round: usize| {
        json!({"toolResponse": {"functionResponses": [
            {"id": round.to_string(), "name": "f", "response": {"output": long}}]}})
    };
    assert_eq!(many(&mut wire, &given).unwrap().reason, "the conversation holds no more");
}

#[test]
fn what_fails_is_told_as_the_vendors_libraries_read_it() {
    let mut wire = served(json!({}));
    say(&mut wire, &content("Hello", true), 0);
    let error = Error::new(ErrorKind::RateLimit, "too much").hint("wait a little");
    let told = tell(&mut wire, [SessionEvent::Error { error: error.clone() }]);
    // At the top, since what they raise is the code that they find there.
    assert_eq!((&told[0]["code"], &told[0]["error"]["code"]), (&json!(429), &json!(429)));
    assert_eq!(told[0]["error"]["message"], "too much (wait a little)");
    // What ends the session is told by the connection's end and nothing else, as at the vendor.
    let reply =
        wire.event(SessionEvent::Closed { reason: CloseReason::Failed { error } }, Duration::from_millis(20));
    assert!(reply.messages.is_empty(), "{reply:?}");
    let close = reply.close.unwrap();
    assert_eq!((close.code, close.reason.as_str()), (1013, "too much (wait a little)"));
}

#[test]
fn the_vendors_cloud_counts_under_its_own_names() {
    let mut wire = GeminiServed::in_the_cloud("t");
    let model = "projects/p/locations/l/publishers/google/models/demo/live";
    say(&mut wire, &json!({"setup": {"model": model}}), 0);
    say(&mut wire, &content("Hello", true), 0);
    let usage = Usage { input: Some(3), output: Some(2), audio_output: Some(2), ..Usage::default() };
    let over = SessionEvent::TurnDone { finish: FinishReason::Stop.into(), usage: Some(usage) };
    let told = tell(&mut wire, [words(Speaker::Assistant, TranscriptMode::Final, "Hi"), over]);
    let counts = &told.last().unwrap()["usageMetadata"];
    assert_eq!((&counts["candidatesTokenCount"], &counts["responseTokenCount"]), (&json!(2), &Value::Null));
    assert_eq!(counts["candidatesTokensDetails"][1], json!({"modality": "AUDIO", "tokenCount": 2}));
}

#[test]
fn what_is_no_list_is_refused_and_not_passed_over() {
    for (message, word) in [
        (
            json!({"toolResponse": {"functionResponses": {"id": "1", "response": {}}}}),
            "functionResponses is no list",
        ),
        (json!({"clientContent": {"turns": [{"role": "user", "parts": {"text": "x"}}]}}), "parts is no list"),
        (json!({"realtimeInput": {"mediaChunks": {"data": ""}}}), "mediaChunks is no list"),
        (json!({"realtimeInput": {"video": {"data": "", "mimeType": "video/mp4"}}}), "send it as pictures"),
    ] {
        let mut wire = served(json!({}));
        refused(&say(&mut wire, &message, 0), word);
    }
}
