//! Answers without sound, and what ends them where the model says no end.
use super::*;
use consort_core::SessionInput;

const SECOND: Duration = Duration::from_secs(1);

fn asked() -> OpenAiServed {
    let mut wire = served();
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    wire
}

fn sound_of(item: &str) -> SessionEvent {
    SessionEvent::audio(item, Pcm::mono(vec![9000; 2_400], 24_000))
}

fn sound_done(item: &str) -> SessionEvent {
    SessionEvent::AudioDone { item: item.into(), interrupted: false }
}

/// Its end, told at this time, and not before.
fn over(wire: &mut OpenAiServed, at: Duration) -> Value {
    let due = wire.due().expect("it is not waited for without end");
    assert_eq!(due, at);
    assert!(wire.tick(due.saturating_sub(Duration::from_millis(1))).messages.is_empty());
    let told = sent(&wire.tick(due));
    assert_eq!(told.last().unwrap()["type"], "response.done", "{told:?}");
    assert_eq!(told.last().unwrap()["response"]["status"], "completed", "{told:?}");
    told.last().unwrap()["response"]["output"].clone()
}

#[test]
fn words_that_are_known_for_good_are_all_of_an_answer_that_makes_no_sound() {
    let mut wire = asked();
    tell(&mut wire, [words("a", TranscriptMode::Final, "Hi")]);
    let output = over(&mut wire, SECOND + Duration::from_millis(10));
    assert_eq!(output[0]["content"][0]["transcript"], "Hi");
    let next = say(&mut wire, &respond(), 2_000);
    assert_eq!(types(&next), ["response.created"]);
    // Nor does it keep anybody waiting who asks for the next one.
    tell(&mut wire, [words("b", TranscriptMode::Final, "Hi again")]);
    let next = types(&say(&mut wire, &respond(), 2_100));
    assert_eq!(next[next.len() - 2..], ["response.done", "response.created"]);
}

#[test]
fn a_model_that_tells_the_end_of_sound_that_never_came_has_answered() {
    let quiet = [
        vec![words("a", TranscriptMode::Delta, "Hi"), sound_done("a")],
        vec![words("a", TranscriptMode::Final, "Hi"), sound_done("of another name")],
        // Sound that could not be read.
        vec![sound_done("a")],
    ];
    for told in quiet {
        let mut wire = asked();
        tell(&mut wire, told);
        over(&mut wire, SECOND + Duration::from_millis(10));
    }
    // The end of what was cut before is not one of the next.
    let mut wire = asked();
    say(&mut wire, &json!({"type": "response.cancel"}), 5);
    say(&mut wire, &respond(), 6);
    let late = SessionEvent::AudioDone { item: "a".into(), interrupted: true };
    tell(&mut wire, [late, sound_done("a")]);
    assert_eq!(wire.due(), Some(Duration::from_millis(60_006)));
}

#[test]
fn words_alone_of_which_no_more_come_are_over_some_time() {
    let mut wire = asked();
    tell(
        &mut wire,
        [words("a", TranscriptMode::Delta, "Only "), words("a", TranscriptMode::Delta, "words.")],
    );
    let error = refused(&say(&mut wire, &respond(), 1_000));
    assert_eq!(error["code"], "conversation_already_has_active_response", "they need not be all");
    let output = over(&mut wire, 10 * SECOND + Duration::from_millis(10));
    assert_eq!(output[0]["content"][0]["transcript"], "Only words.");
    // Those that come all the same are not lost.
    let more = tell(&mut wire, [words("a", TranscriptMode::Delta, " More.")]);
    assert_eq!(kinds(&more)[0], "response.created");
    assert!(more.iter().any(|one| one["delta"] == " More."), "{more:?}");
}

#[test]
fn sound_that_goes_on_nowhere_is_over_after_a_minute() {
    let mut wire = asked();
    tell(&mut wire, [sound_of("a")]);
    over(&mut wire, 60 * SECOND + Duration::from_millis(10));
    // One that only says that it speaks keeps nobody waiting for ever.
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(&mut wire, [SessionEvent::SpeechStarted { by: Speaker::Assistant }]);
    let told = sent(&wire.tick(wire.due().unwrap()));
    assert_eq!(told[0]["response"]["status"], "failed", "{told:?}");
}

#[test]
fn a_slow_voice_is_heard_behind_its_words() {
    let mut wire = asked();
    tell(&mut wire, [words("a", TranscriptMode::Final, "Hi")]);
    over(&mut wire, SECOND + Duration::from_millis(10));
    let told = tell(&mut wire, [sound_of("a"), sound_done("a")]);
    assert_eq!(kinds(&told)[0], "response.created", "{told:?}");
    assert!(told.iter().any(|one| one["type"] == "response.output_audio.delta"), "{told:?}");
    over(&mut wire, SECOND + Duration::from_millis(10));
    // From then on it is waited for.
    say(&mut wire, &user("And?"), 2_000);
    say(&mut wire, &respond(), 2_000);
    tell(&mut wire, [words("b", TranscriptMode::Final, "Well")]);
    assert_eq!(wire.due(), Some(5 * SECOND + Duration::from_millis(10)));
    tell(&mut wire, [sound_of("b"), done(FinishReason::Stop)]);
    assert_eq!(wire.due(), None);
}

#[test]
fn an_answer_that_is_only_read_waits_for_no_sound() {
    let mut wire = served();
    say(&mut wire, &update(json!({"output_modalities": ["text"]})), 0);
    say(&mut wire, &user("Hello"), 0);
    let asked = say(&mut wire, &respond(), 0);
    assert_eq!(asked.inputs, [SessionInput::text("Hello")]);
    tell(&mut wire, [words("a", TranscriptMode::Final, "Hi")]);
    let output = over(&mut wire, SECOND + Duration::from_millis(10));
    assert_eq!(output[0]["content"][0]["text"], "Hi");
    assert_eq!(tell(&mut wire, [sound_of("a")]), [Value::Null; 0], "nobody wants it");
}
