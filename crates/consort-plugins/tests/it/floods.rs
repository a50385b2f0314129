//! Plugins that write without end: what they write costs them and not their host.
#![cfg(unix)]
use super::support::{Raw, ask, ask_within, model};
use std::time::{Duration, Instant};

/// What may be read of a flood in the second that it lasts: a piece of 256 KiB ten times, and what pipes hold.
const MOST: usize = 4 << 20;

async fn read_in_a_second(flood: &str) -> Option<usize> {
    let raw = Raw::new("")?;
    let model = model(&raw.plugin()).await.unwrap();
    let outcome = ask(&model, flood).await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    Some(outcome.answer.text().parse().unwrap())
}

#[tokio::test]
async fn a_flood_of_logs_is_read_slowly() {
    let Some(read) = read_in_a_second("logs").await else { return };
    assert!(read < MOST, "{read}");
}

#[tokio::test]
async fn a_flood_of_events_that_nobody_waits_for_is_read_slowly() {
    let Some(read) = read_in_a_second("events").await else { return };
    assert!(read < MOST, "{read}");
}

#[tokio::test]
async fn a_flood_of_stderr_is_read_slowly() {
    let Some(read) = read_in_a_second("stderr").await else { return };
    assert!(read < MOST, "{read}");
}

#[tokio::test]
async fn a_line_without_end_is_read_slowly() {
    let Some(raw) = Raw::new("") else { return };
    let model = model(&raw.plugin()).await.unwrap();
    let begun = Instant::now();
    // The line never ends, so neither does the answer: what counts is what was taken of it.
    let error = ask_within(&model, "line", Duration::from_secs(3)).await.error;
    assert!(error.is_some() && begun.elapsed() < Duration::from_secs(5), "{error:?}");
    let written: usize = raw.noted("wrote").parse().unwrap();
    // Its first 8 MiB may have been meant, and are read at once.
    assert!(written < (8 << 20) + MOST, "{written}");
}
