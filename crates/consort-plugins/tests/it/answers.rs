//! Answers that are not as they should be: what of them is kept, and what is said of the rest.
#![cfg(unix)]
use super::support::{Raw, ask, model};
use consort_core::ErrorKind;
use consort_plugins::{Level, examine};

#[tokio::test]
async fn an_event_that_cannot_be_read_takes_no_other_with_it() {
    let Some(raw) = Raw::new("") else { return };
    let model = model(&raw.plugin()).await.unwrap();
    let outcome = ask(&model, "odd events").await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!(outcome.answer.text(), "before behind");
    let [warning] = &outcome.answer.warnings[..] else { panic!("{:?}", outcome.answer.warnings) };
    assert!(warning.message.contains("raw sent an event that could not be read"), "{warning:?}");
    let found = examine(&raw.plugin(), "odd event").await;
    let told = found.iter().find(|finding| finding.message.contains("could not be read")).unwrap();
    assert_eq!(told.level, Level::Error, "nothing else came");
    assert!(!found.iter().any(|finding| finding.message.contains("answers with nothing")), "{found:#?}");
}

#[tokio::test]
async fn what_is_no_list_of_events_is_told() {
    let Some(raw) = Raw::new("") else { return };
    let model = model(&raw.plugin()).await.unwrap();
    let outcome = ask(&model, "odd batch").await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!(outcome.answer.warnings.len(), 1, "{:?}", outcome.answer.warnings);
}

#[tokio::test]
async fn an_answer_without_end_is_ended() {
    let Some(raw) = Raw::new("") else { return };
    let model = model(&raw.plugin()).await.unwrap();
    let outcome = ask(&model, "endless").await;
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::PluginBug);
    assert!(error.message().contains("longer than 24 MiB"), "{error}");
    let kept = outcome.answer.text().len();
    assert!(kept > 22 << 20 && kept <= 24 << 20, "{kept}");
    // It was told to stop, and is there for the next.
    raw.until_heard("cancel").await;
    assert!(ask(&model, "hello").await.error.is_none());
}
