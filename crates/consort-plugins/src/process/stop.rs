//! Requests that were cancelled, and how they ended.
use consort_core::ErrorKind;
use consort_plugin::protocol::Failure;
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A request that was cancelled.
pub(super) struct Abandoned {
    pub(super) answered: oneshot::Sender<()>,
    pub(super) since: Instant,
}

/// How a cancelled request ended.
#[derive(Debug)]
pub(crate) struct Stop {
    /// Whether its answer says that it was cancelled.
    pub(crate) is_cancelled: bool,
    /// What it says instead.
    pub(crate) said: String,
    /// How long after it was cancelled.
    pub(crate) after: Duration,
}

impl Stop {
    /// Of one that was over before it could be cancelled.
    pub(crate) fn over() -> Self {
        Self { is_cancelled: false, said: "stop".to_owned(), after: Duration::ZERO }
    }

    pub(super) fn of(result: &Result<&RawValue, Failure>, after: Duration) -> Self {
        match result {
            Ok(raw) => {
                let answer: Value = serde_json::from_str(raw.get()).unwrap_or_default();
                let said = answer["finishReason"].as_str().unwrap_or("nothing of how it ended").to_owned();
                Self { is_cancelled: said == "cancelled", said, after }
            }
            Err(failure) => {
                let is_cancelled = failure.kind() == ErrorKind::Cancelled;
                Self { is_cancelled, said: failure.message.clone(), after }
            }
        }
    }
}
