//! The other format's messages, as its clients send and read them.
use super::{say, sent};
use base64::{Engine, engine::general_purpose::URL_SAFE};
use consort_core::{
    Arguments, CloseReason, Error, ErrorKind, Finish, FinishReason, Message, Pcm, SessionEvent, SessionInput,
    Speaker, ToolCall, TranscriptMode, Usage,
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
fn sound_comes_in_any_rate_and_either_alphabet() {
    let mut wire = served(json!({}));
    let bytes = Pcm::mono(vec![-1; 160], 16_000).to_le_bytes();
    let blob = |data: &[u8], mime: &str| json!({"realtime_input": {"audio": {"data": URL_SAFE.encode(data), "mime_type": mime}}});
    let opened = say(&mut wire, &blob(&bytes[..161], "audio/pcm;rate=16000"), 0);
    assert!(opened.open.is_some());
    let rest = say(&mut wire, &blob(&bytes[161..], "audio/pcm;rate=16000"), 0);
    let heard: Vec<Pcm> = opened
        .inputs
        .into_iter()
        .chain(rest.inputs)
        .filter_map(|input| match input {
            SessionInput::Audio(pcm) => Some(pcm),
            _ => None,
        })
        .collect();
    assert_eq!(heard.iter().flat_map(|pcm| pcm.samples.clone()).collect::<Vec<_>>(), vec![-1; 160]);
    let other = say(&mut wire, &blob(&bytes, "audio/pcm;rate=48000"), 0);
    assert!(matches!(&other.inputs[0], SessionInput::Audio(pcm) if pcm.rate == 48_000));
    let frame = json!({"realtimeInput": {"video": {"data": "AAAA", "mimeType": "image/jpeg"}}});
    assert!(matches!(say(&mut wire, &frame, 0).inputs.as_slice(), [SessionInput::Video { .. }]));
    assert_eq!(
        say(&mut wire, &json!({"realtimeInput": {"audioStreamEnd": true}}), 0).inputs,
        [SessionInput::Commit]
    );
    refused(&say(&mut wire, &blob(&bytes, "audio/pcm;rate=7"), 0), "7 samples a second");
    refused(&say(&mut wire, &blob(&bytes, "audio/mpeg"), 0), "audio/mpeg");
    refused(
        &say(&mut wire, &json!({"realtimeInput": {"audio": {"data": "§", "mimeType": "audio/pcm"}}}), 0),
        "base64",
    );
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
}

#[test]
fn speech_cuts_an_answer_unless_it_may_not() {
    for (handling, cuts) in [("START_OF_ACTIVITY_INTERRUPTS", true), ("NO_INTERRUPTION", false)] {
        let mut wire = served(json!({"realtimeInputConfig": {"activityHandling": handling}}));
        say(&mut wire, &content("Hello", true), 0);
        tell(
            &mut wire,
            [
                words(Speaker::Assistant, TranscriptMode::Delta, "one two three"),
                SessionEvent::audio("assistant", Pcm::mono(vec![1; 24_000], 24_000)),
            ],
        );
        let reply = wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(710));
        assert_eq!((reply.messages.len(), reply.inputs.len()), (usize::from(cuts), usize::from(cuts)));
        if !cuts {
            continue;
        }
        assert_eq!(sent(&reply)[0], json!({"serverContent": {"interrupted": true}}));
        assert_eq!(
            reply.inputs,
            [SessionInput::Interrupt { item: Some("assistant".into()), heard: Duration::from_millis(700) }]
        );
        assert_eq!(
            tell(&mut wire, [SessionEvent::Interrupted { item: None }]),
            [Value::Null; 0],
            "told already"
        );
        // A model that never says that it stopped is not waited for, and what it says late is not told.
        let due = wire.due().unwrap();
        assert_eq!(sent(&wire.tick(due)), [json!({"serverContent": {"turnComplete": true}})]);
        let late = SessionEvent::audio("assistant", Pcm::mono(vec![1; 240], 24_000));
        assert_eq!(tell(&mut wire, [late, done(FinishReason::Other)]), [Value::Null; 0]);
        // What is said next by the model's side opens another session with what was heard.
        let turns = json!([{"role": "model", "parts": [{"text": "I was wrong."}]}, {"role": "user", "parts": [{"text": "So?"}]}]);
        let again = say(&mut wire, &json!({"clientContent": {"turns": turns, "turnComplete": true}}), 900);
        let past: Vec<String> = again.open.unwrap().messages.iter().map(Message::text).collect();
        assert_eq!(past, ["Hello", "one two", "I was wrong."]);
        assert_eq!(again.inputs, [SessionInput::text("So?")]);
    }
}

#[test]
fn turns_may_be_marked_by_the_client() {
    let mut wire = served(json!({"realtimeInputConfig": {"automaticActivityDetection": {"disabled": true}}}));
    let opened = say(&mut wire, &json!({"realtimeInput": {"activityStart": {}}}), 0);
    assert_eq!(opened.open.unwrap().turn_detection, Some(false));
    assert_eq!(
        say(&mut wire, &json!({"realtimeInput": {"activityEnd": {}}}), 0).inputs,
        [SessionInput::Commit]
    );
    let mut other = served(json!({}));
    refused(
        &say(&mut other, &json!({"realtimeInput": {"activityStart": {}}}), 0),
        "automaticActivityDetection",
    );
}

#[test]
fn where_the_model_tells_no_turns_the_server_does() {
    let mut wire = served(json!({"explicitVadSignal": true}));
    let (mut told, mut inputs) = (Vec::new(), Vec::new());
    for piece in super::voice().chunks(4_800) {
        let audio = json!({"realtimeInput": {"audio": {"data": URL_SAFE.encode(piece), "mimeType": "audio/pcm;rate=24000"}}});
        let reply = say(&mut wire, &audio, 0);
        told.extend(sent(&reply));
        inputs.extend(reply.inputs);
    }
    assert_eq!(told[0], json!({"voiceActivity": {"voiceActivityType": "ACTIVITY_START"}}));
    assert_eq!(told[1], json!({"voiceActivity": {"voiceActivityType": "ACTIVITY_END"}}));
    assert_eq!(inputs.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
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
