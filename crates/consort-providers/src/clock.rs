//! The clock of the tokio runtime, which tests can pause.
use consort_core::{BoxFuture, Clock};
use std::time::{Duration, Instant};

/// Time as tokio keeps it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioClock;

impl Clock for TokioClock {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
