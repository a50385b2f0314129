//! One format's messages, as its clients send and read them.
use super::{say, sent, types};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use consort_core::{
    Arguments, CloseReason, Error, ErrorKind, FinishReason, Message, Pcm, SessionEvent, SessionInput,
    Speaker, ToolCall, TranscriptMode,
};
use consort_realtime::wire::served::Reply;
use consort_realtime::wire::{OpenAiServed, ServedWire};
use serde_json::{Value, json};
use std::time::Duration;

fn served() -> OpenAiServed {
    let mut wire = OpenAiServed::new("demo/live", "t");
    let greeting = wire.greet();
    assert_eq!(
        (greeting.find.as_deref(), types(&greeting)),
        (Some("demo/live"), vec!["session.created".into()])
    );
    wire
}

/// The error that a message is answered with.
fn refused(reply: &Reply) -> Value {
    let [error] = sent(reply).try_into().unwrap_or_else(|all: Vec<Value>| panic!("{all:?}"));
    assert_eq!(error["type"], "error");
    assert!(reply.inputs.is_empty() && reply.open.is_none() && reply.close.is_none());
    error["error"].clone()
}

fn update(session: Value) -> Value {
    let mut session = session;
    session["type"] = "realtime".into();
    json!({"type": "session.update", "event_id": "mine", "session": session})
}

fn user(text: &str) -> Value {
    json!({"type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}})
}

fn respond() -> Value {
    json!({"type": "response.create"})
}

fn sound(samples: usize) -> Vec<u8> {
    Pcm::mono(vec![9000; samples], 24_000).to_le_bytes()
}

fn append(bytes: &[u8]) -> Value {
    json!({"type": "input_audio_buffer.append", "audio": STANDARD.encode(bytes)})
}

fn manual() -> Value {
    update(json!({"audio": {"input": {"turn_detection": null}}}))
}

fn words(item: &str, mode: TranscriptMode, text: &str) -> SessionEvent {
    SessionEvent::Transcript { item: item.into(), by: Speaker::Assistant, mode, text: text.into() }
}

fn done(reason: FinishReason) -> SessionEvent {
    SessionEvent::TurnDone { finish: reason.into(), usage: None }
}

fn tell(wire: &mut OpenAiServed, events: impl IntoIterator<Item = SessionEvent>) -> Vec<Value> {
    events.into_iter().flat_map(|event| sent(&wire.event(event, Duration::from_millis(10)))).collect()
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap_or_default()).collect()
}

#[test]
fn settings_count_as_a_whole_or_not_at_all_and_are_shown() {
    let mut wire = served();
    let wrong = [
        (json!({"colour": "red"}), "unknown_parameter", "session.colour"),
        (json!({"audio": {"input": {"gain": 1}}}), "unknown_parameter", "session.audio.input.gain"),
        (json!({"modalities": ["audio"]}), "unknown_parameter", "session.modalities"),
        (
            json!({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}),
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            json!({"audio": {"output": {"format": {"type": "audio/mpeg"}}}}),
            "invalid_value",
            "session.audio.output.format.type",
        ),
        (json!({"output_modalities": ["text", "audio"]}), "invalid_value", "session.output_modalities"),
        (json!({"model": "other"}), "invalid_value", "session.model"),
        (json!({"tools": [{"type": "mcp"}]}), "unsupported", "session.tools[0]"),
        (json!({"instructions": 7}), "invalid_type", "session.instructions"),
        (
            json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}}),
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
    ];
    for (wrong, code, param) in wrong {
        let mut session = wrong.clone();
        if session.get("instructions").is_none() {
            session["instructions"] = "Be loud.".into();
        }
        let error = refused(&say(&mut wire, &update(session), 0));
        assert_eq!((&error["code"], &error["param"]), (&code.into(), &param.into()), "{wrong}: {error}");
        assert_eq!(error["event_id"], "mine");
    }
    let untyped = json!({"type": "session.update", "session": {}});
    assert_eq!(refused(&say(&mut wire, &untyped, 0))["param"], "session.type");
    let good = update(json!({
        "instructions": "Be kind.", "output_modalities": ["text"], "max_output_tokens": 100, "tool_choice": "none",
        "tools": [{"type": "function", "name": "clock", "description": "", "parameters": {"type": "object"}}],
        "audio": {"input": {"format": {"type": "audio/pcmu"}, "transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "semantic_vad", "eagerness": "low"}}, "output": {"voice": "marin"}},
    }));
    let reply = say(&mut wire, &good, 0);
    let session = &sent(&reply)[0]["session"];
    assert_eq!(
        (types(&reply)[0].as_str(), &session["instructions"]),
        ("session.updated", &"Be kind.".into())
    );
    assert_eq!(session["max_output_tokens"], "inf", "what has no effect shows that it has none");
    assert_eq!(session["audio"]["input"]["turn_detection"]["interrupt_response"], true);
    assert_eq!(
        (&session["audio"]["output"]["voice"], &session["output_modalities"][0]),
        (&"marin".into(), &"text".into())
    );
    let opened = say(&mut wire, &append(&[0xff; 800]), 0).open.unwrap();
    assert_eq!((opened.instructions.as_str(), opened.voice.as_deref()), ("Be kind.", Some("marin")));
    assert_eq!((opened.tools.len(), opened.input_rate, opened.turn_detection), (0, Some(8_000), Some(true)));
}

#[test]
fn an_answer_is_told_in_the_vendors_order() {
    let mut wire = served();
    let item = sent(&say(&mut wire, &user("Hello"), 0));
    assert_eq!(kinds(&item), ["conversation.item.added", "conversation.item.done"]);
    assert_eq!(item[0]["previous_item_id"], Value::Null);
    let asked = say(&mut wire, &respond(), 0);
    assert_eq!(types(&asked), ["response.created"]);
    assert_eq!(asked.inputs, [SessionInput::text("Hello")]);
    assert_eq!(asked.open.as_ref().unwrap().messages, []);
    let told = tell(
        &mut wire,
        [
            SessionEvent::Connected { model: None, session: None },
            SessionEvent::SpeechStarted { by: Speaker::Assistant },
            words("a", TranscriptMode::Delta, "Hi "),
            SessionEvent::audio("a", Pcm::mono(vec![1; 480], 24_000)),
            words("a", TranscriptMode::Delta, "you"),
            SessionEvent::AudioDone { item: "a".into(), interrupted: false },
            words("a", TranscriptMode::Final, "Hi you"),
            SessionEvent::SpeechStopped { by: Speaker::Assistant },
            done(FinishReason::Stop),
        ],
    );
    assert_eq!(
        kinds(&told),
        [
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio_transcript.delta",
            "response.output_audio.delta",
            "response.output_audio_transcript.delta",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
    );
    assert_eq!(told[1]["previous_item_id"], item[0]["item"]["id"]);
    assert_eq!(told[9]["previous_item_id"], item[0]["item"]["id"]);
    let response = &told[11]["response"];
    assert_eq!(
        (&response["status"], &response["output"][0]["content"][0]["transcript"]),
        (&"completed".into(), &"Hi you".into())
    );
    assert_eq!((&told[3]["output_index"], &told[3]["content_index"]), (&0.into(), &0.into()));
    let mut ids: Vec<&str> = told.iter().map(|message| message["event_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told.len(), "every event has a number of its own");
    let id = told[0]["item"]["id"].as_str().unwrap();
    let kept = say(&mut wire, &json!({"type": "conversation.item.retrieve", "item_id": id}), 20);
    assert_eq!(sent(&kept)[0]["item"]["content"][0]["transcript"], "Hi you");
}

#[test]
fn in_text_mode_what_is_said_aloud_is_written() {
    let mut wire = served();
    say(&mut wire, &update(json!({"output_modalities": ["text"]})), 0);
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    let told = tell(
        &mut wire,
        [
            words("a", TranscriptMode::Delta, "Hi"),
            SessionEvent::audio("a", Pcm::mono(vec![1; 480], 24_000)),
            SessionEvent::AudioDone { item: "a".into(), interrupted: false },
            words("a", TranscriptMode::Final, "Hi."),
            done(FinishReason::Stop),
        ],
    );
    let text: String = told
        .iter()
        .filter(|m| m["type"] == "response.output_text.delta")
        .map(|m| m["delta"].as_str().unwrap())
        .collect();
    assert_eq!(text, "Hi.");
    assert!(!told.iter().any(|message| message["type"].as_str().unwrap().contains("audio")), "{told:?}");
    assert_eq!(
        told.last().unwrap()["response"]["output"][0]["content"][0],
        json!({"type": "output_text", "text": "Hi."})
    );
}

#[test]
fn calls_are_answered_when_the_client_wants_an_answer() {
    let mut wire = served();
    say(&mut wire, &user("What time is it?"), 0);
    say(&mut wire, &respond(), 0);
    let call = ToolCall { id: "c1".into(), name: "clock".into(), arguments: Arguments::new("{\"tz\":1}") };
    let told = tell(&mut wire, [SessionEvent::ToolCall { call }]);
    assert_eq!(
        kinds(&told),
        [
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
        ]
    );
    assert_eq!((&told[3]["call_id"], &told[3]["arguments"]), (&"c1".into(), &"{\"tz\":1}".into()));
    // This model waits for the result and says no end.
    let due = wire.due().unwrap();
    let over = sent(&wire.tick(due));
    assert_eq!((kinds(&over), &over[0]["response"]["status"]), (vec!["response.done"], &"completed".into()));
    let output = |id: &str| {
        json!({"type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": id, "output": "noon"}})
    };
    assert_eq!(refused(&say(&mut wire, &output("c2"), 300))["param"], "item.call_id");
    assert_eq!(say(&mut wire, &output("c1"), 300).inputs, []);
    let asked = say(&mut wire, &respond(), 300);
    let [SessionInput::ToolResult { result }] = asked.inputs.as_slice() else { panic!("{asked:?}") };
    assert_eq!(
        (result.call_id.as_str(), result.name.as_str(), result.text().as_str()),
        ("c1", "clock", "noon")
    );
    // What it says then is of the new answer, and so is its end.
    let told = tell(&mut wire, [words("a", TranscriptMode::Final, "Noon."), done(FinishReason::Stop)]);
    assert_eq!(told.last().unwrap()["response"]["status"], "completed");
}

#[test]
fn one_answer_at_a_time() {
    let mut wire = served();
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    let error = refused(&say(&mut wire, &respond(), 1));
    assert_eq!(error["code"], "conversation_already_has_active_response");
    let outside = json!({"type": "response.create", "event_id": "e", "response": {"conversation": "none"}});
    assert_eq!((&refused(&say(&mut wire, &outside, 1))["code"],), (&"unsupported".into(),));
    tell(
        &mut wire,
        [
            words("a", TranscriptMode::Delta, "Hi"),
            SessionEvent::audio("a", Pcm::mono(vec![1; 24_000], 24_000)),
        ],
    );
    let cut = say(&mut wire, &json!({"type": "response.cancel"}), 310);
    assert_eq!(
        cut.inputs,
        [SessionInput::Interrupt { item: Some("a".into()), heard: Duration::from_millis(300) }]
    );
    assert_eq!(
        refused(&say(&mut wire, &json!({"type": "response.cancel"}), 320))["code"],
        "response_cancel_not_active"
    );
    // A model that never says that it stopped is not waited for.
    let due = wire.due().unwrap();
    let over = sent(&wire.tick(due));
    let response = &over.last().unwrap()["response"];
    assert_eq!(
        (&response["status"], &response["status_details"]["reason"]),
        (&"cancelled".into(), &"client_cancelled".into())
    );
    assert_eq!(
        tell(&mut wire, [words("a", TranscriptMode::Final, "Hi"), done(FinishReason::Stop)]),
        [Value::Null; 0],
        "late"
    );
    let next = say(&mut wire, &respond(), 900);
    assert_eq!((types(&next).as_slice(), next.inputs.len()), (["response.created".to_owned()].as_slice(), 1));
}

#[test]
fn speech_cuts_an_answer_and_the_client_says_what_was_heard() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(
        &mut wire,
        [
            words("a", TranscriptMode::Delta, "one two three"),
            SessionEvent::audio("a", Pcm::mono(vec![1; 24_000], 24_000)),
        ],
    );
    let cut = wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(510));
    assert_eq!(types(&cut), ["input_audio_buffer.speech_started"]);
    assert_eq!(
        cut.inputs,
        [SessionInput::Interrupt { item: Some("a".into()), heard: Duration::from_millis(500) }]
    );
    assert_eq!(
        tell(&mut wire, [SessionEvent::audio("a", Pcm::mono(vec![1; 240], 24_000))]),
        [Value::Null; 0]
    );
    let told = tell(&mut wire, [done(FinishReason::Other)]);
    let response = &told.last().unwrap()["response"];
    assert_eq!(
        (&response["status"], &response["status_details"]["reason"]),
        (&"cancelled".into(), &"turn_detected".into())
    );
    let id = response["output"][0]["id"].as_str().unwrap().to_owned();
    let truncate = |ms: u64| json!({"type": "conversation.item.truncate", "item_id": id, "content_index": 0, "audio_end_ms": ms});
    assert_eq!(refused(&say(&mut wire, &truncate(1_001), 600))["param"], "audio_end_ms");
    let truncated = say(&mut wire, &truncate(700), 600);
    assert_eq!(
        (types(&truncated).as_slice(), truncated.inputs.len()),
        (["conversation.item.truncated".to_owned()].as_slice(), 0)
    );
    // The conversation is kept as it was heard: another session begins with that.
    let system = json!({"type": "conversation.item.create", "item": {"type": "message", "role": "system",
        "content": [{"type": "input_text", "text": "Shout."}]}});
    say(&mut wire, &system, 700);
    tell(&mut wire, [SessionEvent::SpeechStopped { by: Speaker::User }]);
    let again = say(&mut wire, &append(&sound(2_400)), 800);
    let past = again.open.unwrap().messages;
    assert_eq!(past.iter().map(Message::text).collect::<Vec<_>>(), ["one two", "Shout."]);
}

#[test]
fn what_was_heard_of_a_complete_answer_is_told() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(
        &mut wire,
        [
            words("a", TranscriptMode::Final, "one"),
            SessionEvent::audio("a", Pcm::mono(vec![1; 24_000], 24_000)),
        ],
    );
    let told = tell(&mut wire, [done(FinishReason::Stop)]);
    let id = &told.last().unwrap()["response"]["output"][0]["id"];
    let truncate =
        json!({"type": "conversation.item.truncate", "item_id": id, "content_index": 0, "audio_end_ms": 250});
    let inputs = say(&mut wire, &truncate, 400).inputs;
    assert_eq!(
        inputs,
        [SessionInput::Interrupt { item: Some("a".into()), heard: Duration::from_millis(250) }]
    );
    assert_eq!(say(&mut wire, &truncate, 400).inputs, [], "once");
}

#[test]
fn turns_that_the_client_ends_wait_for_it() {
    let mut wire = served();
    say(&mut wire, &manual(), 0);
    let commit = json!({"type": "input_audio_buffer.commit", "event_id": "c"});
    assert_eq!(refused(&say(&mut wire, &commit, 0))["code"], "input_audio_buffer_commit_empty");
    let kept = say(&mut wire, &append(&sound(2_400)), 0);
    assert!(kept.open.is_none() && kept.inputs.is_empty() && kept.messages.is_empty());
    assert_eq!(
        types(&say(&mut wire, &json!({"type": "input_audio_buffer.clear"}), 0)),
        ["input_audio_buffer.cleared"]
    );
    assert_eq!(refused(&say(&mut wire, &commit, 0))["code"], "input_audio_buffer_commit_empty", "taken back");
    // Odd bytes, and the other alphabet.
    let bytes = sound(4_800);
    say(&mut wire, &append(&bytes[..4_801]), 0);
    let url_safe =
        json!({"type": "input_audio_buffer.append", "audio": URL_SAFE_NO_PAD.encode(&bytes[4_801..])});
    say(&mut wire, &url_safe, 0);
    let committed = say(&mut wire, &commit, 0);
    assert_eq!(
        types(&committed),
        ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    );
    assert_eq!(committed.open.as_ref().unwrap().turn_detection, Some(false));
    let heard: Vec<i16> = committed
        .inputs
        .iter()
        .flat_map(|input| match input {
            SessionInput::Audio(pcm) => pcm.samples.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(heard, vec![9000; 4_800]);
    let asked = say(&mut wire, &respond(), 0);
    assert_eq!(asked.inputs, [SessionInput::Commit]);
    let broken = json!({"type": "input_audio_buffer.append", "audio": "§§"});
    assert_eq!(refused(&say(&mut wire, &broken, 0))["param"], "audio");
}

#[test]
fn a_turn_without_end_is_refused_before_it_fills_the_memory() {
    let mut wire = served();
    say(&mut wire, &manual(), 0);
    let minute = append(&sound(24_000 * 60));
    let full = (0..12).map(|_| say(&mut wire, &minute, 0)).find(|reply| !reply.messages.is_empty());
    assert_eq!(refused(&full.expect("a limit"))["code"], "input_audio_buffer_full");
}

#[test]
fn turns_that_are_not_answered_are_found_by_the_server() {
    let mut wire = served();
    say(
        &mut wire,
        &update(
            json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "create_response": false}}}}),
        ),
        0,
    );
    let opened = say(&mut wire, &append(&sound(2_400)), 0);
    assert_eq!(opened.open.unwrap().turn_detection, Some(false), "the model would answer");
    assert_eq!(tell(&mut wire, [SessionEvent::SpeechStarted { by: Speaker::User }]), [Value::Null; 0]);
    let voice = super::voice();
    let mut told = Vec::new();
    for piece in voice.chunks(4_800) {
        let reply = say(&mut wire, &append(piece), 0);
        assert!(!reply.inputs.contains(&SessionInput::Commit));
        told.extend(types(&reply));
    }
    assert_eq!(told[..2], ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]);
    assert_eq!(told[2], "input_audio_buffer.committed");
    assert_eq!(say(&mut wire, &respond(), 0).inputs, [SessionInput::Commit]);
}

#[test]
fn where_the_model_tells_no_turns_the_server_does() {
    let mut wire = served();
    let voice = super::voice();
    let (mut told, mut inputs) = (Vec::new(), Vec::new());
    for piece in voice.chunks(4_800) {
        let reply = say(&mut wire, &append(piece), 0);
        told.extend(types(&reply));
        inputs.extend(reply.inputs);
    }
    assert_eq!(told[..2], ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]);
    assert_eq!(inputs.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
}

#[test]
fn what_the_user_said_is_written_down_where_it_was_asked_for() {
    let heard = |mode, text: &str| SessionEvent::Transcript {
        item: "u".into(),
        by: Speaker::User,
        mode,
        text: text.into(),
    };
    let all = || {
        [
            SessionEvent::SpeechStarted { by: Speaker::User },
            SessionEvent::SpeechStopped { by: Speaker::User },
            heard(TranscriptMode::Delta, "Hel"),
            heard(TranscriptMode::Final, "Hello"),
        ]
    };
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    let quiet = tell(&mut wire, all());
    assert_eq!(
        kinds(&quiet),
        [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done"
        ]
    );
    say(&mut wire, &update(json!({"audio": {"input": {"transcription": {"model": "any"}}}})), 0);
    let told = tell(
        &mut wire,
        all().into_iter().map(|event| match event {
            SessionEvent::Transcript { by, mode, text, .. } => {
                SessionEvent::Transcript { item: "v".into(), by, mode, text }
            }
            other => other,
        }),
    );
    let [.., delta, completed] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&delta["delta"], &completed["transcript"]), (&"Hel".into(), &"Hello".into()));
    assert_eq!(completed["item_id"], told[0]["item_id"], "of the turn that was spoken");
    // Words of a turn that nobody told of make one.
    let other = SessionEvent::Transcript {
        item: "w".into(),
        by: Speaker::User,
        mode: TranscriptMode::Final,
        text: "Yes".into(),
    };
    assert_eq!(kinds(&tell(&mut wire, [other]))[0], "input_audio_buffer.committed");
}

#[test]
fn sound_goes_out_in_the_format_that_was_asked_for() {
    let mut wire = served();
    say(&mut wire, &update(json!({"audio": {"output": {"format": {"type": "audio/pcma"}}}})), 0);
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    let told = tell(
        &mut wire,
        [SessionEvent::audio("a", Pcm::mono(vec![900; 48_000], 48_000)), done(FinishReason::Stop)],
    );
    let bytes: usize = told
        .iter()
        .filter(|m| m["type"] == "response.output_audio.delta")
        .map(|m| STANDARD.decode(m["delta"].as_str().unwrap()).unwrap().len())
        .sum();
    assert_eq!(bytes, 8_000);
}

#[test]
fn what_failed_is_told_where_it_belongs() {
    let mut wire = served();
    let broke = || SessionEvent::Error { error: Error::new(ErrorKind::Server, "it broke") };
    assert_eq!(tell(&mut wire, [broke()])[0]["error"]["message"], "it broke");
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    let told = tell(&mut wire, [broke()]);
    assert_eq!(told[0]["response"]["status_details"]["error"]["message"], "it broke");
    assert_eq!(tell(&mut wire, [done(FinishReason::Other)]), [Value::Null; 0], "told already");
    say(&mut wire, &respond(), 0);
    let told = tell(&mut wire, [words("a", TranscriptMode::Delta, "Hi"), broke(), done(FinishReason::Stop)]);
    assert_eq!(told.last().unwrap()["response"]["status"], "completed", "it came all the same");
    assert!(told.iter().any(|message| message["type"] == "error"));
    let failed = CloseReason::Failed { error: Error::new(ErrorKind::Auth, "no key") };
    let reply = wire.event(SessionEvent::Closed { reason: failed }, Duration::ZERO);
    assert_eq!((types(&reply)[0].as_str(), reply.close.unwrap().code), ("error", 1008));
}

#[test]
fn nonsense_is_answered_and_survived() {
    let mut wire = served();
    assert_eq!(refused(&wire.message(b"{", Duration::ZERO))["code"], "invalid_json");
    for (message, param) in [
        (json!([]), "type"),
        (json!({"type": "nonsense", "event_id": "n"}), "type"),
        (json!({"type": "response.create", "extra": 1}), "extra"),
        (json!({"type": "conversation.item.delete", "item_id": "nobody"}), "item_id"),
        (
            json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [
            {"type": "input_image", "image_url": "https://elsewhere.example/a.png"}]}}),
            "item.content[0].image_url",
        ),
        (
            json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [
            {"type": "input_audio", "audio": "AAA="}, {"type": "input_audio", "audio": "AAAA"}]}}),
            "item.content[1].audio",
        ),
        (json!({"type": "output_audio_buffer.clear"}), "type"),
    ] {
        let error = refused(&say(&mut wire, &message, 0));
        assert_eq!(error["param"], param, "{message}: {error}");
    }
}

#[test]
fn what_was_said_before_is_what_the_session_begins_with() {
    let mut wire = served();
    let said = |role: &str, kind: &str, text: &str| {
        json!({"type": "conversation.item.create",
        "item": {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}})
    };
    say(&mut wire, &said("user", "input_text", "I am Alice."), 0);
    say(&mut wire, &said("assistant", "output_text", "Hello Alice."), 0);
    say(&mut wire, &user("Who am I?"), 0);
    let root = json!({"type": "conversation.item.create", "previous_item_id": "root",
        "item": {"id": "first", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]}});
    assert_eq!(sent(&say(&mut wire, &root, 0))[0]["previous_item_id"], Value::Null);
    let asked = say(&mut wire, &respond(), 0);
    let past = asked.open.unwrap().messages;
    assert_eq!(
        past.iter().map(Message::text).collect::<Vec<_>>(),
        ["Be brief.", "I am Alice.", "Hello Alice."]
    );
    assert_eq!(asked.inputs, [SessionInput::text("Who am I?")]);
    // What is taken away is taken from the model too, by another session.
    tell(&mut wire, [done(FinishReason::Stop)]);
    say(&mut wire, &json!({"type": "conversation.item.delete", "item_id": "first"}), 0);
    let again = say(&mut wire, &respond(), 0).open.unwrap();
    assert_eq!(again.messages[0].text(), "I am Alice.");
}

#[test]
fn one_response_may_have_instructions_of_its_own() {
    let mut wire = served();
    say(&mut wire, &update(json!({"instructions": "Be kind."})), 0);
    let asked = say(
        &mut wire,
        &json!({"type": "response.create", "response": {"instructions": "Greet the user.", "metadata": {"a": "b"}}}),
        0,
    );
    let [SessionInput::Update { update }, SessionInput::Text { .. }] = asked.inputs.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(update.instructions.as_deref(), Some("Greet the user."));
    assert_eq!(sent(&asked)[0]["response"]["metadata"]["a"], "b");
    let over = wire.event(done(FinishReason::Stop), Duration::ZERO);
    let [SessionInput::Update { update }] = over.inputs.as_slice() else { panic!("{over:?}") };
    assert_eq!(update.instructions.as_deref(), Some("Be kind."));
}

#[test]
fn a_model_that_says_no_end_has_one_all_the_same() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(&mut wire, [SessionEvent::audio("a", Pcm::mono(vec![1; 480], 24_000))]);
    assert_eq!(wire.due(), None, "it speaks");
    tell(&mut wire, [SessionEvent::AudioDone { item: "a".into(), interrupted: false }]);
    let first = wire.due().unwrap();
    let more = wire.event(words("a", TranscriptMode::Final, "Hi"), Duration::from_millis(700));
    assert_eq!(types(&more)[0], "response.output_audio_transcript.delta");
    let due = wire.due().unwrap();
    assert!(due > first, "something came");
    assert_eq!(types(&wire.tick(due)).last().unwrap(), "response.done");
    assert_eq!(tell(&mut wire, [done(FinishReason::Stop)]), [Value::Null; 0], "late");
}

#[test]
fn silence_and_clipped_sound_are_heard_as_they_are() {
    let mut wire = served();
    let silence = say(&mut wire, &append(&vec![0; 48_000]), 0);
    assert_eq!(types(&silence), [""; 0]);
    let clipped: Vec<i16> = (0..24_000).map(|n| if n / 50 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let reply = say(&mut wire, &append(&Pcm::mono(clipped.clone(), 24_000).to_le_bytes()), 0);
    let heard: Vec<i16> = reply
        .inputs
        .iter()
        .flat_map(|input| match input {
            SessionInput::Audio(pcm) => pcm.samples.clone(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(heard, clipped);
}
