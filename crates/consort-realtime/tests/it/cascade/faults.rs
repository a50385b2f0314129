//! The fault script: whatever a part does, the session goes on, or ends with a reason.
use super::parts::{Batch, Do, Script, Slow, Streaming};
use super::{Talk, cascade, finals, heard, lines};
use consort_core::{ErrorKind, Pcm, SessionConfig, SessionEvent, SessionInput, Speaker};
use consort_realtime::audio::{Shape, Sound};
use consort_realtime::cascade::CascadeSettings;
use consort_realtime::voices::TestVoice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn settings() -> CascadeSettings {
    CascadeSettings { eager: None, ..CascadeSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn ears_that_are_cut_in_the_middle_of_a_turn_hear_all_of_it_again() {
    let model = Script::say("Yes.");
    let ears = Streaming { cut_after: 1, failing: AtomicUsize::new(2), ..Streaming::default() };
    let talk = Talk::open(&cascade(&model, ears, TestVoice, settings()), SessionConfig::default()).await;
    talk.say("one two three four five six").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["one two three four five six"]);
    assert_eq!(lines(&events).iter().filter(|line| *line == "warning retry").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn ears_that_fail_are_asked_again_and_then_given_up() {
    let model = Script::new([vec![Do::Say(0, "One.")], vec![Do::Say(0, "Two.")]]);
    let ears = Batch { failing: AtomicUsize::new(5), ..Batch::default() };
    let tries = ears.tries.clone();
    let talk = Talk::open(&cascade(&model, ears, TestVoice, settings()), SessionConfig::default()).await;
    for word in ["first", "second"] {
        talk.say(word).await;
        talk.silence(800).await;
        talk.wait(if word == "first" { 1 } else { 2 }, "turn_done").await;
    }
    let events = talk.close().await;
    // Three tries of the first turn fail, two of the second.
    assert_eq!(tries.load(Ordering::Relaxed), 6);
    assert_eq!(finals(&events, Speaker::User), ["second"]);
    assert!(lines(&events).contains(&"error network".to_owned()));
    assert!(lines(&events).contains(&"turn_done failed".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn ears_that_cannot_be_used_are_not_asked_again() {
    let model = Script::say("One.");
    let ears = Batch { failing: AtomicUsize::new(9), kind: Some(ErrorKind::Auth), ..Batch::default() };
    let tries = ears.tries.clone();
    let talk = Talk::open(&cascade(&model, ears, TestVoice, settings()), SessionConfig::default()).await;
    talk.say("first").await;
    talk.silence(800).await;
    talk.wait(1, "error").await;
    talk.close().await;
    assert_eq!(tries.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn ears_that_hang_are_asked_again() {
    let model = Script::say("One.");
    let ears = Batch::after(3_600_000);
    let tries = ears.tries.clone();
    let talk = Talk::open(&cascade(&model, ears, TestVoice, settings()), SessionConfig::default()).await;
    talk.say("first").await;
    talk.silence(800).await;
    talk.wait(1, "error").await;
    assert!(talk.now() < Duration::from_secs(20), "5 s and 10 s: {:?}", talk.now());
    let events = talk.close().await;
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    let lines = lines(&events);
    assert!(lines.contains(&"warning retry".to_owned()) && lines.contains(&"error timeout".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_cut_in_its_answer_has_said_what_it_said() {
    let fault = [Do::Fail(50, ErrorKind::Interrupted), Do::Cut(50), Do::Fail(0, ErrorKind::Protocol)];
    for fault in fault {
        let model = Script::new([vec![Do::Say(0, "Half an answer, and"), fault], vec![Do::Say(0, "Whole.")]]);
        let talk =
            Talk::open(&cascade(&model, TestVoice, TestVoice, settings()), SessionConfig::default()).await;
        talk.sink.push(SessionInput::text("one")).unwrap();
        talk.wait(1, "turn_done").await;
        talk.sink.push(SessionInput::text("two")).unwrap();
        talk.wait(2, "turn_done").await;
        let events = talk.close().await;
        assert_eq!(heard(&events, "answer0"), "Half an answer, and");
        assert!(lines(&events).contains(&"turn_done failed".to_owned()));
        assert_eq!(model.told()[1], ["User: one", "Assistant: Half an answer, and", "User: two"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_of_ten_seconds_is_waited_for_and_one_without_end_is_not() {
    let model = Script::new([vec![Do::Say(0, "One, "), Do::Say(10_000, "two.")], vec![Do::Cut(3_600_000)]]);
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, settings()), SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("count")).unwrap();
    talk.wait(1, "turn_done").await;
    talk.sink.push(SessionInput::text("again")).unwrap();
    talk.wait(2, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(heard(&events, "answer0"), "One, two.");
    assert!(lines(&events).contains(&"error timeout".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_clause_that_cannot_be_spoken_is_told_in_words() {
    let model = Script::new([vec![Do::Say(0, "One.\nBad.\nThree.\n")]]);
    let voice = Slow { fails_at: Some("Bad"), ..Slow::default() };
    let spoken = voice.spoken.clone();
    let talk = Talk::open(&cascade(&model, TestVoice, voice, settings()), SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("count")).unwrap();
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(heard(&events, "answer0"), "One. Three.");
    assert_eq!(finals(&events, Speaker::Assistant), ["One.\nBad.\nThree."]);
    assert!(lines(&events).contains(&"error server".to_owned()));
    assert_eq!(spoken.lock().unwrap().iter().filter(|text| text.contains("Bad")).count(), 3, "it was tried");
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_hangs_holds_up_nothing_for_ever() {
    let model = Script::say("One.");
    let voice = Slow { wait: 3_600_000, ..Slow::default() };
    let talk = Talk::open(&cascade(&model, TestVoice, voice, settings()), SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("count")).unwrap();
    talk.wait(1, "turn_done").await;
    assert!(talk.now() < Duration::from_mins(1));
    let events = talk.close().await;
    assert!(lines(&events).contains(&"error timeout".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn sound_that_is_none_and_silence_harm_nothing() {
    let model = Script::say("One.");
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, settings()), SessionConfig::default()).await;
    let odd = [
        Pcm { samples: vec![1; 3], rate: 16_000, channels: 2 },
        Pcm { samples: vec![1; 3], rate: 0, channels: 1 },
        Pcm { samples: vec![1; 3], rate: 16_000, channels: 0 },
    ];
    for pcm in odd {
        talk.sink.push(SessionInput::Audio(pcm)).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    talk.sink.push(SessionInput::Audio(Pcm::mono(vec![0; 48_000 * 600], 48_000))).unwrap();
    talk.sink.push(SessionInput::Commit).unwrap();
    talk.sink.push(SessionInput::Interrupt { item: None, heard: Duration::ZERO }).unwrap();
    talk.say("one").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["one"]);
    assert_eq!(events.iter().filter(|(_, event)| matches!(event, SessionEvent::Error { .. })).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn sound_that_is_clipped_is_heard_and_what_is_no_word_answers_nothing() {
    let model = Script::say("One.");
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, settings()), SessionConfig::default()).await;
    // As loud as can be, and nothing else.
    let square = (0..16_000).map(|n| if n / 160 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    talk.sound(&Pcm::mono(square, 16_000)).await;
    talk.silence(800).await;
    assert_eq!(model.told().len(), 0, "{:#?}", talk.lines());
    let mut loud = Sound::spelled("one two", Shape::MONO_16K).to_pcm();
    loud.samples.iter_mut().for_each(|sample| *sample = sample.saturating_mul(8));
    talk.sound(&loud).await;
    talk.silence(800).await;
    talk.wait(2, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(model.told(), [["User: one two"]], "{:#?}", lines(&events));
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_end_is_over_in_time() {
    let model = Script::new([vec![Do::Say(0, "One.")]]);
    let talk =
        Talk::open(&cascade(&model, Batch::after(0), TestVoice, settings()), SessionConfig::default()).await;
    let word = "word ".repeat(30);
    while talk.now() < Duration::from_secs(130) {
        talk.say(&word).await;
    }
    assert!(talk.when(|event| event.kind() == "speech_stopped").is_some(), "{:?}", talk.lines());
    talk.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_to_a_turn_that_is_lost_is_dropped() {
    let model =
        Script::new([vec![Do::Say(0, "Early.")], vec![Do::Say(0, "Early again.")], vec![Do::Say(0, "Yes.")]]);
    let ears = Streaming { cut_after: 2, failing: AtomicUsize::new(3), ..Streaming::default() };
    let eager = CascadeSettings::default();
    let talk = Talk::open(&cascade(&model, ears, TestVoice, eager), SessionConfig::default()).await;
    talk.say("one two").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    talk.say("three four").await;
    talk.silence(800).await;
    talk.wait(2, "turn_done").await;
    let events = talk.close().await;
    assert!(lines(&events).contains(&"turn_done failed".to_owned()));
    assert_eq!(finals(&events, Speaker::User), ["three four"]);
    assert_eq!(finals(&events, Speaker::Assistant).len(), 1);
}
