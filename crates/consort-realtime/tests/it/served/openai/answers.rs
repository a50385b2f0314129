//! How answers are told, cut, and over.
use super::*;
use consort_core::{Arguments, CloseReason, Error, ErrorKind, SessionInput, ToolCall};

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
    let nowhere = json!({"type": "response.create", "response": {"conversation": "weird"}});
    assert_eq!((&refused(&say(&mut wire, &nowhere, 1))["code"],), (&"invalid_value".into(),));
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
fn a_model_that_says_no_end_has_one_all_the_same() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(&mut wire, [SessionEvent::audio("a", Pcm::mono(vec![1; 480], 24_000))]);
    assert!(wire.due().unwrap() > Duration::from_mins(1), "it speaks");
    tell(&mut wire, [SessionEvent::AudioDone { item: "a".into(), interrupted: false }]);
    let first = wire.due().unwrap();
    let more = wire.event(words("a", TranscriptMode::Final, "Hi"), Duration::from_millis(700));
    assert_eq!(types(&more)[0], "response.output_audio_transcript.delta");
    let due = wire.due().unwrap();
    let ms = Duration::from_millis;
    assert_eq!((first, due), (ms(3_010), ms(1_700)), "its last words were waited for, and came");
    assert_eq!(types(&wire.tick(due)).last().unwrap(), "response.done");
    assert_eq!(tell(&mut wire, [done(FinishReason::Stop)]), [Value::Null; 0], "late");
}

fn spoken() -> [SessionEvent; 2] {
    let by = Speaker::User;
    [SessionEvent::SpeechStarted { by }, SessionEvent::SpeechStopped { by }]
}

#[test]
fn an_answer_that_is_thought_of_can_be_cancelled() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    let told = tell(&mut wire, spoken());
    assert_eq!(kinds(&told).last(), Some(&"response.created"), "it is expected");
    let cancelled = say(&mut wire, &json!({"type": "response.cancel"}), 100);
    assert_eq!(sent(&cancelled)[0]["response"]["status"], "cancelled");
    assert_eq!(cancelled.inputs, [SessionInput::Interrupt { item: None, heard: Duration::ZERO }]);
    // A model that answers all the same is not heard, and told so once.
    let speaks = SessionEvent::SpeechStarted { by: Speaker::Assistant };
    assert!(wire.event(speaks, Duration::from_millis(150)).messages.is_empty());
    let all_the_same = wire.event(words("a", TranscriptMode::Delta, "Hi"), Duration::from_millis(200));
    let hush = SessionInput::Interrupt { item: Some("a".into()), heard: Duration::ZERO };
    assert_eq!((all_the_same.messages.len(), all_the_same.inputs), (0, vec![hush]));
    let more = [SessionEvent::audio("a", Pcm::mono(vec![1; 480], 24_000)), done(FinishReason::Other)];
    assert_eq!(tell(&mut wire, more), [Value::Null; 0]);
    // The next one is.
    let next = tell(
        &mut wire,
        spoken().into_iter().chain([words("b", TranscriptMode::Final, "Yes"), done(FinishReason::Stop)]),
    );
    assert_eq!(next.last().unwrap()["response"]["output"][0]["content"][0]["transcript"], "Yes");
}

#[test]
fn who_goes_on_speaking_is_answered_once() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(&mut wire, spoken());
    let again = wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(300));
    assert_eq!(types(&again), ["input_audio_buffer.speech_started", "response.done"]);
    assert_eq!(again.inputs, [], "the model heard it by itself");
    let told = tell(
        &mut wire,
        [
            SessionEvent::SpeechStopped { by: Speaker::User },
            words("a", TranscriptMode::Final, "Yes"),
            done(FinishReason::Stop),
        ],
    );
    assert_eq!(told.last().unwrap()["response"]["status"], "completed");
}

#[test]
fn an_answer_of_which_nothing_comes_has_failed_after_a_minute() {
    let mut wire = served();
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 1_000);
    let due = wire.due().expect("it is not waited for without end");
    assert_eq!(due, Duration::from_secs(61));
    assert!(wire.tick(Duration::from_millis(60_999)).messages.is_empty());
    let over = sent(&wire.tick(due));
    assert_eq!((kinds(&over), &over[0]["response"]["status"]), (vec!["response.done"], &"failed".into()));
    assert_eq!(over[0]["response"]["status_details"]["error"]["code"], "timeout");
    assert_eq!(types(&say(&mut wire, &respond(), 62_000)), ["response.created"]);
    tell(&mut wire, [words("a", TranscriptMode::Delta, "Hi")]);
    assert!(refused(&say(&mut wire, &respond(), 62_500))["code"] != Value::Null, "what began goes on");
}

#[test]
fn a_turn_of_which_nothing_comes_keeps_no_words_waiting() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(&mut wire, spoken());
    let error = refused(&say(&mut wire, &respond(), 100));
    assert_eq!(error["code"], "conversation_already_has_active_response", "it is asked for");
    say(&mut wire, &user("Hello"), 100);
    let asked = say(&mut wire, &respond(), 100);
    assert_eq!(types(&asked), ["response.done", "response.created"]);
    assert_eq!(asked.inputs, [SessionInput::text("Hello")]);
}

#[test]
fn where_nobody_said_anything_nothing_has_failed_and_what_nobody_counted_is_left_out() {
    let mut wire = served();
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    let usage = consort_core::Usage { output: Some(4), ..consort_core::Usage::default() };
    let finish = consort_core::Finish::new(FinishReason::Other, "unheard");
    let told = tell(&mut wire, [SessionEvent::TurnDone { finish, usage: Some(usage) }]);
    let response = &told.last().unwrap()["response"];
    assert_eq!((&response["status"], &response["output"]), (&"cancelled".into(), &json!([])), "{response}");
    assert_eq!(response["status_details"], json!({"type": "cancelled", "reason": null}));
    let usage = response["usage"].as_object().unwrap();
    assert_eq!(usage["output_tokens"], 4);
    let unknown = ["input_tokens", "input_token_details", "total_tokens"];
    assert!(!unknown.iter().any(|key| usage.contains_key(*key)), "{usage:?}");
    assert_eq!(usage["output_token_details"]["text_tokens"], 4);
    let finish = consort_core::Finish::new(FinishReason::Other, "unheard");
    assert_eq!(tell(&mut wire, [SessionEvent::TurnDone { finish, usage: None }]), [Value::Null; 0]);
    // An event's number is a text.
    let error = refused(&say(&mut wire, &json!({"type": "response.cancel", "event_id": 7}), 0));
    assert_eq!(error["event_id"], Value::Null);
}
