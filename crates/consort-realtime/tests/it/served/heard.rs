//! How an answer of OpenAI's format ends that was cut or is only read, and what of it was heard.
use super::openai::{append, done, respond, served, sound, tell, update, user, words};
use super::{say, sent, types};
use consort_core::{FinishReason, Message, Pcm, SessionEvent, SessionInput, Speaker, TranscriptMode};
use consort_realtime::wire::{OpenAiServed, ServedWire};
use serde_json::json;
use std::time::Duration;

/// The words of an item, as the client can look at them.
fn retrieved(wire: &mut OpenAiServed, id: &str) -> String {
    let retrieve = json!({"type": "conversation.item.retrieve", "item_id": id});
    let told = sent(&say(wire, &retrieve, 2_000));
    told[0]["item"]["content"][0]["transcript"].as_str().unwrap().to_owned()
}

/// What another session begins with.
fn begun_with(wire: &mut OpenAiServed) -> Vec<String> {
    let system = json!({"type": "conversation.item.create", "item": {"type": "message", "role": "system",
        "content": [{"type": "input_text", "text": "Shout."}]}});
    say(wire, &system, 2_000);
    tell(wire, [SessionEvent::SpeechStopped { by: Speaker::User }]);
    // The turn that cut it would be answered by the session that is there.
    say(wire, &json!({"type": "response.cancel"}), 2_000);
    let past = say(wire, &respond(), 2_000).open.unwrap().messages;
    // What the user said aloud is among it, as sound.
    past.iter().map(Message::text).filter(|text| !text.is_empty() && text != "Shout.").collect()
}

#[test]
fn what_the_client_heard_of_an_answer_stays_so_when_its_end_comes() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    let told = tell(
        &mut wire,
        [
            words("a", TranscriptMode::Delta, "one two three four"),
            SessionEvent::audio("a", Pcm::mono(vec![1; 48_000], 24_000)),
        ],
    );
    let id = told.iter().find_map(|one| one["item_id"].as_str()).unwrap().to_owned();
    let cut = wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(1_510));
    let heard = |ms| SessionInput::Interrupt { item: Some("a".into()), heard: Duration::from_millis(ms) };
    assert_eq!(cut.inputs, [heard(1_500)]);
    // Who plays it knows better than the clock, and says so before the answer is over.
    let truncate = |ms: u64| json!({"type": "conversation.item.truncate", "item_id": id, "content_index": 0, "audio_end_ms": ms});
    assert_eq!(say(&mut wire, &truncate(1_000), 1_520).inputs, [heard(1_000)]);
    assert_eq!(say(&mut wire, &truncate(1_000), 1_530).inputs, [], "once");
    // A model takes back by itself what was not heard: that is not cut again.
    tell(&mut wire, [words("a", TranscriptMode::Final, "one two"), done(FinishReason::Other)]);
    assert_eq!(retrieved(&mut wire, &id), "one two");
    assert_eq!(begun_with(&mut wire), ["one two"]);
}

#[test]
fn of_an_answer_that_was_cut_another_session_knows_what_there_was_time_to_hear() {
    for by_model in [false, true] {
        let mut wire = served();
        say(&mut wire, &append(&sound(2_400)), 0);
        tell(
            &mut wire,
            [
                words("a", TranscriptMode::Delta, "one two three four"),
                SessionEvent::audio("a", Pcm::mono(vec![1; 48_000], 24_000)),
            ],
        );
        let cut = if by_model {
            SessionEvent::Interrupted { item: Some("a".into()) }
        } else {
            SessionEvent::SpeechStarted { by: Speaker::User }
        };
        wire.event(cut, Duration::from_millis(1_010));
        tell(&mut wire, [done(FinishReason::Other)]);
        assert_eq!(begun_with(&mut wire), ["one two"], "{by_model}");
    }
}

/// When the model's session tells of so much sound.
fn sounds(wire: &mut OpenAiServed, item: &str, ms: usize, at: u64) {
    let event = SessionEvent::audio(item, Pcm::mono(vec![1; ms * 24], 24_000));
    wire.event(event, Duration::from_millis(at));
}

#[test]
fn a_pause_in_which_no_sound_was_there_is_not_heard() {
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    sounds(&mut wire, "a", 1_000, 0);
    sounds(&mut wire, "a", 1_000, 10_000);
    let cut = wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(10_500));
    let heard = Duration::from_millis(1_500);
    assert_eq!(cut.inputs, [SessionInput::Interrupt { item: Some("a".into()), heard }]);
}

#[test]
fn an_answer_plays_behind_the_one_before() {
    let mut wire = served();
    say(&mut wire, &user("hello"), 0);
    say(&mut wire, &respond(), 0);
    sounds(&mut wire, "a", 4_000, 0);
    wire.event(done(FinishReason::Stop), Duration::from_millis(100));
    say(&mut wire, &user("again"), 1_000);
    say(&mut wire, &respond(), 1_000);
    sounds(&mut wire, "b", 4_000, 1_000);
    let cut = say(&mut wire, &json!({"type": "response.cancel"}), 5_000);
    let heard = |item: &str, ms| SessionInput::Interrupt {
        item: Some(item.into()),
        heard: Duration::from_millis(ms),
    };
    assert_eq!(cut.inputs, [heard("b", 1_000)]);
    // What was cut keeps nobody waiting.
    wire.event(done(FinishReason::Other), Duration::from_millis(5_100));
    say(&mut wire, &user("and again"), 5_100);
    say(&mut wire, &respond(), 5_100);
    sounds(&mut wire, "c", 4_000, 5_100);
    assert_eq!(say(&mut wire, &json!({"type": "response.cancel"}), 6_000).inputs, [heard("c", 900)]);
}

#[test]
fn an_interruption_of_an_answer_that_is_over_cuts_no_other() {
    let mut wire = served();
    say(&mut wire, &user("hello"), 0);
    say(&mut wire, &respond(), 0);
    let sounds = |item: &str| SessionEvent::audio(item, Pcm::mono(vec![1; 2_400], 24_000));
    tell(&mut wire, [sounds("a")]);
    say(&mut wire, &json!({"type": "response.cancel"}), 100);
    assert!(types(&wire.tick(Duration::from_secs(1))).contains(&"response.done".into()));
    say(&mut wire, &user("again"), 1_100);
    say(&mut wire, &respond(), 1_100);
    // Some models stop what they say only when they are asked for something else.
    let old = [
        SessionEvent::Interrupted { item: Some("a".into()) },
        SessionEvent::AudioDone { item: "a".into(), interrupted: true },
        done(FinishReason::Other),
    ];
    tell(&mut wire, old);
    let told = tell(&mut wire, [sounds("b"), done(FinishReason::Stop)]);
    let ends: Vec<_> = told.iter().filter(|one| one["type"] == "response.done").collect();
    assert_eq!(ends.len(), 1, "{told:?}");
    assert_eq!(ends[0]["response"]["status"], "completed", "{told:?}");
}

#[test]
fn an_answer_that_is_only_read_ends_with_its_sound_where_the_model_says_no_end() {
    let mut wire = served();
    say(&mut wire, &update(json!({"output_modalities": ["text"]})), 0);
    say(&mut wire, &user("hello"), 0);
    say(&mut wire, &respond(), 0);
    let spoken = [
        words("a", TranscriptMode::Delta, "Hi"),
        SessionEvent::audio("a", Pcm::mono(vec![1; 2_400], 24_000)),
        words("a", TranscriptMode::Final, "Hi"),
        SessionEvent::AudioDone { item: "a".into(), interrupted: false },
    ];
    tell(&mut wire, spoken);
    let due = wire.due().unwrap();
    let told = sent(&wire.tick(due));
    assert_eq!(told.last().unwrap()["response"]["status"], "completed", "{told:?}");
}
