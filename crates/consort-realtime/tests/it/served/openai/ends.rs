//! How far an answer is by each of its items, where the model does not say that it is over.
use super::*;
use consort_core::SessionInput;

fn asked() -> OpenAiServed {
    let mut wire = served();
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    wire
}

/// So many seconds of sound.
fn sound_of(item: &str, seconds: usize) -> SessionEvent {
    SessionEvent::audio(item, Pcm::mono(vec![9000; 24_000 * seconds], 24_000))
}

fn sound_done(item: &str) -> SessionEvent {
    SessionEvent::AudioDone { item: item.into(), interrupted: false }
}

fn at(wire: &mut OpenAiServed, ms: u64, events: impl IntoIterator<Item = SessionEvent>) -> Vec<Value> {
    events.into_iter().flat_map(|event| sent(&wire.event(event, Duration::from_millis(ms)))).collect()
}

/// When it is over by the clock, in milliseconds, and what it says then.
fn over(wire: &mut OpenAiServed) -> (u128, Value) {
    let due = wire.due().expect("it is not waited for without end");
    let told = sent(&wire.tick(due));
    assert_eq!(told.last().unwrap()["type"], "response.done", "{told:?}");
    (due.as_millis(), told.last().unwrap()["response"].clone())
}

fn sounded(told: &[Value]) -> usize {
    kinds(told).iter().filter(|kind| **kind == "response.output_audio.delta").count()
}

/// The words of an item, as a client sees it that looks.
fn retrieved(wire: &mut OpenAiServed, id: &Value) -> String {
    let asked = json!({"type": "conversation.item.retrieve", "item_id": id});
    sent(&say(wire, &asked, 60_000))[0]["item"]["content"][0]["transcript"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn last_words_may_come_behind_the_end_of_their_sound() {
    let mut wire = asked();
    at(&mut wire, 10, [sound_of("a", 1), sound_done("a")]);
    let told = at(&mut wire, 1_600, [words("a", TranscriptMode::Final, "All of them late.")]);
    assert!(told.iter().any(|one| one["transcript"] == "All of them late."), "{told:?}");
    let (when, response) = over(&mut wire);
    assert_eq!(
        (when, &response["output"][0]["content"][0]["transcript"]),
        (2_600, &json!("All of them late."))
    );
    // They are waited for, until once none came.
    for (wait, item) in [(3_000, "b"), (1_000, "c")] {
        say(&mut wire, &user("And?"), 10_000);
        say(&mut wire, &respond(), 10_000);
        let half = words(item, TranscriptMode::Delta, "Half");
        at(&mut wire, 10_000, [half, sound_of(item, 1), sound_done(item)]);
        assert_eq!(over(&mut wire).0, 10_000 + wait);
    }
}

#[test]
fn last_words_that_come_later_are_of_their_item() {
    for ends in [false, true] {
        let mut wire = asked();
        at(&mut wire, 10, [words("a", TranscriptMode::Delta, "All "), sound_of("a", 1), sound_done("a")]);
        let (_, response) = over(&mut wire);
        if ends {
            // What it says then ends nothing else.
            assert!(at(&mut wire, 4_000, [done(FinishReason::Stop)]).is_empty());
        }
        let told = at(&mut wire, 5_000, [words("a", TranscriptMode::Final, "All of them.")]);
        let kind = |end: &str| format!("response.output_audio_transcript.{end}");
        assert_eq!(kinds(&told), [kind("delta"), kind("done")]);
        assert_eq!((&told[0]["delta"], &told[1]["transcript"]), (&json!("of them."), &json!("All of them.")));
        let id = &response["output"][0]["id"];
        assert_eq!((&told[1]["item_id"], &told[1]["response_id"]), (id, &response["id"]));
        assert_eq!(retrieved(&mut wire, id), "All of them.");
    }
}

#[test]
fn each_item_has_its_own_sound() {
    let mut wire = asked();
    at(&mut wire, 10, [sound_of("a", 1), sound_done("a"), words("a", TranscriptMode::Final, "One.")]);
    at(&mut wire, 10, [words("b", TranscriptMode::Delta, "Two.")]);
    assert_eq!(wire.due(), Some(Duration::from_millis(10_010)));
    let told =
        at(&mut wire, 1_600, [sound_of("b", 1), sound_done("b"), words("b", TranscriptMode::Final, "Two.")]);
    assert!(sounded(&told) > 0, "{told:?}");
    let (when, response) = over(&mut wire);
    assert_eq!((when, response["output"].as_array().map(Vec::len)), (2_600, Some(2)));
}

#[test]
fn speech_that_interrupts_nothing_leaves_a_slow_voice_its_sound() {
    let mut wire = served();
    let quiet = json!({"type": "server_vad", "interrupt_response": false, "create_response": true});
    say(&mut wire, &update(json!({"audio": {"input": {"turn_detection": quiet}}})), 0);
    wire.speaks(true);
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    at(&mut wire, 10, [words("a", TranscriptMode::Final, "Spoken slowly.")]);
    say(&mut wire, &append(&super::super::voice()), 1_000);
    let told = at(&mut wire, 3_000, [sound_of("a", 1), sound_done("a")]);
    assert!(sounded(&told) > 0, "{told:?}");
    // Also where the client was told before that it is over.
    let (_, response) = over(&mut wire);
    assert_eq!(response["output"][0]["content"][0]["transcript"], "Spoken slowly.");
    at(&mut wire, 20_000, [words("b", TranscriptMode::Final, "Spoken more slowly.")]);
    over(&mut wire);
    say(&mut wire, &append(&super::super::voice()), 26_000);
    let told = at(&mut wire, 29_000, [sound_of("b", 1), sound_done("b")]);
    assert!(sounded(&told) > 0, "{told:?}");
}

#[test]
fn the_first_voice_may_be_slow_where_the_card_says_that_the_model_speaks() {
    let mut wire = served();
    wire.speaks(true);
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    at(&mut wire, 10, [words("a", TranscriptMode::Final, "One two three four.")]);
    assert_eq!(wire.due(), Some(Duration::from_millis(5_010)));
    let told = at(&mut wire, 2_000, [sound_of("a", 1), sound_done("a")]);
    assert!(sounded(&told) > 0 && !kinds(&told).contains(&"response.created"), "{told:?}");
    assert_eq!(over(&mut wire).0, 3_000);
    // A card may promise what a model does not do: it is asked once.
    let mut wire = served();
    wire.speaks(true);
    for (wait, item) in [(5_000, "a"), (1_000, "b")] {
        say(&mut wire, &user("Hello"), 0);
        say(&mut wire, &respond(), 0);
        at(&mut wire, 0, [words(item, TranscriptMode::Final, "Read.")]);
        assert_eq!(over(&mut wire).0, wait);
        at(&mut wire, 6_000, [done(FinishReason::Stop)]);
    }
}

#[test]
fn sound_that_comes_too_late_for_its_words_cuts_them() {
    let mut wire = asked();
    at(&mut wire, 0, [words("a", TranscriptMode::Final, "One two three four five six.")]);
    let (_, response) = over(&mut wire);
    let first = &response["output"][0]["id"];
    let told = at(&mut wire, 2_000, [sound_of("a", 2)]);
    let second =
        told.iter().find(|one| one["type"] == "response.output_item.added").unwrap()["item"]["id"].clone();
    let at_end = json!({"type": "conversation.item.truncate", "item_id": second, "content_index": 0, "audio_end_ms": 400});
    say(&mut wire, &at_end, 3_000);
    assert_eq!(retrieved(&mut wire, first), "One");
}

#[test]
fn who_only_reads_is_not_told_that_an_answer_is_over_that_is_still_spoken() {
    let mut wire = served();
    say(&mut wire, &update(json!({"output_modalities": ["text"]})), 0);
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    at(&mut wire, 10, [words("a", TranscriptMode::Delta, "First half, "), sound_of("a", 8)]);
    assert_eq!(wire.due(), Some(Duration::from_millis(60_010)));
    let half = words("a", TranscriptMode::Delta, "second half.");
    let last = words("a", TranscriptMode::Final, "First half, second half.");
    at(&mut wire, 19_000, [half, sound_of("a", 1), sound_done("a"), last]);
    let (when, response) = over(&mut wire);
    assert_eq!(
        (when, &response["output"][0]["content"][0]["text"]),
        (20_000, &json!("First half, second half."))
    );
    // Sound alone is no answer yet.
    say(&mut wire, &user("And?"), 30_000);
    say(&mut wire, &respond(), 30_000);
    at(&mut wire, 30_000, [sound_of("b", 1), sound_done("b")]);
    at(&mut wire, 31_300, [words("b", TranscriptMode::Final, "Words.")]);
    let (when, response) = over(&mut wire);
    assert_eq!((when, &response["output"][0]["content"][0]["text"]), (32_300, &json!("Words.")));
}

#[test]
fn an_answer_that_was_wholly_played_makes_way_for_the_next() {
    let mut wire = asked();
    at(&mut wire, 10, [sound_of("a", 2)]);
    let early = refused(&say(&mut wire, &respond(), 2_500));
    assert_eq!(early["code"], "conversation_already_has_active_response");
    say(&mut wire, &user("And?"), 3_100);
    let next = say(&mut wire, &respond(), 3_100);
    let kinds = types(&next);
    assert_eq!(kinds[kinds.len() - 2..], ["response.done", "response.created"]);
    assert_eq!(next.inputs, [SessionInput::text("And?")]);
    let told = at(&mut wire, 3_500, [sound_of("b", 1)]);
    assert!(sounded(&told) > 0, "{told:?}");
}
