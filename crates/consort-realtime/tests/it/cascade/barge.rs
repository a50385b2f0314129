//! Speech into an answer: what interrupts, what does not, and what was heard of it.
use super::parts::{Batch, Do, Script};
use super::{Talk, cascade, finals, heard, lines};
use consort_core::{SessionConfig, SessionEvent, SessionInput, Speaker};
use consort_realtime::audio::{Shape, Sound};
use consort_realtime::cascade::CascadeSettings;
use consort_realtime::voices::TestVoice;
use std::time::Duration;

/// Two clauses of a little more than two seconds each.
const LONG: &str =
    "This is the first sentence of a long answer to it.\nAnd here is the second one, of the same length.\n";

fn settings() -> CascadeSettings {
    CascadeSettings { eager: None, ..CascadeSettings::default() }
}

async fn answering(model: &std::sync::Arc<Script>, settings: CascadeSettings) -> Talk {
    let talk = Talk::open(&cascade(model, TestVoice, TestVoice, settings), SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("tell me")).unwrap();
    talk.wait(1, "audio").await;
    talk
}

#[tokio::test(start_paused = true)]
async fn words_interrupt_and_the_conversation_holds_what_was_heard() {
    let model = Script::new([vec![Do::Say(0, LONG)], vec![Do::Say(0, "Fine.")]]);
    let talk = answering(&model, settings()).await;
    talk.silence(1000).await;
    talk.say("no please stop that now").await;
    talk.silence(800).await;
    talk.wait(2, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["no please stop that now"]);
    assert!(lines(&events).contains(&"interrupted answer0".to_owned()));
    let told = model.told();
    let heard = &told[1][1];
    assert!(heard.starts_with("Assistant: This is the first") && heard.len() < 60, "{heard}");
    assert_eq!(told[1][2], "User: no please stop that now");
}

#[tokio::test(start_paused = true)]
async fn who_plays_the_answer_says_how_much_was_heard() {
    let model = Script::new([vec![Do::Say(0, LONG), Do::Say(60_000, "Never.")], vec![Do::Say(0, "Fine.")]]);
    let talk = answering(&model, settings()).await;
    let heard = Duration::from_millis(700);
    talk.silence(1000).await;
    talk.sink.push(SessionInput::Interrupt { item: Some("answer0".into()), heard }).unwrap();
    talk.wait(1, "turn_done").await;
    talk.sink.push(SessionInput::text("and now")).unwrap();
    talk.wait(2, "turn_done").await;
    let events = talk.close().await;
    let lines = lines(&events);
    let cut = lines.iter().position(|line| line == "interrupted answer0").unwrap();
    assert_eq!(
        lines[cut..cut + 5],
        [
            "interrupted answer0",
            "audio_done answer0 true",
            "assistant Final answer0: This is the",
            "speech_stopped assistant",
            "turn_done interrupted"
        ]
    );
    assert_eq!(model.told()[1], ["User: tell me", "Assistant: This is the", "User: and now"]);
}

#[tokio::test(start_paused = true)]
async fn how_much_was_heard_may_come_after_the_answer_was_complete() {
    let model = Script::new([vec![Do::Say(0, LONG)], vec![Do::Say(0, "Fine.")]]);
    let talk = answering(&model, settings()).await;
    talk.wait(1, "turn_done").await;
    let heard = Duration::from_millis(700);
    talk.sink.push(SessionInput::Interrupt { item: Some("answer0".into()), heard }).unwrap();
    talk.sink.push(SessionInput::text("and now")).unwrap();
    talk.wait(2, "turn_done").await;
    talk.close().await;
    assert_eq!(model.told()[1], ["User: tell me", "Assistant: This is the", "User: and now"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_before_it_began_is_no_answer_of_before() {
    let model = Script::new([vec![Do::Say(0, "One. Two.")], vec![Do::Say(0, "Fine.")]]);
    let talk = answering(&model, settings()).await;
    talk.wait(1, "turn_done").await;
    talk.silence(9_000).await;
    talk.sink.push(SessionInput::Interrupt { item: None, heard: Duration::ZERO }).unwrap();
    talk.sink.push(SessionInput::text("and now")).unwrap();
    talk.wait(2, "turn_done").await;
    talk.close().await;
    assert_eq!(model.told()[1], ["User: tell me", "Assistant: One. Two.", "User: and now"]);
}

#[tokio::test(start_paused = true)]
async fn a_cough_and_a_nod_interrupt_nothing() {
    let model = Script::new([vec![Do::Say(0, LONG), Do::Say(9_000, "The end.")]]);
    let talk = answering(&model, settings()).await;
    let cough = Sound::tone(Shape::MONO_16K, 300.0, 0.5, Duration::from_millis(120)).to_pcm();
    talk.sound(&cough).await;
    talk.silence(800).await;
    talk.say("mhm").await;
    talk.silence(800).await;
    talk.say("yeah okay").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    let lines = lines(&events);
    assert!(!lines.iter().any(|line| line.contains("user") || line.contains("interrupted")), "{lines:#?}");
    assert_eq!(model.told().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_short_word_that_means_something_interrupts() {
    let model = Script::new([vec![Do::Say(0, LONG), Do::Say(9_000, "Never.")], vec![Do::Say(0, "Fine.")]]);
    let talk = answering(&model, settings()).await;
    talk.silence(500).await;
    talk.say("stop").await;
    talk.silence(800).await;
    talk.wait(2, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["stop"]);
    assert!(lines(&events).contains(&"interrupted answer0".to_owned()));
}

/// A noise long enough to interrupt, of which no words come.
fn noise() -> consort_core::Pcm {
    Sound::tone(Shape::MONO_16K, 50.0, 0.5, Duration::from_millis(700)).to_pcm()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nothing_interrupted_goes_on_where_it_was_cut() {
    for complete in [true, false] {
        let rest = if complete { vec![] } else { vec![Do::Say(6_000, "The end.")] };
        let model = Script::new([[vec![Do::Say(0, LONG)], rest].concat()]);
        let ears = NoWords;
        let talk = Talk::open(&cascade(&model, ears, TestVoice, settings()), SessionConfig::default()).await;
        talk.sink.push(SessionInput::text("tell me")).unwrap();
        talk.wait(1, "audio").await;
        talk.silence(2200).await;
        talk.sound(&noise()).await;
        // Whoever stopped playing says so.
        let heard_ms = Duration::from_millis(2600);
        talk.sink.push(SessionInput::Interrupt { item: Some("answer0".into()), heard: heard_ms }).unwrap();
        talk.silence(800).await;
        talk.wait(1, "turn_done").await;
        let events = talk.close().await;
        let said = lines(&events);
        assert!(said.contains(&"interrupted answer0".to_owned()), "{said:#?}");
        let again = heard(&events, "answer1");
        assert!(again.starts_with("And here is the second one"), "{again}");
        assert_eq!(again.ends_with("The end."), !complete);
        assert_eq!(model.told().len(), 1, "the model is not asked again");
    }
}

#[tokio::test(start_paused = true)]
async fn words_stand_once_where_an_answer_goes_on() {
    for complete in [true, false] {
        let rest = if complete { vec![] } else { vec![Do::Say(6_000, "The end.")] };
        let model = Script::new([[vec![Do::Say(0, LONG)], rest].concat(), vec![Do::Say(0, "Fine.")]]);
        let talk =
            Talk::open(&cascade(&model, NoWords, TestVoice, settings()), SessionConfig::default()).await;
        talk.sink.push(SessionInput::text("tell me")).unwrap();
        talk.wait(1, "audio").await;
        talk.silence(1000).await;
        // Twice, the second time into what is said again.
        for (item, ms) in [("answer0", 1200), ("answer1", 600)] {
            talk.sound(&noise()).await;
            let heard = Duration::from_millis(ms);
            talk.sink.push(SessionInput::Interrupt { item: Some(item.into()), heard }).unwrap();
            talk.silence(900).await;
        }
        tokio::time::sleep(Duration::from_secs(12)).await;
        talk.sink.push(SessionInput::text("and now")).unwrap();
        talk.silence(2000).await;
        let events = talk.close().await;
        let mut shown = super::listener::shown(&events, Duration::from_secs(18));
        shown.retain(|letter| !letter.is_whitespace());
        let end = if complete { "" } else { "The end." };
        let said: String = [LONG, end].concat().chars().filter(|letter| !letter.is_whitespace()).collect();
        assert_eq!(shown.strip_suffix("Fine.").unwrap_or(&shown), said, "{:#?}", lines(&events));
        let told = &model.told()[1];
        let words: String = told[1].chars().filter(|letter| !letter.is_whitespace()).collect();
        assert_eq!(words, format!("Assistant:{said}"), "{told:#?}");
        // The voice begins its clause again: nobody hears half of a word.
        let again = heard(&events, "answer1");
        assert!(again.starts_with("This is the"), "{again}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_again_to_who_plays_on() {
    // All sound is told, and whoever plays it does not stop.
    let model = Script::new([vec![Do::Say(0, LONG)], vec![Do::Say(0, "Fine.")]]);
    let talk = Talk::open(&cascade(&model, NoWords, TestVoice, settings()), SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("tell me")).unwrap();
    talk.wait(1, "turn_done").await;
    talk.silence(600).await;
    talk.sound(&noise()).await;
    talk.silence(5000).await;
    let events = talk.events();
    assert!(lines(&events).contains(&"interrupted answer0".to_owned()));
    assert!(heard(&events, "answer1").is_empty(), "{:#?}", lines(&events));
    talk.sink.push(SessionInput::text("and now")).unwrap();
    talk.wait(2, "turn_done").await;
    talk.close().await;
    assert_eq!(model.told()[1][1], format!("Assistant: {}", LONG.trim()));
}

/// Ears that understand nothing.
#[derive(Debug)]
struct NoWords;

impl consort_realtime::voices::Recogniser for NoWords {
    fn id(&self) -> &'static str {
        "none"
    }

    fn hear(
        &self,
        sound: consort_core::BoxStream<'static, consort_core::Pcm>,
        hearing: consort_realtime::voices::Hearing,
        context: consort_core::Context,
    ) -> consort_core::BoxStream<'static, Result<consort_realtime::voices::Heard, consort_core::Error>> {
        drop(sound);
        Batch::after(100).hear(Box::pin(Nothing), hearing, context)
    }

    fn sort(&self) -> consort_realtime::audio::VoiceSort {
        consort_realtime::audio::VoiceSort::Any
    }
}

struct Nothing;

impl futures_core::Stream for Nothing {
    type Item = consort_core::Pcm;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(None)
    }
}

#[tokio::test(start_paused = true)]
async fn who_speaks_before_the_answer_sounds_is_answered_for_all_of_it() {
    let model = Script::new([vec![Do::Say(2_000, "Too soon.")], vec![Do::Say(0, "All of it.")]]);
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, settings()), SessionConfig::default()).await;
    talk.say("one").await;
    talk.silence(700).await;
    talk.say("and also this").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(model.told(), [["User: one"], ["User: one\nand also this"]]);
    assert_eq!(finals(&events, Speaker::Assistant), ["All of it."]);
    let silent = events.iter().all(|(_, event)| !matches!(event, SessionEvent::Interrupted { .. }));
    assert!(silent, "nothing sounded yet");
}
