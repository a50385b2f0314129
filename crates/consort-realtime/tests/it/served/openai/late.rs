//! What the model tells late, of something else, or behind something else.
use super::*;
use consort_core::SessionInput;

const USER: Speaker = Speaker::User;

fn spoken() -> [SessionEvent; 2] {
    [SessionEvent::SpeechStarted { by: USER }, SessionEvent::SpeechStopped { by: USER }]
}

fn item_with_sound() -> Value {
    let audio = STANDARD.encode(sound(36_000));
    let content = json!([{"type": "input_audio", "audio": audio}]);
    json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}})
}

/// The responses that are over, each as its status and what it says.
fn responses(told: &[Value]) -> Vec<(String, String)> {
    let over = told.iter().filter(|one| one["type"] == "response.done").map(|one| &one["response"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    over.map(|one| (text(&one["status"]), text(&one["output"][0]["content"][0]["transcript"]))).collect()
}

fn completed(words: &str) -> (String, String) {
    ("completed".to_owned(), words.to_owned())
}

#[test]
fn sound_of_an_item_is_answered_and_is_no_turn_of_the_user() {
    let mut wire = served();
    // The model told turns before.
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(&mut wire, spoken());
    tell(&mut wire, [words("a", TranscriptMode::Final, "Hm?"), done(FinishReason::Stop)]);
    say(&mut wire, &item_with_sound(), 100);
    let wish =
        json!({"type": "response.create", "response": {"instructions": "Shout.", "metadata": {"k": "v"}}});
    let asked = say(&mut wire, &wish, 100);
    assert_eq!(
        (types(&asked), asked.inputs.last()),
        (vec!["response.created".into()], Some(&SessionInput::Commit))
    );
    // It may find more than one turn in it.
    assert_eq!(tell(&mut wire, spoken().into_iter().chain(spoken())), [Value::Null; 0]);
    let told = tell(&mut wire, [words("b", TranscriptMode::Final, "Yes!"), done(FinishReason::Stop)]);
    assert_eq!(responses(&told), [completed("Yes!")]);
    assert_eq!(told.last().unwrap()["response"]["metadata"], json!({"k": "v"}));
    // What it tells then is of the microphone.
    assert_eq!(kinds(&tell(&mut wire, spoken()))[0], "input_audio_buffer.speech_started");
}

#[test]
fn who_cancels_an_answer_to_sound_of_an_item_did_not_speak() {
    let mut wire = served();
    say(&mut wire, &item_with_sound(), 0);
    say(&mut wire, &respond(), 0);
    say(&mut wire, &json!({"type": "response.cancel"}), 10);
    assert_eq!(tell(&mut wire, spoken()), [Value::Null; 0]);
    assert_eq!(tell(&mut wire, [done(FinishReason::Other)]), [Value::Null; 0]);
    assert_eq!(kinds(&tell(&mut wire, spoken()))[0], "input_audio_buffer.speech_started");
}

#[test]
fn who_speaks_while_sound_of_an_item_is_given_is_heard_by_the_server() {
    let mut wire = served();
    // The model told turns before, and is believed.
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(&mut wire, spoken());
    tell(&mut wire, [words("a", TranscriptMode::Final, "Hm?"), done(FinishReason::Stop)]);
    say(&mut wire, &item_with_sound(), 100);
    say(&mut wire, &respond(), 100);
    let voice = super::super::voice();
    let told: Vec<Value> =
        voice.chunks(4_800).flat_map(|piece| sent(&say(&mut wire, &append(piece), 200))).collect();
    let told = kinds(&told);
    assert_eq!(
        told[..3],
        ["input_audio_buffer.speech_started", "response.done", "input_audio_buffer.speech_stopped"]
    );
    assert_eq!(told.iter().filter(|kind| **kind == "response.created").count(), 1);
}

#[test]
fn speech_that_the_model_tells_late_is_no_other_turn() {
    let mut wire = served();
    let (before, after) = (vec![0; 48_000 * 5], vec![0; 48_000 * 60]);
    let told = sent(&say(&mut wire, &append(&[before, super::super::voice(), after].concat()), 0));
    let turns = ["input_audio_buffer.speech_started", "input_audio_buffer.committed", "response.created"];
    turns.iter().for_each(|turn| assert_eq!(kinds(&told).iter().filter(|kind| *kind == turn).count(), 1));
    // The model hears it by now, and that nobody speaks for a minute.
    let all =
        spoken().into_iter().chain([words("a", TranscriptMode::Final, "Yes."), done(FinishReason::Stop)]);
    let told = tell(&mut wire, all);
    assert_eq!(responses(&told), [completed("Yes.")]);
    assert!(!kinds(&told).iter().any(|kind| kind.starts_with("input_audio_buffer")), "{told:?}");
    assert_eq!(
        kinds(&tell(&mut wire, spoken()))[0],
        "input_audio_buffer.speech_started",
        "the next one is new"
    );
}

#[test]
fn an_interruption_of_one_that_still_plays_cuts_not_the_next() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    let long = SessionEvent::audio("a", Pcm::mono(vec![1; 96_000], 24_000));
    tell(&mut wire, spoken().into_iter().chain([long, done(FinishReason::Stop)]));
    say(&mut wire, &user("Stop."), 1_000);
    say(&mut wire, &respond(), 1_000);
    // A cascade knows that its answer sounds, and that somebody speaks into it.
    let late = SessionEvent::Interrupted { item: Some("a".into()) };
    let told = tell(&mut wire, [late, words("b", TranscriptMode::Final, "Yes."), done(FinishReason::Stop)]);
    assert_eq!(responses(&told), [completed("Yes.")]);
}

#[test]
fn a_cough_that_the_model_does_not_tell_swallows_no_turn_and_opens_no_response() {
    let mut wire = served();
    // The model tells turns.
    say(&mut wire, &append(&sound(2_400)), 0);
    tell(&mut wire, spoken());
    tell(&mut wire, [words("a", TranscriptMode::Final, "Hm?"), done(FinishReason::Stop)]);
    say(&mut wire, &user("Count."), 500);
    say(&mut wire, &respond(), 500);
    tell(&mut wire, [SessionEvent::audio("b", Pcm::mono(vec![1; 144_000], 24_000))]);
    let voice = super::super::voice();
    let hear = |wire: &mut OpenAiServed, from: u64| {
        let pieces = voice.chunks(4_800).zip((from..).step_by(100));
        let replies = pieces.map(|(piece, at)| say(wire, &append(piece), at));
        replies.flat_map(|reply| types(&reply)).collect::<Vec<_>>()
    };
    let told = hear(&mut wire, 1_200);
    assert_eq!(told[0], "input_audio_buffer.speech_started");
    assert!(told.contains(&"input_audio_buffer.committed".to_owned()), "{told:?}");
    assert!(!told.contains(&"response.created".to_owned()), "{told:?}");
    wire.tick(wire.due().unwrap());
    assert!(wire.due().is_none(), "nothing is waited for");
    // Somebody speaks, and the model tells that.
    hear(&mut wire, 8_100);
    let mut at = |event| types(&wire.event(event, Duration::from_millis(8_600)));
    assert_eq!(at(SessionEvent::SpeechStarted { by: USER }), ["input_audio_buffer.speech_started"]);
    let ended = at(SessionEvent::SpeechStopped { by: USER });
    assert_eq!(ended[..2], ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]);
    assert_eq!(ended.last().unwrap(), "response.created");
}
