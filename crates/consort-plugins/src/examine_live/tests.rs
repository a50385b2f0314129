//! Models that do as they are told, examined with little patience.
use super::*;
use crate::examine::found_nothing;
use consort_core::{BoxFuture, Error, Finish, FinishReason, ModelCard, SessionInputs, SessionTeller};

const SHORT: Patience = Patience {
    opening: Duration::from_secs(5),
    answer: Duration::from_secs(1),
    quiet: Duration::from_millis(200),
    pause: Duration::from_millis(50),
};

/// A model that does this in each session: before it is asked anything, and when it is.
struct Scripted {
    card: ModelCard,
    unasked: fn(&SessionTeller),
    asked: fn(&SessionTeller),
    /// Sound that it sends for ever.
    hums: Option<i16>,
}

impl Scripted {
    async fn speak(
        mut inputs: SessionInputs,
        tell: SessionTeller,
        asked: fn(&SessionTeller),
        hum: Option<i16>,
    ) {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                input = inputs.next() => match input {
                    Some(_) => asked(&tell),
                    None => return tell.close(CloseReason::Asked),
                },
                _ = tick.tick() => if let Some(level) = hum {
                    tell.push(sound("hum", level));
                },
            }
        }
    }

    async fn examined(self) -> Vec<String> {
        let mut found = found_nothing();
        let all = talked(Context::default(), &self, "hello", SHORT, &mut found);
        timeout(Duration::from_secs(10), all).await.expect("the test has no end");
        found.into_all().into_iter().map(|finding| finding.message).collect()
    }
}

impl RealtimeModel for Scripted {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn connect(&self, _: SessionConfig, _: Context) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        let (session, inputs, tell) = RealtimeSession::pair();
        (self.unasked)(&tell);
        tokio::spawn(Self::speak(inputs, tell, self.asked, self.hums));
        Box::pin(async { Ok(session) })
    }
}

fn model(unasked: fn(&SessionTeller), asked: fn(&SessionTeller)) -> Scripted {
    let mut card = ModelCard::new("live", "live");
    card.id = "live".into();
    Scripted { card, unasked, asked, hums: None }
}

fn sound(item: &str, level: i16) -> SessionEvent {
    SessionEvent::audio(item, Pcm::mono(vec![level; 240], 24_000))
}

fn words(item: &str, text: &str) -> SessionEvent {
    let (by, mode) = (Speaker::Assistant, TranscriptMode::Final);
    SessionEvent::Transcript { item: item.into(), by, mode, text: text.into() }
}

fn done() -> SessionEvent {
    SessionEvent::TurnDone { finish: Finish::from(FinishReason::Stop), usage: None }
}

fn answers(tell: &SessionTeller) {
    tell.push(words("a", "Fine."));
    tell.push(done());
}

fn says(found: &[String], what: &str) -> bool {
    found.iter().any(|message| message.contains(what))
}

#[tokio::test]
async fn sound_without_an_end_ends_the_test_in_time() {
    for (level, answered) in [(7, false), (0, false)] {
        let found = Scripted { hums: Some(level), ..model(|_| {}, |_| {}) }.examined().await;
        assert_eq!(says(&found, "live answers"), answered, "{found:?}");
        assert!(says(&found, "closes its session"), "{found:?}");
    }
    // Of an answer, too.
    let found = Scripted { hums: Some(0), ..model(|_| {}, |tell| tell.push(words("hum", "Fine."))) };
    let found = found.examined().await;
    assert!(says(&found, "answers \"Fine.\", in words alone"), "{found:?}");
}

#[tokio::test]
async fn a_greeting_is_no_answer_and_neither_is_what_comes_late_of_it() {
    let greets: fn(&SessionTeller) = |tell| {
        tell.push(sound("g", 7));
        tell.push(words("g", "Hello!"));
    };
    let found = model(greets, |tell| {
        tell.push(words("g", "Hello!"));
        tell.push(sound("g", 7));
        tell.push(done());
    });
    let found = found.examined().await;
    assert!(says(&found, "greets") && says(&found, "does not answer a text"), "{found:?}");
    let found = model(greets, |tell| {
        tell.push(done());
        answers(tell);
    });
    let found = found.examined().await;
    assert!(says(&found, "answers \"Fine.\", in words alone"), "{found:?}");
    let found = model(|_| {}, answers).examined().await;
    assert!(!says(&found, "greets") && says(&found, "answers \"Fine.\""), "{found:?}");
}

#[tokio::test]
async fn what_goes_wrong_before_it_is_asked_is_told() {
    let found = model(|tell| tell.push(SessionEvent::warning("vendor", "beware")), answers).examined().await;
    assert!(says(&found, "beware") && says(&found, "answers \"Fine.\""), "{found:?}");
}
