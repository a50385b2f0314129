//! Answers that are cut, and how much of them was heard.
use super::*;

#[test]
fn of_an_answer_that_was_cut_another_session_knows_what_there_was_time_to_hear() {
    for by_model in [false, true] {
        let mut wire = served(json!({}));
        say(&mut wire, &content("Count.", true), 0);
        tell(
            &mut wire,
            [
                words(Speaker::Assistant, TranscriptMode::Delta, "one two three four"),
                SessionEvent::audio("assistant", Pcm::mono(vec![1; 48_000], 24_000)),
            ],
        );
        let cut = if by_model {
            SessionEvent::Interrupted { item: Some("assistant".into()) }
        } else {
            SessionEvent::SpeechStarted { by: Speaker::User }
        };
        let told = sent(&wire.event(cut, Duration::from_millis(1_010)));
        assert_eq!(told[0], json!({"serverContent": {"interrupted": true}}));
        // A model takes back by itself what was not heard: that is not cut again.
        let end = words(Speaker::Assistant, TranscriptMode::Final, "one two");
        tell(&mut wire, [end, done(FinishReason::Other)]);
        let model = json!({"client_content": {"turns": [{"role": "model", "parts": [{"text": "And."}]},
            {"role": "user", "parts": [{"text": "Well?"}]}], "turn_complete": true}});
        let past = say(&mut wire, &model, 2_000).open.unwrap().messages;
        let past: Vec<String> = past.iter().map(Message::text).collect();
        assert_eq!(past, ["Count.", "one two", "And."], "{by_model}");
    }
}

/// Models write faster than they speak.
#[test]
fn words_that_run_ahead_of_their_sound_are_not_kept_as_heard() {
    for (sound_ms, wanted) in [(500, vec!["Count.", "one two", "And."]), (0, vec!["Count.", "And."])] {
        let mut wire = served(json!({}));
        say(&mut wire, &content("Count.", true), 0);
        let all = "one two three four five six seven eight nine ten";
        let sound = SessionEvent::audio("assistant", Pcm::mono(vec![1; sound_ms * 24], 24_000));
        tell(&mut wire, [words(Speaker::Assistant, TranscriptMode::Delta, all), sound]);
        wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(700));
        let end = words(Speaker::Assistant, TranscriptMode::Final, all);
        tell(&mut wire, [end, done(FinishReason::Other)]);
        let model = json!({"client_content": {"turns": [{"role": "model", "parts": [{"text": "And."}]},
            {"role": "user", "parts": [{"text": "Well?"}]}], "turn_complete": true}});
        let past = say(&mut wire, &model, 2_000).open.unwrap().messages;
        assert_eq!(past.iter().map(Message::text).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn an_answer_plays_behind_the_one_before_and_pauses_are_not_heard() {
    let mut wire = served(json!({}));
    say(&mut wire, &content("Count.", true), 0);
    let sounds = |wire: &mut GeminiServed, item: &str, seconds: usize, at: u64| {
        let event = SessionEvent::audio(item, Pcm::mono(vec![1; seconds * 24_000], 24_000));
        wire.event(event, Duration::from_secs(at));
    };
    sounds(&mut wire, "a", 4, 0);
    wire.event(done(FinishReason::Stop), Duration::from_secs(1));
    say(&mut wire, &content("Again.", true), 1_000);
    sounds(&mut wire, "b", 1, 1);
    sounds(&mut wire, "b", 4, 10);
    let cut = say(&mut wire, &content("Stop.", true), 11_000);
    let heard = SessionInput::Interrupt { item: Some("b".into()), heard: Duration::from_secs(2) };
    assert_eq!(cut.inputs[0], heard, "{cut:?}");
    wire.event(done(FinishReason::Other), Duration::from_secs(11));
    sounds(&mut wire, "c", 4, 12);
    let cut = say(&mut wire, &content("Stop.", true), 13_000);
    let heard = SessionInput::Interrupt { item: Some("c".into()), heard: Duration::from_secs(1) };
    assert_eq!(cut.inputs[0], heard, "what was cut keeps nobody waiting: {cut:?}");
}

#[test]
fn an_interruption_of_an_answer_that_is_over_cuts_no_other() {
    let mut wire = served(json!({}));
    say(&mut wire, &content("Count.", true), 0);
    let sounds = |item: &str| SessionEvent::audio(item, Pcm::mono(vec![1; 2_400], 24_000));
    tell(&mut wire, [sounds("a")]);
    say(&mut wire, &content("Again.", true), 100);
    assert!(wire.tick(Duration::from_secs(1)).messages.iter().any(|one| one.contains("turnComplete")));
    let old = [SessionEvent::Interrupted { item: Some("a".into()) }, done(FinishReason::Other)];
    assert_eq!(tell(&mut wire, old), [Value::Null; 0], "it was told already");
}

#[test]
fn what_still_comes_of_answers_that_are_gone_is_told_of_no_other() {
    let mut wire = served(json!({}));
    let by = Speaker::Assistant;
    let says = |item: &str, mode, text: &str| SessionEvent::Transcript {
        item: item.into(),
        by,
        mode,
        text: text.into(),
    };
    let sounds = |item: &str| SessionEvent::audio(item, Pcm::mono(vec![1; 2_400], 24_000));
    let over = || SessionEvent::TurnDone { finish: FinishReason::Other.into(), usage: None };
    say(&mut wire, &content("Count.", true), 0);
    tell(&mut wire, [says("a", TranscriptMode::Delta, "one two three"), sounds("a")]);
    say(&mut wire, &content("Again.", true), 100);
    wire.tick(wire.due().unwrap());
    tell(&mut wire, [says("b", TranscriptMode::Delta, "four five"), sounds("b")]);
    say(&mut wire, &content("Once more.", true), 1_100);
    let late = || {
        [
            sounds("a"),
            SessionEvent::AudioDone { item: "a".into(), interrupted: true },
            SessionEvent::Text { item: "a".into(), text: "written".into() },
            says("a", TranscriptMode::Delta, "more"),
            says("a", TranscriptMode::Final, "one two"),
        ]
    };
    // One is gone, and the other is cut and not over.
    let due = wire.due();
    assert_eq!(tell(&mut wire, late()), [Value::Null; 0]);
    assert_eq!(wire.due(), due);
    // Both are gone.
    assert_eq!(sent(&wire.tick(due.unwrap())), [json!({"serverContent": {"turnComplete": true}})]);
    assert_eq!(tell(&mut wire, late()), [Value::Null; 0]);
    assert_eq!(tell(&mut wire, [over(), over()]), [Value::Null; 0], "it was told already");
    // Nothing is owed any more: what was heard of them may still be told, and is nothing new.
    assert_eq!(tell(&mut wire, [says("a", TranscriptMode::Final, "one")]), [Value::Null; 0]);
    let told = tell(&mut wire, [says("c", TranscriptMode::Delta, "Well")]);
    assert_eq!(told, [json!({"serverContent": {"outputTranscription": {"text": "Well"}}})]);
    // That one is cut, and still it is no end of it when one of before is set right.
    say(&mut wire, &content("Stop.", true), 3_000);
    assert_eq!(tell(&mut wire, [says("b", TranscriptMode::Final, "four")]), [Value::Null; 0]);
}

#[test]
fn what_was_heard_of_an_answer_that_is_over_begins_no_other() {
    let mut wire = served(json!({}));
    say(&mut wire, &content("Who am I?", true), 0);
    let told = tell(
        &mut wire,
        [
            words(Speaker::Assistant, TranscriptMode::Delta, "You are Alice."),
            SessionEvent::audio("assistant", Pcm::mono(vec![-1; 480], 24_000)),
            SessionEvent::AudioDone { item: "assistant".into(), interrupted: false },
            words(Speaker::Assistant, TranscriptMode::Final, "You are Alice."),
            done(FinishReason::Stop),
        ],
    );
    assert_eq!(told.last().unwrap()["serverContent"], json!({"turnComplete": true}));
    assert!(tell(&mut wire, [words(Speaker::Assistant, TranscriptMode::Final, "You are")]).is_empty());
    // The next one has the same name.
    let told = tell(&mut wire, [words(Speaker::Assistant, TranscriptMode::Delta, "You")]);
    assert_eq!(told, [json!({"serverContent": {"outputTranscription": {"text": "You"}}})]);
}

fn cut_off(item: &str, text: &str) -> [SessionEvent; 2] {
    let (by, mode) = (Speaker::Assistant, TranscriptMode::Final);
    let words = SessionEvent::Transcript { item: item.into(), by, mode, text: text.into() };
    [words, SessionEvent::audio(item, Pcm::mono(vec![1; 24_000], 24_000))]
}

#[test]
fn an_answer_of_many_parts_is_cut_where_it_was_heard() {
    let mut wire = served(json!({}));
    say(&mut wire, &content("Hello", true), 0);
    tell(&mut wire, cut_off("a2", "one two"));
    tell(&mut wire, cut_off("a10", "three four"));
    tell(&mut wire, [SessionEvent::AudioDone { item: "a10".into(), interrupted: false }]);
    // They play one behind the other, from the first on.
    let reply = wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(1_510));
    let heard = Duration::from_millis(500);
    assert_eq!(reply.inputs, [SessionInput::Interrupt { item: Some("a10".into()), heard }]);
    wire.tick(wire.due().unwrap());
    let turns = json!([{"role": "model", "parts": [{"text": "Sorry."}]}, {"role": "user", "parts": [{"text": "So?"}]}]);
    let again = say(&mut wire, &json!({"clientContent": {"turns": turns, "turnComplete": true}}), 2_000);
    let past: Vec<String> = again.open.unwrap().messages.iter().map(Message::text).collect();
    assert_eq!(past, ["Hello", "one two\nthree", "Sorry."]);
}

/// An answer of four seconds that is sent at once, and over.
fn sent_whole(more: Value) -> GeminiServed {
    let mut wire = served(more);
    say(&mut wire, &content("Count.", true), 0);
    let sound = SessionEvent::audio("assistant", Pcm::mono(vec![1; 96_000], 24_000));
    let ends = SessionEvent::AudioDone { item: "assistant".into(), interrupted: false };
    let said = words(Speaker::Assistant, TranscriptMode::Final, "one two three four");
    let told = tell(&mut wire, [said, sound, ends, done(FinishReason::Stop)]);
    assert_eq!(told.last().unwrap()["serverContent"], json!({"turnComplete": true}));
    wire
}

/// What another session begins with.
fn begun_with(wire: &mut GeminiServed) -> Vec<String> {
    let turns = json!([{"role": "model", "parts": [{"text": "And."}]}, {"role": "user", "parts": [{"text": "Well?"}]}]);
    let again = json!({"clientContent": {"turns": turns, "turnComplete": true}});
    let past = say(wire, &again, 9_000).open.expect("another session").messages;
    past.iter().map(Message::text).collect()
}

#[test]
fn who_speaks_into_an_answer_that_was_sent_whole_cuts_what_still_plays() {
    let manual = json!({"realtimeInputConfig": {"automaticActivityDetection": {"disabled": true}}});
    let heard = SessionInput::Interrupt { item: Some("assistant".into()), heard: Duration::from_secs(2) };
    for way in ["model", "client", "interrupted"] {
        let mut wire = sent_whole(if way == "client" { manual.clone() } else { json!({}) });
        let at = Duration::from_millis(2_010);
        let cut = match way {
            "model" => wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, at),
            "client" => say(&mut wire, &json!({"realtimeInput": {"activityStart": {}}}), 2_010),
            _ => wire.event(SessionEvent::Interrupted { item: Some("assistant".into()) }, at),
        };
        assert_eq!(sent(&cut), [json!({"serverContent": {"interrupted": true}})], "{way}");
        if way != "interrupted" {
            assert_eq!(cut.inputs[0], heard, "{way}");
            // The model knows it by itself too.
            let own = SessionEvent::Interrupted { item: Some("assistant".into()) };
            assert!(wire.event(own, at).messages.is_empty(), "{way}: told already");
        }
        let past = begun_with(&mut wire);
        assert_eq!(past[..2], ["Count.", "one two"], "{way}: {past:?}");
    }
    // Who writes behind it leaves it be: clients write as soon as they have all of it.
    let mut wire = sent_whole(json!({}));
    let written = say(&mut wire, &content("And?", true), 2_010);
    assert_eq!((sent(&written).len(), written.inputs.as_slice()), (0, &[SessionInput::text("And?")][..]));
}

#[test]
fn who_speaks_behind_an_answer_that_was_heard_cuts_nothing() {
    let mut wire = sent_whole(json!({}));
    let begins = wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(4_100));
    assert_eq!((begins.messages.len(), begins.inputs.len()), (0, 0));
    assert_eq!(begun_with(&mut wire)[..2], ["Count.", "one two three four"]);
}

#[test]
fn what_waits_behind_an_answer_that_plays_is_cut_with_it() {
    let mut wire = sent_whole(json!({}));
    say(&mut wire, &json!({"realtimeInput": {"text": "Again."}}), 1_000);
    tell(&mut wire, cut_off("b", "five six"));
    let cut = say(&mut wire, &content("Stop.", true), 2_010);
    let heard =
        |item: &str, s| SessionInput::Interrupt { item: Some(item.into()), heard: Duration::from_secs(s) };
    assert_eq!(cut.inputs[..2], [heard("assistant", 2), heard("b", 0)]);
    assert_eq!(sent(&cut).len(), 1);
    tell(&mut wire, [done(FinishReason::Other)]);
    assert_eq!(begun_with(&mut wire)[..4], ["Count.", "one two", "Again.", "Stop."]);
}
