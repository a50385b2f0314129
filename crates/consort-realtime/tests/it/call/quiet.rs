//! Answers without sound: they were read.
use super::{Held, lines};
use consort_core::{Error, SessionEvent, Speaker, TranscriptMode};
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
    for (after, leaves) in [(0, false), (1, false), (1, true), (5_000, false), (5_000, true)] {
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
