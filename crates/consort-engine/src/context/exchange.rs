//! Exchanges: a question and all that answers it. A view keeps or drops them whole.
use consort_core::Role;
use consort_store::Turn;
use std::ops::Range;

/// Where each exchange begins and ends in the log. What comes before the first question is one too.
pub(super) fn exchanges(log: &[Turn]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, turn) in log.iter().enumerate() {
        let asks = matches!(turn.role, Role::User | Role::System);
        let answered = at > 0 && matches!(log[at - 1].role, Role::Assistant | Role::Tool);
        match found.last_mut() {
            // Several questions in a row, of one or of several people, are answered together.
            Some(last) if !(asks && answered) => last.end = at + 1,
            _ => found.push(at..at + 1),
        }
    }
    found
}
