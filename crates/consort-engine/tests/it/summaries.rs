//! Summaries in the background, and windows that vendors teach.
use crate::support::{Desk, Scripted, Step};
use consort_core::{Error, ErrorKind, ModelCard, Part};
use consort_engine::{Ask, What};
use consort_store::{Status, Store};
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
    let model = Scripted::with(small(800), vec![vec![Step::Say(LONG)]]);
    let summariser = Scripted::new(vec![vec![Step::Say("They said word.")]]);
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
    // The later summary was made from the earlier one.
    assert!(summariser.requests().len() >= 2);
    assert!(summariser.requests()[1].last_user_text().starts_with("The summary so far:\nThey said word."));
}

#[tokio::test]
async fn a_vendor_teaches_its_window() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say(LONG)]]);
    for _ in 0..6 {
        desk.run(desk.ask(&model, LONG)).await;
    }
    let strict = Scripted::new(vec![
        vec![Step::Fail(Error::new(ErrorKind::ContextLength, "too long"))],
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
