//! What a plugin says of what went wrong, without the keys that it was given. What its models say is their own affair.
use super::LogRing;
use consort_core::{Body, Event, Part};
use consort_plugin::protocol::{Failure, LiveEvent};

/// What it refuses a request with.
pub(super) fn failure(log: &LogRing, mut failure: Failure) -> Failure {
    mask(log, &mut failure.message);
    let data = &mut *failure.data;
    let texts = [&mut data.missing, &mut data.at, &mut data.help, &mut data.code, &mut data.request_id];
    texts.into_iter().flatten().for_each(|text| mask(log, text));
    failure
}

/// What a session says of itself: warnings, errors, and why it ends or connects again.
pub(super) fn live_event(log: &LogRing, event: &mut LiveEvent<'_>) {
    [&mut event.message, &mut event.reason].into_iter().flatten().for_each(|text| mask(log, text));
    if let Some(error) = event.error.take() {
        event.error = Some(failure(log, error));
    }
}

/// The warnings among the events of an answer.
pub(super) fn warnings(log: &LogRing, events: &mut [Event]) {
    for event in events {
        if let Event::Warning(warning) = event {
            mask(log, &mut warning.message);
        }
    }
}

/// Notes are read by people, and kept.
pub(super) fn notes(log: &LogRing, mut notes: Vec<String>) -> Vec<String> {
    notes.iter_mut().for_each(|note| mask(log, note));
    notes
}

/// The result of a tool that failed.
pub(crate) fn failed_tool(log: &LogRing, content: &mut [Part]) {
    for part in content {
        if let Body::Text { text, .. } = &mut part.body {
            mask(log, text);
        }
    }
}

fn mask(log: &LogRing, text: &mut String) {
    *text = log.masked(text);
}
