//! Answers without sound: they were read.
use super::{Held, lines};
use consort_core::{Error, FinishReason, Modality, SessionEvent, Speaker, TranscriptMode};
use consort_realtime::call::CallEvent;

impl Held {
    fn quiet_words(&self, item: &str, mode: TranscriptMode, text: &str) {
        self.words(item, Speaker::Assistant, mode, text);
    }

    /// Somebody ends it who holds it, as a page does.
    async fn leave(mut self) -> Vec<String> {
        self.call.interrupt();
        self.end().await.iter().map(|turn| lines(std::slice::from_ref(turn)).concat()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_was_read_where_it_makes_no_sound() {
    for (after, leaves) in [(0, false), (1, false), (5_000, false), (5_000, true)] {
        let mut held = Held::open(|_| {}).await;
        held.hello().await;
        for (item, text) in [("a1", "Read once."), ("a2", "Read twice.")] {
            held.call.say("Go on.");
            held.quiet_words(item, TranscriptMode::Final, text);
            held.pass(after).await;
        }
        let log = if leaves { held.leave().await } else { lines(&held.end().await) };
        assert_eq!(log.last().unwrap(), "Assistant Complete: Read twice.", "{after} {leaves}: {log:?}");
        assert!(log.iter().any(|line| line == "Assistant Complete: Read once."), "{after} {leaves}: {log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn words_that_need_not_be_all_are_kept_as_far_as_they_came() {
    for leaves in [false, true] {
        let mut held = Held::open(|_| {}).await;
        held.hello().await;
        held.call.say("Go on.");
        held.quiet_words("a1", TranscriptMode::Delta, "Half of ");
        held.pass(5_000).await;
        let log = if leaves { held.leave().await } else { lines(&held.end().await) };
        assert_eq!(log.last().unwrap(), "Assistant Interrupted: Half of", "{leaves}");
    }
    // What failed then does not take them away.
    let mut held = Held::open(|_| {}).await;
    held.hello().await;
    held.quiet_words("a1", TranscriptMode::Delta, "Half of ");
    held.pass(10).await;
    held.say.close(Error::protocol("garbage"));
    while held.call.next().await.is_some() {}
    assert_eq!(lines(&held.log().await).last().unwrap(), "Assistant Interrupted: Half of");
}

#[tokio::test(start_paused = true)]
async fn last_words_whose_sound_is_about_to_come_were_not_heard_when_they_are_cut() {
    for (after, sounds, kept) in [
        (500, false, "Assistant Interrupted: "),
        // Nothing sounded in all this time.
        (3_000, false, "Assistant Complete: Cut the red wire."),
        // As much as was heard.
        (500, true, "Assistant Interrupted: Cut"),
    ] {
        let mut held = Held::open(|_| {}).await;
        held.hello().await;
        held.call.say("How?");
        held.quiet_words("a1", TranscriptMode::Final, "Cut the red wire.");
        if sounds {
            held.say.push(SessionEvent::Audio { item: "a1".into(), epoch: 0, pcm: super::sound("Cut") });
        }
        held.pass(after).await;
        let log = held.leave().await;
        assert_eq!(log.last().unwrap(), kept, "{after} {sounds}: {log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_card_says_that_it_speaks_is_believed_until_it_gave_words_alone() {
    let open = || Held::open_model(|card| card.capabilities.output = vec![Modality::Text, Modality::Audio]);
    let mut held = open().await;
    held.call.say("How?");
    held.quiet_words("a1", TranscriptMode::Final, "Cut the red wire.");
    held.pass(500).await;
    assert_eq!(held.leave().await.last().unwrap(), "Assistant Interrupted: ");
    let mut held = open().await;
    for (item, text) in [("a1", "Read once."), ("a2", "Read twice.")] {
        held.call.say("Go on.");
        held.quiet_words(item, TranscriptMode::Final, text);
        held.say.push(SessionEvent::TurnDone { finish: FinishReason::Stop.into(), usage: None });
        held.pass(3_000).await;
    }
    held.call.say("Go on.");
    held.quiet_words("a3", TranscriptMode::Final, "Read thrice.");
    held.pass(100).await;
    assert_eq!(held.leave().await.last().unwrap(), "Assistant Complete: Read thrice.");
}

#[tokio::test(start_paused = true)]
async fn words_whose_sound_is_about_to_come_were_not_heard_when_they_are_cut() {
    let mut held = Held::open(|_| {}).await;
    held.hello().await;
    held.call.say("Go on.");
    held.quiet_words("a1", TranscriptMode::Delta, "One two three.");
    held.pass(500).await;
    held.say.push(SessionEvent::Interrupted { item: None });
    held.pass(5_000).await;
    assert!(held.seen.iter().any(|event| matches!(event, CallEvent::Cut)));
    assert_eq!(lines(&held.end().await).last().unwrap(), "Assistant Interrupted: ");
}
