//! The conversation is kept as it was heard, wherever it is looked at.
use super::*;
use consort_core::{Message, SessionInput};

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
    let stopped = SessionEvent::SpeechStopped { by: Speaker::User };
    tell(&mut wire, [stopped, words("b", TranscriptMode::Final, "Yes"), done(FinishReason::Stop)]);
    let again = say(&mut wire, &append(&sound(2_400)), 800);
    let past = again.open.unwrap().messages;
    assert_eq!(
        past.iter().map(Message::text).collect::<Vec<_>>(),
        ["one two", "Shout.", "", "Yes"],
        "with what was said aloud, as sound"
    );
}

/// Models write faster than they speak.
#[test]
fn words_that_run_ahead_of_their_sound_are_not_kept_as_heard() {
    for (sound_ms, wanted) in [(500, "one two"), (0, "")] {
        let mut wire = served();
        say(&mut wire, &append(&sound(2_400)), 0);
        let all = "one two three four five six seven eight nine ten";
        let told = tell(&mut wire, [words("a", TranscriptMode::Delta, all)]);
        let item = told.iter().find(|event| event["type"] == "conversation.item.added").unwrap();
        let id = item["item"]["id"].clone();
        tell(&mut wire, [SessionEvent::audio("a", Pcm::mono(vec![1; sound_ms * 24], 24_000))]);
        wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(700));
        tell(&mut wire, [words("a", TranscriptMode::Final, all), done(FinishReason::Other)]);
        let content = retrieved(&mut wire, &id)["content"][0].clone();
        assert_eq!(content["transcript"], wanted, "{sound_ms}: {content}");
    }
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

fn truncate(id: &Value, ms: u64) -> Value {
    json!({"type": "conversation.item.truncate", "item_id": id, "content_index": 0, "audio_end_ms": ms})
}

fn retrieved(wire: &mut OpenAiServed, id: &Value) -> Value {
    let reply = say(wire, &json!({"type": "conversation.item.retrieve", "item_id": id}), 900);
    sent(&reply)[0]["item"].clone()
}

fn system(wire: &mut OpenAiServed, text: &str) {
    let item =
        json!({"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]});
    say(wire, &json!({"type": "conversation.item.create", "item": item}), 950);
}

/// What a session that is opened anew is told of the past.
fn told_anew(wire: &mut OpenAiServed) -> Vec<String> {
    system(wire, "Shout.");
    let opened = say(wire, &respond(), 2_000).open.expect("another session");
    opened.messages.iter().map(Message::text).collect()
}

/// An answer of a second, of which the model is still to say the end; and its item.
fn speaking(wire: &mut OpenAiServed) -> Value {
    say(wire, &user("Count."), 0);
    say(wire, &respond(), 0);
    let told = tell(
        wire,
        [
            words("a", TranscriptMode::Delta, "one two three four"),
            SessionEvent::audio("a", Pcm::mono(vec![1; 24_000], 24_000)),
        ],
    );
    told[0]["item"]["id"].clone()
}

#[test]
fn a_truncation_before_the_end_of_the_answer_holds_behind_it() {
    let mut wire = served();
    let id = speaking(&mut wire);
    say(&mut wire, &json!({"type": "response.cancel"}), 910);
    let truncated = say(&mut wire, &truncate(&id, 300), 920);
    let wanted = SessionInput::Interrupt { item: Some("a".into()), heard: Duration::from_millis(300) };
    assert_eq!(truncated.inputs, [wanted], "the client knows better than the clock");
    assert_eq!(retrieved(&mut wire, &id)["content"][0]["transcript"], "one");
    tell(&mut wire, [words("a", TranscriptMode::Final, "one two three four"), done(FinishReason::Other)]);
    assert_eq!(retrieved(&mut wire, &id)["content"][0]["transcript"], "one");
    assert_eq!(told_anew(&mut wire), ["Count.", "one", "Shout."]);
}

#[test]
fn a_cut_that_nobody_truncates_is_kept_by_the_clock() {
    let mut wire = served();
    let id = speaking(&mut wire);
    say(&mut wire, &json!({"type": "response.cancel"}), 510);
    tell(&mut wire, [words("a", TranscriptMode::Final, "one two three four"), done(FinishReason::Other)]);
    let item = retrieved(&mut wire, &id);
    assert_eq!(
        (&item["content"][0]["transcript"], &item["status"]),
        (&"one two".into(), &"incomplete".into())
    );
    assert_eq!(told_anew(&mut wire), ["Count.", "one two", "Shout."]);
}

#[test]
fn a_truncation_behind_the_answer_is_what_everybody_is_told() {
    let mut wire = served();
    let id = speaking(&mut wire);
    tell(&mut wire, [words("a", TranscriptMode::Final, "one two three four"), done(FinishReason::Stop)]);
    assert_eq!(retrieved(&mut wire, &id)["content"][0]["transcript"], "one two three four");
    say(&mut wire, &truncate(&id, 500), 900);
    assert_eq!(retrieved(&mut wire, &id)["content"][0]["transcript"], "one two");
    say(&mut wire, &truncate(&id, 0), 900);
    assert_eq!(retrieved(&mut wire, &id)["content"][0]["transcript"], "");
    assert_eq!(told_anew(&mut wire), ["Count.", "Shout."]);
}

#[test]
fn words_that_a_session_which_is_left_owes_are_given_up() {
    let mut wire = served();
    let transcribed = json!({"type": "session.update", "session": {"type": "realtime",
        "audio": {"input": {"transcription": {"model": "any"}}}}});
    say(&mut wire, &transcribed, 0);
    speaking(&mut wire);
    tell(&mut wire, [SessionEvent::SpeechStarted { by: Speaker::User }]);
    let told = tell(&mut wire, [SessionEvent::SpeechStopped { by: Speaker::User }]);
    let turn = told.iter().find(|event| event["type"] == "input_audio_buffer.committed").unwrap();
    tell(&mut wire, [words("b", TranscriptMode::Final, "Yes"), done(FinishReason::Stop)]);
    system(&mut wire, "Shout.");
    let again = say(&mut wire, &append(&sound(2_400)), 4_000);
    assert!(again.open.is_some());
    let failed = &sent(&again)[0];
    assert_eq!(failed["type"], "conversation.item.input_audio_transcription.failed");
    assert_eq!(failed["item_id"], turn["item_id"]);
}

#[test]
fn a_session_that_began_with_more_than_was_heard_is_opened_anew() {
    let mut wire = served();
    let id = speaking(&mut wire);
    tell(&mut wire, [words("a", TranscriptMode::Final, "one two three four"), done(FinishReason::Stop)]);
    assert_eq!(told_anew(&mut wire), ["Count.", "one two three four", "Shout."]);
    tell(&mut wire, [done(FinishReason::Stop)]);
    say(&mut wire, &truncate(&id, 500), 3_000);
    let again = say(&mut wire, &respond(), 3_000).open.expect("it knows what nobody heard");
    assert_eq!(again.messages[1].text(), "one two");
}

#[test]
fn a_truncation_says_what_it_is_of() {
    let mut wire = served();
    let id = speaking(&mut wire);
    let wrong = json!({"type": "conversation.item.truncate", "item_id": id, "audio_end_ms": 10});
    let error = refused(&say(&mut wire, &wrong, 900));
    assert_eq!(
        (&error["code"], &error["param"]),
        (&"missing_required_parameter".into(), &"content_index".into())
    );
    let truncated = sent(&say(&mut wire, &truncate(&id, 10), 900));
    assert_eq!(truncated[0]["content_index"], 0);
}

/// A spoken turn of 1.5 s that waits to be answered.
fn spoken(wire: &mut OpenAiServed) -> Value {
    say(wire, &append(&sound(36_000)), 0);
    let committed = sent(&say(wire, &json!({"type": "input_audio_buffer.commit"}), 10));
    committed[0]["item_id"].clone()
}

fn samples(inputs: &[SessionInput]) -> usize {
    let of = |input: &SessionInput| if let SessionInput::Audio(pcm) = input { pcm.samples.len() } else { 0 };
    inputs.iter().map(of).sum()
}

#[test]
fn what_was_said_aloud_is_said_again_to_a_session_that_is_opened_anew() {
    let mut wire = served();
    say(&mut wire, &manual(), 0);
    let id = spoken(&mut wire);
    system(&mut wire, "Shout.");
    let asked = say(&mut wire, &respond(), 1_000);
    let past = asked.open.as_ref().unwrap().messages.iter().map(Message::text).collect::<Vec<_>>();
    assert_eq!((past, samples(&asked.inputs)), (vec!["Shout.".to_owned()], 36_000));
    assert_eq!(asked.inputs.last(), Some(&SessionInput::Commit));
    // Its words come late, and are of the turn that was spoken.
    let late = SessionEvent::Transcript {
        item: "u".into(),
        by: Speaker::User,
        mode: TranscriptMode::Final,
        text: "Hello".into(),
    };
    assert_eq!(tell(&mut wire, [late]), [Value::Null; 0], "no item is new");
    assert_eq!(retrieved(&mut wire, &id)["content"][0]["transcript"], "Hello");
    tell(&mut wire, [done(FinishReason::Stop)]);
    assert_eq!(
        told_anew(&mut wire),
        ["Hello", "Shout.", "Shout."],
        "known in words, it is no sound any more"
    );
}

#[test]
fn sound_that_waits_is_heard_by_every_session() {
    let mut wire = served();
    say(&mut wire, &manual(), 0);
    spoken(&mut wire);
    system(&mut wire, "Shout.");
    say(&mut wire, &append(&sound(24_000)), 1_000);
    let again = say(&mut wire, &json!({"type": "input_audio_buffer.commit"}), 1_000);
    assert_eq!((again.open.is_some(), samples(&again.inputs)), (true, 60_000));
    assert!(!again.inputs.contains(&SessionInput::Commit));
    assert_eq!(say(&mut wire, &respond(), 1_000).inputs, [SessionInput::Commit], "both are answered at once");
}

#[test]
fn sound_beside_words_is_heard_and_answered() {
    let mut wire = served();
    let audio = STANDARD.encode(sound(36_000));
    let item = json!({"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "Transcribe this"}, {"type": "input_audio", "audio": audio}]});
    say(&mut wire, &json!({"type": "conversation.item.create", "item": item}), 0);
    let asked = say(&mut wire, &respond(), 0);
    assert_eq!(asked.open.as_ref().unwrap().messages[0].text(), "Transcribe this");
    assert_eq!((samples(&asked.inputs), asked.inputs.last()), (36_000, Some(&SessionInput::Commit)));
    assert!(
        !asked.inputs.iter().any(|input| matches!(input, SessionInput::Text { .. })),
        "it is answered once"
    );
    tell(&mut wire, [done(FinishReason::Stop)]);
    // In a session that goes on as well, and beside what was spoken.
    say(&mut wire, &manual(), 100);
    spoken(&mut wire);
    say(&mut wire, &user("And this"), 100);
    let asked = say(&mut wire, &respond(), 100);
    let past = asked.open.as_ref().expect("words are answered at once").messages.last().unwrap().text();
    assert_eq!((past.as_str(), samples(&asked.inputs)), ("And this", 36_000));
    assert_eq!(asked.inputs.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
}

#[test]
fn what_was_heard_of_an_answer_that_is_over_begins_no_other() {
    let mut wire = served();
    say(&mut wire, &user("Who am I?"), 0);
    say(&mut wire, &respond(), 0);
    let told = tell(
        &mut wire,
        [
            words("a1", TranscriptMode::Delta, "You are Alice."),
            SessionEvent::audio("a1", Pcm::mono(vec![-1; 480], 24_000)),
            SessionEvent::AudioDone { item: "a1".into(), interrupted: false },
            words("a1", TranscriptMode::Final, "You are Alice."),
            done(FinishReason::Stop),
        ],
    );
    assert!(kinds(&told).contains(&"response.done"), "{told:?}");
    let late = tell(&mut wire, [words("a1", TranscriptMode::Final, "You are")]);
    assert_eq!(late, Vec::<Value>::new());
}
