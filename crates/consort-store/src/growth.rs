//! What a running turn has said so far: its beginning, and what its events make.
use crate::Turn;
use consort_core::{Accumulator, Event, Part};
use std::time::SystemTime;

/// Adds what the events make of a turn to it: parts after those that it began with, and what is known of its answer.
pub(crate) fn grow(turn: &mut Turn, events: impl IntoIterator<Item = Event>) {
    let (mut fold, mut any, mut finished) = (Accumulator::default(), false, false);
    for event in events {
        any = true;
        finished |= matches!(event, Event::Finished(_));
        fold.push(event);
    }
    if !any {
        return;
    }
    let response = fold.partial();
    turn.parts.extend(response.parts);
    let answer = turn.answer.get_or_insert_default();
    answer.usage = response.usage.or(answer.usage.take());
    answer.resolved_model = response.resolved_model.or(answer.resolved_model.take());
    answer.response_id = response.response_id.or(answer.response_id.take());
    answer.attempts.extend(response.attempts);
    answer.warnings.extend(response.warnings);
    if finished {
        answer.finish = Some(response.finish);
    }
}

/// The text of a turn that can be searched: what people read of it.
pub(crate) fn text(parts: &[Part]) -> String {
    let mut text = String::new();
    push_text(parts, &mut text);
    text
}

fn push_text(parts: &[Part], text: &mut String) {
    use consort_core::Body;
    for part in parts {
        let words = match &part.body {
            Body::Text { text, .. } | Body::Reasoning { text, .. } | Body::Refusal { text } => text.as_str(),
            Body::Media(media) => media.name.as_deref().unwrap_or_default(),
            Body::ToolResult(result) => {
                push_text(&result.content, text);
                continue;
            }
            Body::ToolCall(call) => call.name.as_str(),
            Body::Native { .. } => continue,
        };
        if !words.is_empty() {
            text.push_str(words);
            text.push('\n');
        }
    }
}

/// A time as it is kept: in microseconds, so that every backend tells the same.
pub(crate) fn micros(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

pub(crate) fn time(micros: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

pub(crate) fn now() -> SystemTime {
    time(micros(SystemTime::now()))
}
