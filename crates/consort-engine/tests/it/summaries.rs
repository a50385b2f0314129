//! Summaries in the background, and windows that vendors teach.
use crate::support::{Desk, Scripted, Step};
use consort_core::{Error, ErrorKind, ModelCard, Money, Part, Price};
use consort_engine::{Ask, What};
use consort_store::{SpendQuery, Status, Store};
use std::sync::Arc;
use std::time::Duration;

fn small(window: u64) -> ModelCard {
    let mut card = ModelCard::new("test", "small");
    card.limits.context = Some(window);
    card.limits.output = Some(100);
    card
}

const LONG: &str = "word word word word word word word word word word word word word word word word word word word \
    word word word word word word word word word word word word word word word word word word word word word";

#[tokio::test]
async fn a_filling_conversation_is_summarised_and_the_log_stays() {
    let desk = Desk::new().await;
    let model = Scripted::with(small(900), vec![vec![Step::Say(LONG)]]);
    let mut card = ModelCard::new("test", "summariser");
    card.price = Some(Price { input: 1_000_000, output: 1_000_000, ..Price::default() });
    let summariser = Scripted::with(card, vec![vec![Step::Say("They said word."), Step::Used(90, 10)]]);
    let mut last = None;
    for _ in 0..12 {
        let ask = Ask { summariser: Some(summariser.clone()), ..desk.ask(&model, LONG) };
        let (outcome, envelopes) = desk.run(ask).await;
        assert_eq!(outcome.status, Status::Complete, "{:?}", outcome.error);
        // It is written in the background.
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        last = envelopes.iter().rev().find_map(|envelope| match &envelope.what {
            What::ContextTrimmed { report } => Some(report.clone()),
            _ => None,
        });
    }
    let summaries = desk.store.summaries(desk.conversation).await.unwrap();
    assert!(!summaries.is_empty());
    let report = last.unwrap();
    assert!(report.summary.is_some() && report.dropped_turns > 0, "{report:?}");
    assert!(report.tokens <= report.available.unwrap());
    let sent = model.requests().last().unwrap().messages[0].text();
    assert!(
        sent.starts_with("[Summary of the conversation so far") && sent.ends_with("They said word."),
        "{sent}"
    );
    assert_eq!(desk.branch().await.len(), 24);
    // The later summary was made from the earlier one, and none comes before the room of the last is filled again.
    assert!((2..=3).contains(&summariser.requests().len()), "{}", summariser.requests().len());
    assert!(summariser.requests()[1].last_user_text().starts_with("The summary so far:\nThey said word."));
    // Each is booked.
    let query = SpendQuery { model: Some("test/summariser".into()), ..SpendQuery::default() };
    let spent = desk.store.spend(query).await.unwrap();
    let times = summariser.requests().len() as u64;
    assert_eq!((spent.tries, spent.cost), (times, Money::from_micros(100 * times)));
}

#[tokio::test]
async fn one_summary_is_written_at_a_time_and_a_failed_one_is_booked() {
    let desk = Desk::new().await;
    let model = Scripted::with(small(800), vec![vec![Step::Say(LONG)]]);
    let broken = Error::new(ErrorKind::Network, "gone");
    let slow = vec![Step::Used(50, 5), Step::Wait(Duration::from_millis(300)), Step::Fail(broken)];
    let summariser = Scripted::with(ModelCard::new("test", "slow"), vec![slow]);
    for _ in 0..8 {
        let ask = Ask { summariser: Some(summariser.clone()), ..desk.ask(&model, LONG) };
        desk.run(ask).await;
    }
    assert_eq!(summariser.requests().len(), 1);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let query = SpendQuery { model: Some("test/slow".into()), ..SpendQuery::default() };
    let spent = desk.store.spend(query).await.unwrap();
    assert_eq!((spent.tries, spent.input, spent.unpriced), (1, 50, 1));
}

#[tokio::test]
async fn a_summary_is_asked_for_within_its_writers_window() {
    let desk = Desk::new().await;
    let model = Scripted::with(small(4000), vec![vec![Step::Say(LONG)]]);
    let summariser = Scripted::with(small(700), vec![vec![Step::Say("They said word.")]]);
    for number in 0..24 {
        let words: &'static str = Box::leak(format!("{number}! {LONG}").into_boxed_str());
        let ask = Ask { summariser: Some(summariser.clone()), ..desk.ask(&model, words) };
        desk.run(ask).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let requests = summariser.requests();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|request| consort_core::estimate_tokens(request).tokens <= 600));
    let sent = requests[0].last_user_text();
    assert!(!sent.contains(" 0! ") && sent.contains("word\nAssistant: word"), "{sent}");
}

#[tokio::test]
async fn a_vendor_teaches_its_window() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say(LONG)]]);
    for _ in 0..6 {
        desk.run(desk.ask(&model, LONG)).await;
    }
    let strict = Scripted::new(vec![
        vec![Step::Fail(Error::new(ErrorKind::ContextLength, "the maximum context length is 1500 tokens"))],
        vec![Step::Say("Better")],
        vec![Step::Say("Good")],
    ]);
    let (outcome, envelopes) = desk.run(desk.ask(&strict, "and now?")).await;
    assert_eq!(outcome.response.as_ref().unwrap().text(), "Better");
    assert!(envelopes.iter().any(|envelope| matches!(envelope.what, What::ContextTrimmed { .. })));
    let requests = strict.requests();
    assert!(requests[1].messages.len() < requests[0].messages.len());
    assert_eq!(requests[1].last_user_text(), "and now?");
    // Both tries are told.
    let tries = desk.branch().await.last().unwrap().answer.as_ref().unwrap().attempts.clone();
    assert_eq!(tries.iter().map(|attempt| attempt.error.is_some()).collect::<Vec<_>>(), [true, false]);
    // The next one is small enough at once.
    desk.run(desk.ask(&strict, "more")).await;
    assert!(strict.requests()[2].messages.len() < 15, "{}", strict.requests()[2].messages.len());
}

#[tokio::test]
async fn a_window_that_nobody_names_is_met_in_steps_and_poisons_nothing() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say(LONG)]]);
    for _ in 0..6 {
        desk.run(desk.ask(&model, LONG)).await;
    }
    let refuses = || vec![Step::Fail(Error::new(ErrorKind::ContextLength, "too long"))];
    let strict =
        Scripted::new(vec![refuses(), refuses(), vec![Step::Say("Better")], vec![Step::Say("Good")]]);
    let (outcome, _) = desk.run(desk.ask(&strict, "and now?")).await;
    assert_eq!(outcome.response.as_ref().unwrap().text(), "Better");
    let sent: Vec<usize> = strict.requests().iter().map(|request| request.messages.len()).collect();
    assert!(sent[0] > sent[1] && sent[1] > sent[2], "{sent:?}");
    // What was refused is far below any real window: it was refused for something else, and is no window.
    desk.run(desk.ask(&strict, "more")).await;
    let sent = strict.requests()[3].messages.len();
    assert!(sent > 12, "{sent}");
}

#[tokio::test]
async fn one_message_that_is_too_long_is_an_error_with_numbers() {
    let desk = Desk::new().await;
    let model = Scripted::with(small(200), vec![vec![Step::Say("never")]]);
    let ask = Ask { input: Some(vec![Part::text(LONG.repeat(20))]), ..desk.ask(&model, "") };
    let (outcome, _) = desk.run(ask).await;
    let error = outcome.error.unwrap();
    assert_eq!((outcome.status, error.kind()), (Status::Failed, ErrorKind::ContextLength));
    assert!(error.message().contains("the model's window is 200"), "{error}");
    assert!(model.requests().is_empty());
    let store: &Arc<dyn Store> = &desk.store;
    assert_eq!(store.tree(desk.conversation).await.unwrap().len(), 1);
}
