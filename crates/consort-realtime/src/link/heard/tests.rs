//! What is remembered of a session, thing by thing.
use super::*;
use consort_core::{Body, FinishReason, Media, Part, Pcm, ToolCall, ToolResult};
use std::time::Duration;

fn told(heard: &mut Heard) -> Vec<String> {
    let messages = heard.past();
    let short = |message: &Message| match &message.parts[0].body {
        Body::ToolCall(call) => format!("call {}", call.id),
        Body::ToolResult(result) => format!("result {}", result.call_id),
        _ => format!("{:?}: {}", message.role, message.text()),
    };
    messages.iter().map(short).collect()
}

fn say(heard: &mut Heard, text: &str) {
    heard.input(&SessionInput::text(text), Instant::now());
}

fn sound(item: &str, ms: usize) -> SessionEvent {
    SessionEvent::audio(item, Pcm::mono(vec![1; ms * 24], 24_000))
}

fn interrupt(item: Option<&str>, ms: u64) -> SessionInput {
    SessionInput::Interrupt { item: item.map(str::to_owned), heard: Duration::from_millis(ms) }
}

fn words(item: &str, by: Speaker, mode: TranscriptMode, text: &str) -> SessionEvent {
    SessionEvent::Transcript { item: item.into(), by, mode, text: text.into() }
}

#[test]
fn late_words_stand_where_they_were_spoken() {
    let mut heard = Heard::new(vec![Message::user("Before.")], false);
    heard.turn_ended();
    heard.event(&words("a1", Speaker::Assistant, TranscriptMode::Delta, "Good "), Instant::now());
    heard.turn_ended();
    heard.event(&words("a1", Speaker::Assistant, TranscriptMode::Final, "Good day."), Instant::now());
    heard.event(&words("u1", Speaker::User, TranscriptMode::Delta, "Hel"), Instant::now());
    heard.event(&words("u2", Speaker::User, TranscriptMode::Final, "And?"), Instant::now());
    heard.event(&words("u1", Speaker::User, TranscriptMode::Final, "Hello."), Instant::now());
    say(&mut heard, "Typed.");
    let wanted = ["User: Before.", "User: Hello.", "Assistant: Good day.", "User: And?", "User: Typed."];
    assert_eq!(told(&mut heard), wanted);
}

#[test]
fn an_answer_is_what_was_heard_of_it() {
    let check = |text: &str, heard_ms: u64, wanted: &str| {
        let mut heard = Heard::default();
        heard.event(&sound("a", 1_000), Instant::now());
        heard.event(&words("a", Speaker::Assistant, TranscriptMode::Final, text), Instant::now());
        heard.event(&SessionEvent::AudioDone { item: "a".into(), interrupted: false }, Instant::now());
        heard.input(&interrupt(None, heard_ms), Instant::now());
        let messages = heard.past();
        assert_eq!(messages.first().map(Message::text).unwrap_or_default(), wanted);
    };
    check("one two three four", 1_000, "one two three four");
    check("one two three four", 2_000, "one two three four");
    check("one two three four", 500, "one two");
    check("one two three four", 390, "one two");
    check("one two three four", 100, "");
    check("one two three four", 0, "");
    check("今日はいい天気ですね。", 500, "今日はいい");
}

#[test]
fn how_fast_words_are_spoken_is_learned_from_those_that_were() {
    let now = Instant::now();
    let (mut heard, text) = (Heard::default(), "one two three four five six");
    // Half a letter in the usual time, and twice as many behind an answer that was twice as fast.
    for (fast, wanted) in [(false, "one two"), (true, "one two three four")] {
        if fast {
            heard.event(&words("a", Speaker::Assistant, TranscriptMode::Final, &"x".repeat(100)), now);
            heard.event(&sound("a", 3_000), now);
            heard.event(&SessionEvent::AudioDone { item: "a".into(), interrupted: false }, now);
        }
        heard.event(&words("b", Speaker::Assistant, TranscriptMode::Delta, text), now + S * 9);
        heard.event(&sound("b", 540), now + S * 9);
        heard.event(&SessionEvent::Interrupted { item: Some("b".into()) }, now + S * 10);
        heard.event(&SessionEvent::AudioDone { item: "b".into(), interrupted: true }, now + S * 10);
        assert_eq!(told(&mut heard).pop().unwrap(), format!("Assistant: {wanted}"));
        heard = Heard::default();
    }
}

#[test]
fn what_is_read_teaches_no_speed_of_speech() {
    let now = Instant::now();
    let mut heard = Heard::default();
    heard.event(&SessionEvent::Text { item: "t".into(), text: "x".repeat(1_000) }, now);
    heard.event(&SessionEvent::TurnDone { finish: FinishReason::Stop.into(), usage: None }, now);
    heard.event(&words("b", Speaker::Assistant, TranscriptMode::Delta, "one two three four five six"), now);
    heard.event(&sound("b", 540), now);
    heard.lost(false);
    assert_eq!(told(&mut heard).pop().unwrap(), "Assistant: one two");
}

#[test]
fn of_an_answer_that_the_other_side_cut_so_much_was_heard_as_there_was_time_for() {
    let (mut heard, now) = (Heard::default(), Instant::now());
    heard.event(&sound("a", 2_000), now);
    heard.event(&words("a", Speaker::Assistant, TranscriptMode::Delta, "one two three four"), now);
    let cut = SessionEvent::Interrupted { item: Some("a".into()) };
    heard.event(&cut, now + Duration::from_secs(1));
    assert_eq!(told(&mut heard), ["Assistant: one two"]);
    // Who plays it knows better.
    heard.input(&interrupt(Some("a"), 600), now);
    assert_eq!(told(&mut heard), ["Assistant: one"]);
}

const S: Duration = Duration::from_secs(1);

/// A spoken answer that comes at once.
fn answer(heard: &mut Heard, item: &str, text: &str, now: Instant) {
    heard.event(&words(item, Speaker::Assistant, TranscriptMode::Final, text), now);
    heard.event(&sound(item, 4_000), now);
    heard.event(&SessionEvent::AudioDone { item: item.into(), interrupted: false }, now);
}

#[test]
fn a_pause_in_which_no_sound_was_there_is_not_heard() {
    let (mut heard, now) = (Heard::default(), Instant::now());
    heard.event(&sound("a", 1_000), now);
    heard.event(&words("a", Speaker::Assistant, TranscriptMode::Delta, "one two three four"), now);
    // The rest comes a minute later, and a part of that is heard.
    heard.event(&sound("a", 3_000), now + 60 * S);
    heard.event(&SessionEvent::Interrupted { item: Some("a".into()) }, now + 61 * S);
    assert_eq!(told(&mut heard), ["Assistant: one two"]);
}

#[test]
fn what_still_plays_is_told_whole_unless_it_is_cut() {
    let (mut heard, now) = (Heard::default(), Instant::now());
    answer(&mut heard, "a", "one two three four", now);
    assert_eq!(told(&mut heard), ["Assistant: one two three four"], "nothing takes it from who plays it");
    heard.input(&interrupt(Some("a"), 2_000), now + S * 2);
    assert_eq!(told(&mut heard), ["Assistant: one two"]);
    // Whoever hears all at once has heard it, whatever cuts it.
    let mut at_once = Heard::new(Vec::new(), true);
    answer(&mut at_once, "a", "one two three four", now);
    at_once.event(&SessionEvent::Interrupted { item: Some("a".into()) }, now);
    assert_eq!(told(&mut at_once), ["Assistant: one two three four"]);
}

#[test]
fn a_cut_ends_all_that_waits_to_be_played() {
    let (mut heard, now) = (Heard::default(), Instant::now());
    answer(&mut heard, "a", "one two three four", now);
    answer(&mut heard, "b", "five six seven eight", now);
    // The second one plays behind the first: a server that made all of it long ago cuts both.
    heard.event(&SessionEvent::Interrupted { item: None }, now + S * 6);
    assert_eq!(told(&mut heard), ["Assistant: one two three four", "Assistant: five six"]);
    // What comes behind a cut is heard at once; a wish for silence takes back nothing that is over.
    answer(&mut heard, "c", "nine ten", now + S * 7);
    heard.input(&interrupt(None, 0), now + S * 12);
    assert_eq!(told(&mut heard)[2..], ["Assistant: nine ten"]);
    answer(&mut heard, "d", "one two three four", now + S * 20);
    answer(&mut heard, "e", "five", now + S * 20);
    heard.input(&interrupt(Some("d"), 1_000), now + S * 21);
    assert_eq!(told(&mut heard)[3..], ["Assistant: one"]);
}

#[test]
fn of_pictures_the_newest_are_kept_and_the_place_of_others_is_told() {
    let mut heard = Heard::default();
    let show = |heard: &mut Heard| {
        let media = Media::bytes("image/png", vec![1]);
        heard.input(&SessionInput::Image { media }, Instant::now());
    };
    for turn in 0..5 {
        show(&mut heard);
        say(&mut heard, &format!("Look {turn}."));
        say(&mut heard, "And this is said.");
    }
    let all = heard.past();
    let pictures =
        |message: &Message| message.parts.iter().filter(|part| matches!(part.body, Body::Media(_))).count();
    assert_eq!(all.iter().map(pictures).sum::<usize>(), crate::shown::TURNS);
    assert_eq!(all[0].parts[0].as_text(), Some("[a picture that is not kept any more]"));
    assert_eq!((pictures(&all[8]), all[8].text()), (1, "Look 4.".to_owned()));
    assert_eq!(heard.missing(), ["2 older pictures"]);
    assert!(heard.missing().is_empty(), "told once");
    // One turn shows no more than so many.
    (0..crate::shown::PICTURES + 4).for_each(|_| show(&mut heard));
    let all = heard.past();
    assert_eq!(pictures(all.last().unwrap()), crate::shown::PICTURES);
    assert_eq!(heard.missing(), ["5 older pictures"], "and of a turn before");
}

#[test]
fn what_the_vendor_keeps_is_not_told_again() {
    let mut heard = Heard::new(vec![Message::user("Before.")], false);
    let texts = |heard: &Heard| heard.unkept().iter().map(Message::text).collect::<Vec<_>>();
    say(&mut heard, "One?");
    assert_eq!(texts(&heard), ["Before.", "One?"], "nothing is kept yet");
    heard.event(&words("a", Speaker::Assistant, TranscriptMode::Final, "Yes."), Instant::now());
    heard.keep();
    say(&mut heard, "Two?");
    assert_eq!(texts(&heard), ["Two?"]);
    assert_eq!(heard.past().len(), 4, "all of it is for a session that is new");
}

#[test]
fn calls_and_results_belong_together() {
    let mut heard = Heard::default();
    let result = |id: &str| {
        let (call_id, content) = (id.into(), vec![Part::text("noon")]);
        let result = ToolResult { call_id, name: "clock".into(), content, is_error: false };
        SessionInput::ToolResult { result }
    };
    for id in ["1", "2", "3"] {
        let call = ToolCall { id: id.into(), name: "clock".into(), arguments: "{}".into() };
        heard.event(&SessionEvent::ToolCall { call }, Instant::now());
    }
    heard.input(&result("1"), Instant::now());
    heard.event(&SessionEvent::ToolCancelled { id: "2".into() }, Instant::now());
    heard.input(&result("2"), Instant::now());
    assert_eq!(told(&mut heard), ["call 1", "call 3", "result 1"]);
}

#[test]
fn a_long_session_is_bounded_and_says_so() {
    let mut heard = Heard::new(vec![Message::user("Before.")], false);
    for number in 0..MOST_SAID + 9 {
        say(&mut heard, &number.to_string());
    }
    let messages = heard.past();
    assert_eq!(messages.len(), MOST_SAID);
    assert_eq!(heard.missing(), ["the 10 oldest things that were said"]);
    assert_eq!((messages[0].text(), messages[399].text()), ("9".into(), "408".into()), "the newest stay");
    say(&mut heard, &"x".repeat(MOST_TEXT + 1));
    assert_eq!(heard.past().len(), 1);
    assert_eq!(heard.missing(), ["the 400 oldest things that were said"]);
}

#[test]
fn a_wish_for_silence_means_no_answer_of_a_connection_that_was_lost() {
    let (mut heard, now) = (Heard::default(), Instant::now());
    heard.event(&words("a", Speaker::Assistant, TranscriptMode::Final, "one two three four"), now);
    heard.event(&sound("a", 4_000), now);
    // Nobody says any more that all of its sound came.
    heard.lost(false);
    heard.input(&interrupt(None, 1_000), now + S * 2);
    assert_eq!(told(&mut heard), ["Assistant: one"], "it still plays");
    let mut heard = Heard::default();
    heard.event(&words("a", Speaker::Assistant, TranscriptMode::Final, "one two three four"), now);
    heard.event(&sound("a", 4_000), now);
    heard.lost(false);
    heard.input(&interrupt(None, 0), now + S * 9);
    assert_eq!(told(&mut heard), ["Assistant: one two three four"], "it was heard to its end");
}

#[test]
fn who_hears_at_once_has_heard_what_is_over() {
    let (mut heard, now) = (Heard::new(Vec::new(), true), Instant::now());
    answer(&mut heard, "a", "one two three four", now);
    heard.input(&interrupt(None, 0), now);
    assert_eq!(told(&mut heard), ["Assistant: one two three four"]);
}

#[test]
fn pictures_that_were_answered_take_no_words_of_a_later_turn() {
    let (mut heard, now) = (Heard::default(), Instant::now());
    heard.input(&SessionInput::Image { media: Media::bytes("image/png", vec![1]) }, now);
    heard.event(&words("a", Speaker::Assistant, TranscriptMode::Final, "A dog."), now);
    heard.event(&SessionEvent::TurnDone { finish: FinishReason::Stop.into(), usage: None }, now);
    heard.event(&words("u", Speaker::User, TranscriptMode::Final, "And this?"), now);
    assert_eq!(told(&mut heard), ["User: ", "Assistant: A dog.", "User: And this?"]);
}

#[test]
fn words_said_into_an_answer_about_a_picture_stand_behind_it() {
    let (mut heard, now) = (Heard::default(), Instant::now());
    heard.input(&SessionInput::Image { media: Media::bytes("image/png", vec![1]) }, now);
    heard.event(&words("a", Speaker::Assistant, TranscriptMode::Delta, "A dog."), now);
    heard.event(&sound("a", 4_000), now);
    heard.input(&interrupt(Some("a"), 4_000), now);
    heard.turn_began();
    heard.event(&words("u", Speaker::User, TranscriptMode::Final, "Stop."), now);
    assert_eq!(told(&mut heard), ["User: ", "Assistant: A dog.", "User: Stop."]);
    assert!(heard.is_unanswered("u"));
}

#[test]
fn late_words_beside_a_picture_stand_before_the_answer_that_is_being_given() {
    let (mut heard, now) = (Heard::default(), Instant::now());
    heard.input(&SessionInput::Image { media: Media::bytes("image/png", vec![1]) }, now);
    heard.event(&sound("a", 400), now);
    heard.event(&words("u", Speaker::User, TranscriptMode::Delta, "What is this?"), now);
    heard.event(&words("a", Speaker::Assistant, TranscriptMode::Final, "A dog."), now);
    assert_eq!(told(&mut heard), ["User: What is this?", "Assistant: A dog."]);
}
