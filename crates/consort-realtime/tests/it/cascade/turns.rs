//! Turns: when they end, what is answered, and how soon.
use super::parts::{Batch, Do, Script, Slow, Streaming};
use super::{Talk, cascade, finals, heard, lines};
use consort_core::{
    Media, Message, Reasoning, Sampling, SessionConfig, SessionEvent, SessionInput, SessionUpdate, Speaker,
};
use consort_realtime::cascade::CascadeSettings;
use consort_realtime::voices::TestVoice;
use std::time::Duration;

fn late() -> CascadeSettings {
    CascadeSettings { eager: None, ..CascadeSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_is_answered_in_sound() {
    let model = Script::say("Good morning. It is a fine day, is it not?");
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, late()), SessionConfig::default()).await;
    talk.say("hello there").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(
        lines(&events),
        [
            "connected",
            "speech_started user",
            "user Replacement user0: hello",
            "user Replacement user0: hello there",
            "speech_stopped user",
            "user Final user0: hello there",
            "speech_started assistant",
            "assistant Delta answer0: Good morning.",
            "assistant Delta answer0:  It is a fine day, is it not?",
            "audio_done answer0 false",
            "assistant Final answer0: Good morning. It is a fine day, is it not?",
            "speech_stopped assistant",
            "turn_done stop",
            "closed",
        ]
    );
    assert_eq!(heard(&events, "answer0"), "Good morning. It is a fine day, is it not?");
    assert_eq!(model.told(), [["User: hello there"]]);
}

/// What all parts take together, beside the silence: nothing is added.
async fn first_sound(settings: CascadeSettings) -> Duration {
    let model = Script::new([vec![Do::Say(200, "Good morning.")]]);
    let voice = Slow { wait: 100, ..Slow::default() };
    let talk =
        Talk::open(&cascade(&model, Batch::after(150), voice, settings), SessionConfig::default()).await;
    talk.say("hello there").await;
    let spoken = talk.now();
    talk.silence(1500).await;
    talk.wait(1, "turn_done").await;
    talk.when(|event| event.kind() == "audio").unwrap().saturating_sub(spoken)
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_what_its_parts_take_and_the_silence() {
    let plain = first_sound(late()).await.as_millis();
    // The last word ends with its own silence of 60 ms, and frames are sent when they begin.
    assert!((860..=910).contains(&plain), "{plain}");
    let eager = first_sound(CascadeSettings::default()).await.as_millis();
    // All parts together take 450 ms from the pause of 200 ms on, and the silence is over before.
    assert!((560..=640).contains(&eager), "{eager}");
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_is_not_told_before_the_turn_is_over() {
    let model = Script::say("Good morning.");
    let eager = cascade(&model, TestVoice, TestVoice, CascadeSettings::default());
    let talk = Talk::open(&eager, SessionConfig::default()).await;
    talk.say("hello there").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    let over = talk.when(|event| matches!(event, SessionEvent::SpeechStopped { by: Speaker::User })).unwrap();
    assert!(talk.when(|event| event.kind() == "audio").unwrap() >= over);
    assert_eq!(model.told().len(), 1, "the early answer is the answer");
    talk.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_to_other_words_is_dropped() {
    let model = Script::new([vec![Do::Say(0, "Wrong.")], vec![Do::Say(0, "Right.")]]);
    let ears = Streaming { end: Some("hello where"), wait: 50, ..Streaming::default() };
    let talk =
        Talk::open(&cascade(&model, ears, TestVoice, CascadeSettings::default()), SessionConfig::default())
            .await;
    talk.say("hello there").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    assert_eq!(model.told(), [["User: hello there"], ["User: hello where"]]);
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::Assistant), ["Right."]);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_after_a_pause_is_answered_once() {
    for streams in [true, false] {
        let model = Script::new([vec![Do::Say(100, "Too soon.")], vec![Do::Say(100, "All of it.")]]);
        let settings = CascadeSettings::default();
        let cascade = if streams {
            cascade(&model, TestVoice, TestVoice, settings)
        } else {
            cascade(&model, Batch::after(50), TestVoice, settings)
        };
        let talk = Talk::open(&cascade, SessionConfig::default()).await;
        talk.say("one").await;
        talk.silence(300).await;
        talk.say("two").await;
        talk.silence(1000).await;
        talk.wait(1, "turn_done").await;
        let events = talk.close().await;
        assert_eq!(finals(&events, Speaker::User), ["one two"]);
        assert_eq!(finals(&events, Speaker::Assistant), ["All of it."]);
        assert_eq!(model.told(), [["User: one"], ["User: one two"]], "{streams}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_detection_a_turn_ends_when_it_is_told_to() {
    let model = Script::say("Yes.");
    let config = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
    let talk = Talk::open(&cascade(&model, Batch::after(0), TestVoice, late()), config).await;
    talk.say("one").await;
    talk.silence(3000).await;
    talk.say("two").await;
    assert_eq!(lines(&talk.events()), ["connected"]);
    talk.sink.push(SessionInput::Commit).unwrap();
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["one two"]);
}

#[tokio::test(start_paused = true)]
async fn a_microphone_that_sends_no_silence_ends_its_turn_too() {
    let model = Script::say("Yes.");
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, late()), SessionConfig::default()).await;
    talk.say("one").await;
    let spoken = talk.now();
    talk.wait(1, "turn_done").await;
    let over = talk.when(|event| event.kind() == "speech_stopped").unwrap().saturating_sub(spoken);
    assert!(over <= Duration::from_millis(800), "{over:?}");
    talk.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_the_end_is_answered() {
    let model = Script::say("Good bye.");
    let talk =
        Talk::open(&cascade(&model, Batch::after(100), TestVoice, late()), SessionConfig::default()).await;
    talk.say("bye").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::Assistant), ["Good bye."]);
}

#[tokio::test(start_paused = true)]
async fn words_pictures_and_settings_reach_the_model() {
    let model = Script::say("First.");
    let config = SessionConfig {
        instructions: "Be kind.".into(),
        messages: vec![Message::user("before"), Message::assistant("so it was")],
        options: [("own".to_owned(), 1.into())].into_iter().collect(),
        sampling: Sampling { max_tokens: Some(50), temperature: Some(0.5), ..Sampling::default() },
        reasoning: Reasoning { show: Some(true), ..Reasoning::default() },
        ..SessionConfig::default()
    };
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, late()), config.clone()).await;
    let frame = |name: &'static str| SessionInput::Video { media: Media::bytes("image/png", name) };
    talk.sink.push(SessionInput::Image { media: Media::bytes("image/png", "a") }).unwrap();
    talk.sink.push(frame("b")).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    talk.sink.push(frame("c")).unwrap();
    talk.sink.push(SessionInput::text("look")).unwrap();
    talk.sink.push(SessionInput::text("and then")).unwrap();
    talk.wait(2, "turn_done").await;
    let update = SessionUpdate { instructions: Some("Be brief.".into()), ..SessionUpdate::default() };
    talk.sink.push(SessionInput::Update { update }).unwrap();
    talk.sink.push(SessionInput::text("now")).unwrap();
    talk.wait(3, "turn_done").await;
    talk.close().await;
    let told = model.told();
    assert_eq!(told[0], ["User: before", "Assistant: so it was", "User: look <media> <media>"]);
    assert_eq!(told[1][3..], ["Assistant: First.", "User: and then"]);
    let asked = model.asked.lock().unwrap();
    assert_eq!(
        (asked[0].instructions_text(), asked[2].instructions_text()),
        ("Be kind.".into(), "Be brief.".into())
    );
    for request in asked.iter() {
        let told = (&request.options, &request.sampling, &request.reasoning);
        assert_eq!(told, (&config.options, &config.sampling, &config.reasoning));
    }
}

#[tokio::test(start_paused = true)]
async fn clauses_are_spoken_in_order_and_made_at_the_same_time() {
    let model = Script::new([vec![Do::Say(0, "One.\n"), Do::Say(0, "Two.\n"), Do::Say(0, "Three.\n")]]);
    let voice = Slow { wait: 500, ..Slow::default() };
    let talk = Talk::open(&cascade(&model, TestVoice, voice, late()), SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("count")).unwrap();
    let asked = talk.now();
    talk.wait(1, "turn_done").await;
    let took = talk.now().saturating_sub(asked);
    let events = talk.close().await;
    assert_eq!(heard(&events, "answer0"), "One. Two. Three.");
    assert!(took < Duration::from_millis(1100), "two at a time: {took:?}");
}
