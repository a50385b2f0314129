//! Answers that are cut, by the user and by speech.
use super::*;

#[test]
fn a_cut_answer_ends_where_it_was_heard_and_the_next_is_of_a_new_epoch() {
    let mut wire = usual();
    feed(&mut wire, &[created("r1"), sound("r1", "a"), sound("r1", "a")]);
    let heard = Duration::from_millis(120);
    let step = wire.input(SessionInput::Interrupt { item: Some("a".into()), heard });
    let messages = sent(&step);
    assert_eq!(messages[0], json!({"type": "response.cancel"}));
    assert_eq!(
        messages[1],
        json!({"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 120})
    );
    let step = feed(&mut wire, &[sound("r1", "a"), done("r1", "cancelled"), created("r2"), sound("r2", "b")]);
    assert_eq!(
        told(&step.events),
        [
            "audio a done, cut: true",
            "assistant is silent",
            "done other",
            "assistant speaks",
            "audio b@1:2400",
        ]
    );
    // More cannot have been heard than came, and a silence cannot be cut.
    feed(&mut wire, &[done("r2", "completed")]);
    assert!(wire.input(SessionInput::Interrupt { item: None, heard: Duration::ZERO }).messages.is_empty());
    let long = SessionInput::Interrupt { item: Some("b".into()), heard: Duration::from_secs(9) };
    assert!(wire.input(long).messages.is_empty());
}

#[test]
fn an_older_answer_that_still_plays_is_cut_without_the_one_under_way() {
    let mut wire = usual();
    feed(&mut wire, &[created("r1"), sound("r1", "a"), done("r1", "completed"), created("r2")]);
    let heard = Duration::from_millis(50);
    let step = wire.input(SessionInput::Interrupt { item: Some("a".into()), heard });
    assert_eq!(kinds(&sent(&step)), ["conversation.item.truncate"]);
    let step = feed(&mut wire, &[sound("r2", "b")]);
    assert_eq!(told(&step.events), ["assistant speaks", "audio b@1:2400"]);
}

#[test]
fn a_second_wish_for_silence_takes_back_nothing_that_was_heard() {
    let mut wire = usual();
    feed(&mut wire, &[created("r1"), sound("r1", "a"), sound("r1", "a")]);
    let wish = |ms: u64| SessionInput::Interrupt { item: None, heard: Duration::from_millis(ms) };
    let first = sent(&wire.input(wish(120)));
    assert_eq!(kinds(&first), ["response.cancel", "conversation.item.truncate"]);
    assert!(wire.input(wish(0)).messages.is_empty());
}

#[test]
fn a_cut_answer_stays_cut_when_another_one_is() {
    let mut wire = usual();
    feed(&mut wire, &[created("r1"), sound("r1", "a"), done("r1", "completed"), created("r2")]);
    feed(&mut wire, &[sound("r2", "b")]);
    let cut = |item: &str| SessionInput::Interrupt { item: Some(item.into()), heard: Duration::ZERO };
    wire.input(cut("b"));
    wire.input(cut("a"));
    let step = feed(&mut wire, &[sound("r2", "b"), sound("r2", "c"), done("r2", "cancelled")]);
    assert_eq!(told(&step.events), ["audio b done, cut: true", "assistant is silent", "done other"]);
}

#[test]
fn a_wish_for_silence_takes_back_nothing_that_was_heard() {
    let mut wire = usual();
    feed(&mut wire, &[created("r1"), sound("r1", "a"), done("r1", "completed"), created("r2")]);
    // The second one said nothing yet: of the first one all was heard.
    let step = wire.input(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
    assert_eq!(kinds(&sent(&step)), ["response.cancel"]);
    feed(&mut wire, &[done("r2", "cancelled"), created("r3"), sound("r3", "c")]);
    let step = wire.input(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
    assert_eq!(sent(&step)[1]["item_id"], "c");
}

#[test]
fn speech_cuts_an_answer_unless_the_server_goes_on() {
    let speech = || json!({"type": "input_audio_buffer.speech_started", "item_id": "u"});
    let mut wire = usual();
    feed(&mut wire, &[created("r"), sound("r", "a")]);
    let step = feed(&mut wire, &[speech(), sound("r", "a"), done("r", "cancelled")]);
    assert_eq!(
        told(&step.events),
        ["user speaks", "cut a", "audio a done, cut: true", "assistant is silent", "done other",]
    );
    // The answer was cut by the server: it is not told to.
    let mut wire = usual();
    let how =
        json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "interrupt_response": false}}}});
    feed(&mut wire, &[json!({"type": "session.updated", "session": how}), created("r"), sound("r", "a")]);
    assert_eq!(told(&feed(&mut wire, &[speech()]).events), ["user speaks"]);
}
