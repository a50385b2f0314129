//! The form in which an answer is shown.
use crate::args::Ask;

/// The form that was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
    Lines,
}

impl Form {
    pub(super) fn of(ask: &Ask) -> Self {
        match (ask.json, ask.jsonl) {
            (true, _) => Self::Json,
            (_, true) => Self::Lines,
            _ => Self::Text,
        }
    }
}
