//! The backend that keeps nothing.
use consort_core::{BoxFuture, Error, Keeps, Memory, Message};

/// Keeps nothing: each question stands alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMemory;

impl Memory for NoMemory {
    fn name(&self) -> &'static str {
        "none"
    }

    fn keeps(&self) -> Keeps {
        Keeps::Nothing
    }

    /// What is said goes nowhere, as was asked for: that is no failure to tell of.
    fn append<'a>(&'a self, _: &'a str, _: Message) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
