//! What was heard of an answer: what the model is told of it, and what is shown.
use super::parts::{Batch, Do, Script, Slow};
use super::{Talk, cascade, finals, heard, lines};
use consort_core::{Pcm, SessionConfig, SessionEvent, SessionInput, Speaker, TranscriptMode};
use consort_realtime::audio::{Shape, Sound};
use consort_realtime::cascade::CascadeSettings;
use consort_realtime::voices::{Synthesiser, TestVoice};
use std::sync::Arc;
use std::time::Duration;

/// Twenty words in one clause, of about five seconds.
const TWENTY: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
    sixteen seventeen eighteen nineteen twenty";

/// Two clauses of a little more than two seconds each.
const TWO: &str =
    "This is the first sentence of a long answer to it.\nAnd here is the second one, of the same length.\n";

fn settings() -> CascadeSettings {
    CascadeSettings { eager: None, ..CascadeSettings::default() }
}

async fn ask(model: &Arc<Script>, voice: impl Synthesiser + 'static) -> Talk {
    let cascade = cascade(model, Batch::after(0), voice, settings());
    let talk = Talk::open(&cascade, SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("tell me")).unwrap();
    talk.wait(1, "audio").await;
    talk
}

fn stop() -> SessionInput {
    SessionInput::Interrupt { item: None, heard: Duration::ZERO }
}

fn noise(ms: u64) -> Pcm {
    Sound::tone(Shape::MONO_16K, 50.0, 0.5, Duration::from_millis(ms)).to_pcm()
}

/// What the model is told of its first answer when it is asked once more.
async fn told(talk: Talk, model: &Script) -> String {
    let asked = model.told().len();
    talk.sink.push(SessionInput::text("say that again")).unwrap();
    while model.told().len() == asked {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let events = talk.close().await;
    let told = &model.told()[asked];
    let answer = told.get(1).and_then(|line| line.strip_prefix("Assistant: ")).unwrap_or_default();
    // The same is shown.
    let shown = events.iter().rev().find_map(|(_, event)| match event {
        SessionEvent::Transcript { item, mode: TranscriptMode::Final, text, .. } if item == "answer0" => {
            Some(text.trim())
        }
        _ => None,
    });
    assert_eq!(shown, Some(answer), "{told:?}");
    answer.to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_stop_when_nothing_sounds_takes_nothing_back() {
    let model = Script::say("The number is forty two.");
    let talk = ask(&model, TestVoice).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    talk.sink.push(stop()).unwrap();
    assert_eq!(told(talk, &model).await, "The number is forty two.");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_names_no_answer_means_what_sounds_up_to_now() {
    for whole in [true, false] {
        let rest = if whole { vec![] } else { vec![Do::Say(60_000, "Never.")] };
        let model = Script::new([[vec![Do::Say(0, TWENTY), Do::Say(0, "\n")], rest].concat()]);
        let talk = ask(&model, TestVoice).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        talk.sink.push(stop()).unwrap();
        let answer = told(talk, &model).await;
        let words = answer.split(' ').count();
        assert!((5..=12).contains(&words), "{words}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_an_answer_is_not_overwritten() {
    let model = Script::new([vec![Do::Say(0, TWENTY), Do::Say(0, "\n"), Do::Say(60_000, "Never.")]]);
    let talk = ask(&model, TestVoice).await;
    let of = |ms| SessionInput::Interrupt { item: Some("answer0".into()), heard: Duration::from_millis(ms) };
    tokio::time::sleep(Duration::from_secs(4)).await;
    talk.sink.push(of(3000)).unwrap();
    talk.wait(1, "turn_done").await;
    // Never more than was said first, and a stop that names nothing is of nothing that is over.
    talk.sink.push(of(60_000)).unwrap();
    talk.sink.push(stop()).unwrap();
    let answer = told(talk, &model).await;
    assert!(answer.starts_with("one two three"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_a_pause_ends_the_answer_and_keeps_what_was_heard() {
    for whole in [true, false] {
        let rest = if whole { vec![] } else { vec![Do::Say(60_000, "Never.")] };
        let model = Script::new([[vec![Do::Say(0, TWENTY), Do::Say(0, "\n")], rest].concat()]);
        let talk = ask(&model, TestVoice).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        talk.sound(&noise(600)).await;
        talk.silence(300).await;
        talk.sink.push(stop()).unwrap();
        talk.silence(2000).await;
        let said = talk.lines();
        assert!(!said.iter().any(|line| line.contains("answer1")), "it goes on: {said:#?}");
        let answer = told(talk, &model).await;
        assert!(answer.split(' ').count() >= 6, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_clause_that_is_still_being_made_as_much_was_heard_as_came() {
    // As fast as it sounds, and twice as fast: of that, as much is heard.
    for trickle in [100, 50] {
        let model = Script::new([vec![Do::Say(0, TWENTY), Do::Say(0, "\n")], vec![Do::Say(0, "Fine.")]]);
        let talk = ask(&model, Slow { trickle, ..Slow::default() }).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        talk.say("no please stop that now").await;
        talk.silence(800).await;
        talk.wait(2, "turn_done").await;
        let events = talk.close().await;
        let said = finals(&events, Speaker::Assistant)[0].clone();
        let words = said.split(' ').count();
        assert!((5..=12).contains(&words), "at {trickle}: {words} of 20: {said}");
        assert_eq!(model.told()[1][1], format!("Assistant: {said}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_clause_that_was_cut_while_it_was_made_is_said_again() {
    let model = Script::new([vec![Do::Say(0, TWENTY), Do::Say(0, "\n")]]);
    // Slower than it sounds: whatever came was heard.
    let talk = ask(&model, Slow { trickle: 130, ..Slow::default() }).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    talk.sound(&noise(700)).await;
    talk.silence(1000).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(heard(&events, "answer1"), TWENTY, "{:#?}", lines(&events));
    let said = &finals(&events, Speaker::Assistant)[0];
    assert!(said.split(' ').count() < 8, "{said}");
}

#[tokio::test(start_paused = true)]
async fn of_an_answer_that_was_made_and_is_cut_is_shown_what_was_heard() {
    let model = Script::new([vec![Do::Say(0, TWENTY), Do::Say(0, "\n")], vec![Do::Say(0, "Fine.")]]);
    let talk = ask(&model, TestVoice).await;
    talk.wait(1, "turn_done").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    talk.say("no please stop that now").await;
    talk.silence(800).await;
    talk.wait(2, "turn_done").await;
    let events = talk.close().await;
    let said = finals(&events, Speaker::Assistant);
    assert_eq!(said[0], TWENTY);
    assert_eq!(model.told()[1][1], format!("Assistant: {}", said[1]));
    assert!(said[1].split(' ').count() < 12, "{}", said[1]);
}

#[tokio::test(start_paused = true)]
async fn a_yes_into_the_last_word_of_a_question_is_an_answer() {
    for streams in [true, false] {
        let model = Script::new([vec![Do::Say(0, "Shall I go on?")], vec![Do::Say(0, "Then I do.")]]);
        let cascade = if streams {
            cascade(&model, TestVoice, TestVoice, settings())
        } else {
            cascade(&model, Batch::after(0), TestVoice, settings())
        };
        let talk = Talk::open(&cascade, SessionConfig::default()).await;
        talk.sink.push(SessionInput::text("tell me")).unwrap();
        talk.wait(1, "turn_done").await;
        let length = Sound::spelled("Shall I go on?", Shape::MONO_24K).duration();
        talk.silence((length.as_millis() as u64).saturating_sub(800)).await;
        talk.say("yes").await;
        talk.silence(800).await;
        talk.wait(2, "turn_done").await;
        let events = talk.close().await;
        assert_eq!(finals(&events, Speaker::User), ["yes"], "{streams}");
        assert!(finals(&events, Speaker::Assistant).contains(&"Then I do.".to_owned()));
    }
}

fn report(ms: u64) -> SessionInput {
    SessionInput::Interrupt { item: Some("answer0".into()), heard: Duration::from_millis(ms) }
}

#[tokio::test(start_paused = true)]
async fn who_says_it_twice_in_a_pause_knows_better_the_second_time() {
    let model = Script::new([vec![Do::Say(0, TWENTY), Do::Say(0, "\n"), Do::Say(60_000, "Never.")]]);
    let talk = ask(&model, TestVoice).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    talk.sound(&noise(600)).await;
    // A clock first, and then whoever played it; never more than was known.
    [3_500, 700, 9_000].into_iter().for_each(|ms| talk.sink.push(report(ms)).unwrap());
    talk.sink.push(stop()).unwrap();
    talk.wait(1, "turn_done").await;
    let answer = told(talk, &model).await;
    let words = answer.split(' ').count();
    assert!((1..=4).contains(&words), "{words}: {answer}");
}

#[tokio::test(start_paused = true)]
async fn a_first_report_that_comes_late_takes_back_what_the_clock_thought() {
    for (ms, expected) in [(700, 1..=4), (9_000, 12..=19)] {
        let model = Script::new([vec![Do::Say(0, TWENTY), Do::Say(0, "\n"), Do::Say(60_000, "Never.")]]);
        let talk = ask(&model, TestVoice).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        talk.sound(&noise(600)).await;
        talk.silence(300).await;
        let by_clock = finals(&talk.events(), Speaker::Assistant);
        assert_eq!(by_clock.len(), 1, "the time for a report is over: {:#?}", talk.lines());
        talk.sink.push(report(ms)).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        talk.sink.push(stop()).unwrap();
        talk.wait(1, "turn_done").await;
        let answer = told(talk, &model).await;
        let words = answer.split(' ').count();
        assert!(expected.contains(&words), "{ms}: {words}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_only_noise_is_gone_on_behind_however_often_it_is_said_how_much_was_heard() {
    for whole in [true, false] {
        let rest = if whole { vec![] } else { vec![Do::Say(6_000, "The end.")] };
        let model = Script::new([[vec![Do::Say(0, TWO)], rest].concat()]);
        let talk = ask(&model, TestVoice).await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        talk.sound(&noise(600)).await;
        // By a clock the second sentence was begun; who played it, and threw away the rest, was in the first.
        for ms in [3_000, 1_000] {
            talk.sink.push(report(ms)).unwrap();
            talk.silence(20).await;
        }
        talk.silence(900).await;
        talk.wait(1, "turn_done").await;
        let events = talk.close().await;
        let said = lines(&events);
        assert!(!said.contains(&"turn_done interrupted".to_owned()), "{said:#?}");
        let again = heard(&events, "answer1");
        assert!(again.starts_with("This is the first"), "{again}");
        assert_eq!(again.ends_with("The end."), !whole, "{again}");
        // What is shown of both is the answer, once.
        let words = |text: &str| text.split_whitespace().collect::<String>();
        let all = super::listener::shown(&events, Duration::MAX);
        assert_eq!(words(&all), words(&[TWO, if whole { "" } else { "The end." }].concat()), "{said:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_at_once_was_heard_whoever_speaks_behind_it() {
    for words in ["no please stop that now", "yes"] {
        let model = Script::new([vec![Do::Say(0, TWENTY), Do::Say(0, "\n")], vec![Do::Say(0, "Fine.")]]);
        let cascade = cascade(&model, Batch::after(0), TestVoice, settings());
        let config = SessionConfig { at_once: true, ..SessionConfig::default() };
        let talk = Talk::open(&cascade, config).await;
        talk.sink.push(SessionInput::text("tell me")).unwrap();
        talk.wait(1, "turn_done").await;
        talk.say(words).await;
        talk.silence(800).await;
        talk.wait(2, "turn_done").await;
        let events = talk.close().await;
        let said = lines(&events);
        assert!(!said.iter().any(|line| line.starts_with("interrupted")), "{said:#?}");
        assert_eq!(finals(&events, Speaker::Assistant), [TWENTY, "Fine."], "{said:#?}");
        assert_eq!(finals(&events, Speaker::User), [words]);
        assert_eq!(model.told()[1][1], format!("Assistant: {TWENTY}"));
    }
}
