//! The life of a user's turn: whatever happens to it, it ends, and holds up no other.
use super::parts::{Batch, Do, Script, Streaming};
use super::{Talk, cascade, finals, lines};
use consort_core::{
    Context, ErrorKind, RealtimeModel, SessionConfig, SessionEvent, SessionInput, SessionUpdate, Speaker,
};
use consort_realtime::audio::{Pad, Shape, Sound};
use consort_realtime::cascade::{Cascade, CascadeLimits, CascadeSettings};
use consort_realtime::voices::TestVoice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn late() -> CascadeSettings {
    CascadeSettings { eager: None, ..CascadeSettings::default() }
}

fn detect(talk: &Talk, on: bool) {
    let update = SessionUpdate { turn_detection: Some(on), ..SessionUpdate::default() };
    talk.sink.push(SessionInput::Update { update }).unwrap();
}

#[tokio::test(start_paused = true)]
async fn ears_that_hang_with_two_turns_lose_both_and_hear_the_third() {
    let model = Script::say("Yes.");
    let ears = Batch { hanging: AtomicUsize::new(4), ..Batch::default() };
    let talk = Talk::open(&cascade(&model, ears, TestVoice, late()), SessionConfig::default()).await;
    for words in ["one", "two"] {
        talk.say(words).await;
        talk.silence(700).await;
    }
    talk.wait(2, "error").await;
    talk.say("three").await;
    talk.silence(700).await;
    talk.wait(3, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["three"]);
    assert_eq!(finals(&events, Speaker::Assistant), ["Yes."]);
}

#[tokio::test(start_paused = true)]
async fn ears_that_hang_once_hear_it_all_the_same() {
    for ears in [true, false] {
        let model = Script::say("Yes.");
        let hanging = AtomicUsize::new(1);
        let cascade = if ears {
            cascade(&model, Batch { hanging, ..Batch::default() }, TestVoice, late())
        } else {
            cascade(&model, Streaming { hanging, ..Streaming::default() }, TestVoice, late())
        };
        let talk = Talk::open(&cascade, SessionConfig::default()).await;
        talk.say("one").await;
        talk.silence(700).await;
        talk.wait(1, "turn_done").await;
        assert_eq!(finals(&talk.close().await, Speaker::User), ["one"]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_turns_detection_on_is_heard_from_then_on() {
    let model = Script::new([vec![Do::Say(0, "One.")], vec![Do::Say(0, "Two.")]]);
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, late()), SessionConfig::default()).await;
    detect(&talk, false);
    talk.silence(200).await;
    detect(&talk, true);
    talk.sink.push(SessionInput::text("hello")).unwrap();
    let begun = talk.now();
    while model.told().is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(talk.now() < begun + Duration::from_secs(3), "{:#?}", talk.lines());
    }
    talk.silence(3000).await;
    talk.say("good morning").await;
    talk.silence(800).await;
    talk.wait(3, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["", "good morning"]);
    assert_eq!(finals(&events, Speaker::Assistant), ["One.", "Two."]);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_detection_changed_is_a_turn() {
    let model = Script::new([vec![Do::Say(0, "A.")], vec![Do::Say(0, "B.")], vec![Do::Say(0, "C.")]]);
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, late()), SessionConfig::default()).await;
    // Somebody speaks, and takes to the button.
    talk.say("one two").await;
    detect(&talk, false);
    talk.wait(1, "turn_done").await;
    talk.silence(2000).await;
    talk.say("three").await;
    // And lets it go by turning it off.
    detect(&talk, true);
    talk.wait(2, "turn_done").await;
    talk.silence(2000).await;
    talk.say("four").await;
    talk.silence(800).await;
    talk.wait(3, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["one two", "three", "four"]);
    let began: Vec<String> = lines(&events).into_iter().filter(|line| line.ends_with(" user")).collect();
    let both = ["speech_started user", "speech_stopped user"];
    assert_eq!(began, [both, both].concat(), "of the one that nobody detected nothing is told");
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_understood_early_a_few_times_and_only_while_it_is_short() {
    let model = Script::say("Yes.");
    let ears = Batch::after(20);
    let tries = ears.tries.clone();
    let talk =
        Talk::open(&cascade(&model, ears, TestVoice, CascadeSettings::default()), SessionConfig::default())
            .await;
    for _ in 0..6 {
        talk.say("one").await;
        talk.silence(300).await;
    }
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    talk.silence(500).await;
    talk.wait(1, "turn_done").await;
    assert_eq!(tries.swap(0, Ordering::Relaxed), 3, "and once at its end");
    let begun = talk.now();
    while talk.now() < begun + Duration::from_secs(16) {
        talk.say("word").await;
    }
    talk.silence(300).await;
    talk.say("word").await;
    talk.silence(800).await;
    talk.wait(2, "turn_done").await;
    assert_eq!(tries.load(Ordering::Relaxed), 1);
    talk.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_early_try_that_fails_costs_nothing() {
    let model = Script::say("Yes.");
    let ears =
        Batch { failing: AtomicUsize::new(1), kind: Some(consort_core::ErrorKind::Auth), ..Batch::default() };
    let talk =
        Talk::open(&cascade(&model, ears, TestVoice, CascadeSettings::default()), SessionConfig::default())
            .await;
    talk.say("one").await;
    talk.silence(300).await;
    talk.say("two").await;
    talk.silence(800).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(finals(&events, Speaker::User), ["one two"]);
    assert!(!lines(&events).iter().any(|line| line.starts_with("error")));
}

#[tokio::test(start_paused = true)]
async fn who_writes_without_end_is_not_listened_to_without_end() {
    let model = Script::new([vec![Do::Say(20_000, "At last.")]]);
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, late()), SessionConfig::default()).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let (sink, count) = (talk.sink.clone(), sent.clone());
    let flood = tokio::spawn(async move {
        while count.load(Ordering::Relaxed) < 5000 && sink.send(SessionInput::text("more")).await.is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    let taken = sent.load(Ordering::Relaxed);
    assert!(taken < 1200, "what waits is bounded: {taken}");
    // The flood goes on as fast as it is answered.
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(sent.load(Ordering::Relaxed) > taken + 10);
    flood.abort();
}

#[tokio::test(start_paused = true)]
async fn many_written_turns_and_a_held_button_block_nothing() {
    let model = Script::say("Yes.");
    let config = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
    let talk = Talk::open(&cascade(&model, TestVoice, TestVoice, late()), config).await;
    talk.say("held").await;
    for _ in 0..80 {
        talk.sink.push(SessionInput::text("more")).unwrap();
    }
    talk.sink.push(SessionInput::Commit).unwrap();
    talk.wait(80, "turn_done").await;
    assert_eq!(finals(&talk.close().await, Speaker::User), ["held"]);
}

#[tokio::test(start_paused = true)]
async fn minutes_of_sound_in_one_piece_hold_up_nobody_else_and_what_comes_behind_them_waits() {
    let model = Script::say("Fine.");
    let cascade = cascade(&model, TestVoice, TestVoice, CascadeSettings::default());
    let mut session = cascade.connect(SessionConfig::default(), Context::default()).await.unwrap();
    let spoken = |text| Sound::spelled(text, Shape::MONO_16K).to_pcm();
    let mut minutes = spoken("hello");
    minutes.append(&Sound::silence(Shape::MONO_16K, Duration::from_mins(3)).to_pcm());
    minutes.append(&spoken("and you"));
    session.sink.push(SessionInput::Audio(minutes)).unwrap();
    session.sink.push(SessionInput::Commit).unwrap();
    let (mut others, mut events) = (0, Vec::new());
    while finals(&events, Speaker::User).len() < 2 {
        tokio::select! {
            biased;
            event = session.events.next() => events.push((Duration::ZERO, event.unwrap())),
            () = tokio::task::yield_now() => others += 1,
        }
        assert!(others < 10_000, "{:#?}", lines(&events));
    }
    assert_eq!(finals(&events, Speaker::User), ["hello", "and you"]);
    assert!(others >= 60, "others had their turn {others} times in three minutes of sound");
}

/// What is understood of sound that comes in one piece and is said to be over, where a part is of 12 s.
async fn understood(
    make: impl Fn(CascadeSettings) -> Cascade,
    sound: &Sound,
) -> Vec<(Duration, SessionEvent)> {
    let limits = CascadeLimits { turn: Duration::from_secs(12), ..CascadeLimits::default() };
    let config = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
    let talk = Talk::open(&make(CascadeSettings { limits, ..late() }), config).await;
    talk.sink.push(SessionInput::Audio(sound.to_pcm())).unwrap();
    talk.sink.push(SessionInput::Commit).unwrap();
    talk.wait(1, "turn_done").await;
    talk.close().await
}

/// So many different words.
fn words(many: usize) -> String {
    (0..many).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_long_turn_that_nobody_detects_is_one_turn_with_all_its_words() {
    let text = words(220);
    let sound = Sound::spelled(&text, Shape::MONO_16K);
    for streams in [false, true] {
        let model = Script::say("Yes.");
        let make = |settings| {
            if streams {
                cascade(&model, TestVoice, TestVoice, settings)
            } else {
                cascade(&model, Batch::after(300), TestVoice, settings)
            }
        };
        let events = understood(make, &sound).await;
        let said = lines(&events);
        assert_eq!(finals(&events, Speaker::User), [text.as_str()], "{streams}");
        assert_eq!(model.told(), [[format!("User: {text}")]]);
        assert!(
            !said.iter().any(|line| line.starts_with("warning") || line.starts_with("error")),
            "{said:#?}"
        );
        // Whoever follows it sees one text that grows.
        let (mut shown, mut before) = (String::new(), 0);
        for (_, event) in &events {
            let SessionEvent::Transcript { item, by: Speaker::User, mode, text } = event else { continue };
            assert_eq!(item, "user0");
            match mode {
                consort_core::TranscriptMode::Delta => shown += text,
                _ => shown.clone_from(text),
            }
            assert!(shown.len() >= before, "{shown}");
            before = shown.len();
        }
        assert_eq!(shown, text);
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_part_of_a_long_turn_that_is_not_understood_it_is_told_how_much_is_left_out() {
    let (text, model) = (words(140), Script::say("Yes."));
    let ears = || Batch { failing: AtomicUsize::new(1), kind: Some(ErrorKind::Auth), ..Batch::default() };
    let make = |settings| cascade(&model, ears(), TestVoice, settings);
    let events = understood(make, &Sound::spelled(&text, Shape::MONO_16K)).await;
    let said = &finals(&events, Speaker::User)[0];
    assert!(said.len() > 100 && text.ends_with(said.as_str()) && *said != text, "{said}");
    assert_eq!(finals(&events, Speaker::Assistant), ["Yes."]);
    let warnings: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event {
            SessionEvent::Warning { warning } => Some((warning.code.as_str(), warning.message.as_str())),
            _ => None,
        })
        .collect();
    assert!(
        matches!(warnings[..], [("unheard", message)] if message.contains("11 s") && message.contains("scripted")),
        "{warnings:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn where_nothing_comes_behind_a_part_nothing_more_is_asked_for() {
    let model = Script::say("Yes.");
    let quiet = |ms| Sound::spelled("one two", Shape::MONO_16K).head(Duration::from_millis(ms), Pad::End);
    for (sound, expected) in [(quiet(11_000), 1), (quiet(11_020), 1), (quiet(40_000), 1)] {
        let tries = Arc::new(AtomicUsize::new(0));
        let ears = || Batch { tries: tries.clone(), ..Batch::default() };
        let events = understood(|settings| cascade(&model, ears(), TestVoice, settings), &sound).await;
        assert_eq!(finals(&events, Speaker::User), ["one two"]);
        assert_eq!(tries.load(Ordering::Relaxed), expected, "a part ends at 11 s where it is quiet");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_that_nobody_detects_is_not_sent_to_ears() {
    let mut sound = Sound::silence(Shape::MONO_16K, Duration::from_mins(1));
    sound.append(&Sound::spelled("one two", Shape::MONO_16K)).unwrap();
    sound.append(&Sound::silence(Shape::MONO_16K, Duration::from_mins(1))).unwrap();
    for streams in [false, true] {
        let (model, tries) = (Script::say("Yes."), Arc::new(AtomicUsize::new(0)));
        let make = |settings| {
            let tries = tries.clone();
            if streams {
                cascade(&model, Streaming { tries, ..Streaming::default() }, TestVoice, settings)
            } else {
                cascade(&model, Batch { tries, ..Batch::default() }, TestVoice, settings)
            }
        };
        let events = understood(make, &sound).await;
        assert_eq!(finals(&events, Speaker::User), ["one two"], "{streams}");
        assert_eq!(tries.load(Ordering::Relaxed), 1, "{streams}");
    }
}

/// Ears that tell words as they come, and fail so many times, each after so many words.
fn failing(times: usize, cut_after: usize, tries: &Arc<AtomicUsize>) -> Streaming {
    let (failing, kind) = (AtomicUsize::new(times), Some(ErrorKind::Auth));
    Streaming { failing, cut_after, kind, tries: tries.clone(), ..Streaming::default() }
}

#[tokio::test(start_paused = true)]
async fn ears_that_fail_while_somebody_speaks_are_asked_for_all_of_it_at_the_end() {
    let limits = CascadeLimits { turn: Duration::from_secs(12), ..CascadeLimits::default() };
    for (detects, text) in [(true, words(20)), (false, words(20)), (false, words(140))] {
        let (model, tries) = (Script::say("Yes."), Arc::new(AtomicUsize::new(0)));
        let cascade = cascade(&model, failing(1, 3, &tries), TestVoice, CascadeSettings { limits, ..late() });
        let config = SessionConfig { turn_detection: Some(detects), ..SessionConfig::default() };
        let talk = Talk::open(&cascade, config).await;
        talk.say(&text).await;
        if detects {
            talk.silence(700).await;
        } else {
            talk.sink.push(SessionInput::Commit).unwrap();
        }
        talk.wait(1, "turn_done").await;
        let events = talk.close().await;
        assert_eq!(finals(&events, Speaker::User), [text.as_str()], "{detects}");
        let told = lines(&events);
        assert_eq!(told.iter().filter(|line| *line == "warning retry").count(), 1, "{told:#?}");
        assert!(!told.iter().any(|line| line.starts_with("error")), "{told:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_last_part_that_is_not_understood_to_its_end_the_words_are_kept() {
    let limits = CascadeLimits { turn: Duration::from_secs(12), ..CascadeLimits::default() };
    let (model, tries, text) = (Script::say("Yes."), Arc::new(AtomicUsize::new(0)), words(140));
    // Its second part fails in the middle, and again from the beginning.
    let ears = Streaming { spared: AtomicUsize::new(1), ..failing(2, 9, &tries) };
    let cascade = cascade(&model, ears, TestVoice, CascadeSettings { limits, ..late() });
    let config = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
    let talk = Talk::open(&cascade, config).await;
    let sound = Sound::spelled(&text, Shape::MONO_16K).head(Duration::from_secs(22), Pad::None);
    talk.sound(&sound.to_pcm()).await;
    talk.sink.push(SessionInput::Commit).unwrap();
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    let said = &finals(&events, Speaker::User)[0];
    assert!(text.starts_with(said.as_str()), "{said}");
    let warned = |event: &SessionEvent| match event {
        SessionEvent::Warning { warning } => warning.message.contains("not all was understood"),
        _ => false,
    };
    assert_eq!(events.iter().filter(|(_, event)| warned(event)).count(), 1, "{:#?}", lines(&events));
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}
