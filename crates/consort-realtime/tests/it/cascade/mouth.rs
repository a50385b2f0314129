//! What voices are asked for, and when: no more sound than is heard soon, and again where they hang.
use super::parts::{Script, Slow};
use super::{Talk, cascade, finals, heard, lines};
use consort_core::{
    Context, ErrorKind, NoCredentials, RealtimeModel, SessionConfig, SessionEvent, SessionInput,
    SessionUpdate, Speaker,
};
use consort_providers::TokioClock;
use consort_realtime::audio::{Shape, Sound};
use consort_realtime::cascade::{CascadeLimits, CascadeSettings};
use consort_realtime::voices::TestVoice;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

fn settings() -> CascadeSettings {
    CascadeSettings { eager: None, ..CascadeSettings::default() }
}

async fn ask(model: &Arc<Script>, voice: Slow, settings: CascadeSettings) -> Talk {
    let talk = Talk::open(&cascade(model, TestVoice, voice, settings), SessionConfig::default()).await;
    talk.sink.push(SessionInput::text("tell me")).unwrap();
    talk
}

/// Some three minutes, sentence by sentence.
fn minutes() -> &'static str {
    let sentences = (0..90).map(|n| format!("This is sentence number {n} of a long answer. "));
    Box::leak(sentences.collect::<String>().into_boxed_str())
}

/// How much sound waits at most for a listener who hears it in its time, in seconds.
fn most_waiting(events: &[(Duration, SessionEvent)]) -> f64 {
    let (mut until, mut most) = (0.0_f64, 0.0_f64);
    for (at, event) in events {
        if let SessionEvent::Audio { pcm, .. } = event {
            until = until.max(at.as_secs_f64()) + pcm.duration().as_secs_f64();
            most = most.max(until - at.as_secs_f64());
        }
    }
    most
}

#[tokio::test(start_paused = true)]
async fn no_more_is_made_than_is_heard_soon_and_nothing_is_lost() {
    // All at once, and slowly enough to be stopped in the middle of a clause.
    for trickle in [0, 10] {
        let model = Script::say(minutes());
        let voice = Slow { trickle, ..Slow::default() };
        let spoken = voice.spoken.clone();
        let talk = ask(&model, voice, settings()).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let begun = spoken.lock().unwrap().len();
        assert!((5..30).contains(&begun), "{begun} clauses were begun in 10 s");
        talk.wait(1, "turn_done").await;
        let events = talk.close().await;
        assert_eq!(heard(&events, "answer0"), minutes().trim());
        assert!(!lines(&events).iter().any(|line| line.contains("warning") || line.contains("error")));
        // In bytes of 24 kHz, with what waits here: less than a session may take.
        let most = most_waiting(&events);
        assert!((15.0..26.0).contains(&most), "{most} s waited");
        assert!(most * 48_000.0 < 1_300_000.0);
        // Nobody waited for it either.
        let length = Sound::spelled(minutes(), Shape::MONO_24K).duration();
        let last = events.iter().rfind(|(_, event)| event.kind() == "audio").unwrap().0;
        assert!(last < length, "{last:?} of {length:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_hears_at_once_is_not_made_to_wait() {
    let model = Script::say(minutes());
    let config = SessionConfig { at_once: true, ..SessionConfig::default() };
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, settings()), config).await;
    talk.sink.push(SessionInput::text("tell me")).unwrap();
    talk.wait(1, "turn_done").await;
    assert!(talk.now() < Duration::from_secs(2), "{:?}", talk.now());
    assert_eq!(heard(&talk.close().await, "answer0"), minutes().trim());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_where_sound_is_taken_late() {
    // Seven minutes, nothing of which is taken for a while: more than may wait.
    let long = Box::leak(minutes().repeat(3).into_boxed_str());
    let model = Script::say(long);
    let context = Context::new(Arc::new(TokioClock), Arc::new(NoCredentials));
    let config = SessionConfig { at_once: true, ..SessionConfig::default() };
    let voice = Slow { trickle: 1, ..Slow::default() };
    let mut session = cascade(&model, TestVoice, voice, settings()).connect(config, context).await.unwrap();
    session.sink.push(SessionInput::text("tell me")).unwrap();
    session.sink.close();
    let mut events = Vec::new();
    while let Some(event) = session.events.next().await {
        events.push((Duration::ZERO, event));
        if events.len() == 300 {
            tokio::time::sleep(Duration::from_mins(2)).await;
        }
    }
    assert_eq!(heard(&events, "answer0"), long.trim());
    let lines = lines(&events);
    assert!(!lines.iter().any(|line| line.contains("warning") || line.contains("error")), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_hangs_is_asked_again_within_its_patience() {
    let model = Script::say("One.");
    let voice = Slow { hanging: AtomicUsize::new(1), ..Slow::default() };
    let spoken = voice.spoken.clone();
    let talk = ask(&model, voice, settings()).await;
    talk.wait(1, "turn_done").await;
    assert!(talk.now() < Duration::from_secs(7), "{:?}", talk.now());
    let events = talk.close().await;
    assert_eq!((heard(&events, "answer0").as_str(), spoken.lock().unwrap().len()), ("One.", 2));
    assert!(!lines(&events).iter().any(|line| line.contains("error")));
    // One that hangs again is given up.
    let model = Script::say("One.");
    let voice = Slow { hanging: AtomicUsize::new(9), ..Slow::default() };
    let spoken = voice.spoken.clone();
    let talk = ask(&model, voice, settings()).await;
    talk.wait(1, "turn_done").await;
    assert!(talk.now() < Duration::from_secs(17), "{:?}", talk.now());
    let events = talk.close().await;
    assert_eq!(spoken.lock().unwrap().len(), 2);
    assert_eq!(lines(&events).iter().filter(|line| *line == "error timeout").count(), 1);
    assert_eq!(finals(&events, Speaker::Assistant), ["One."]);
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_rests_loses_nobodys_patience() {
    // Each piece takes its time, so that clauses are stopped in their middle, for longer than its patience.
    let model = Script::say(minutes());
    let limits = CascadeLimits { speaking: Duration::from_secs(1), ..CascadeLimits::default() };
    let talk =
        ask(&model, Slow { trickle: 10, ..Slow::default() }, CascadeSettings { limits, ..settings() }).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(heard(&events, "answer0"), minutes().trim());
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_is_missing_is_told_of_once() {
    for (kind, asked) in [(ErrorKind::Setup, 2), (ErrorKind::Auth, 2), (ErrorKind::InvalidRequest, 5)] {
        let model = Script::say("One.\nTwo.\nThree.\nFour.\nFive.\n");
        let voice = Slow { fails_at: Some(""), kind: Some(kind), ..Slow::default() };
        let spoken = voice.spoken.clone();
        let talk = ask(&model, voice, settings()).await;
        talk.wait(1, "turn_done").await;
        let events = talk.close().await;
        let errors = lines(&events).iter().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, 1, "{kind:?}");
        assert!(spoken.lock().unwrap().len() <= asked, "{kind:?}: {:?}", spoken.lock().unwrap());
        assert_eq!(finals(&events, Speaker::Assistant), ["One.\nTwo.\nThree.\nFour.\nFive."]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_is_known_to_be_none_is_warned_of_and_one_of_which_nobody_knows_is_taken() {
    let config = || SessionConfig { voice: Some("nova".to_owned()), ..SessionConfig::default() };
    let model = Script::say("Yes.");
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, settings()), config()).await;
    let update = SessionUpdate { voice: Some("onyx".to_owned()), ..SessionUpdate::default() };
    talk.sink.push(SessionInput::Update { update }).unwrap();
    let warned = lines(&talk.close().await).into_iter().filter(|line| line == "warning voice").count();
    assert_eq!(warned, 2);
    let talk = Talk::open(&cascade(&model, TestVoice, Slow::default(), settings()), config()).await;
    assert!(!lines(&talk.close().await).contains(&"warning voice".to_owned()));
}
