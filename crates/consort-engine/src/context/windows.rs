//! What refusals taught of models' windows.
use consort_core::ModelCard;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What is known of models' windows.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<HashMap<String, u64>>);

impl Windows {
    /// The window of a model: what its vendor taught us, else its card, else what the user set.
    pub(crate) fn of(&self, card: &ModelCard, set: Option<u64>) -> Option<u64> {
        let learnt = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&card.id).copied();
        let known = card.limits.context.or(set);
        match (learnt, known) {
            (Some(learnt), Some(known)) => Some(learnt.min(known)),
            (learnt, known) => learnt.or(known),
        }
    }

    /// A refusal told of this window, or showed that it is no larger.
    pub(crate) fn learn(&self, model: &str, window: u64) {
        let mut learnt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = learnt.entry(model.to_owned()).or_insert(window);
        *entry = window.min(*entry);
    }
}
