//! The one moment that a session waits for.
use consort_core::{BoxFuture, Clock};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// Rings at a moment that may change.
pub(super) struct Timer {
    clock: Arc<dyn Clock>,
    set: Option<(Instant, BoxFuture<'static, ()>)>,
}

impl Timer {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, set: None }
    }

    /// Ready at the moment `due`, which is usually the same as before.
    pub(super) fn poll(&mut self, due: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = due else {
            self.set = None;
            return Poll::Pending;
        };
        if self.set.as_ref().is_none_or(|(at, _)| *at != due) {
            let wait = due.saturating_duration_since(self.clock.now());
            if wait.is_zero() {
                self.set = None;
                return Poll::Ready(());
            }
            self.set = Some((due, self.clock.sleep(wait)));
        }
        let Some((_, sleep)) = &mut self.set else { return Poll::Pending };
        let rang = sleep.as_mut().poll(cx);
        if rang.is_ready() {
            self.set = None;
        }
        rang
    }
}
