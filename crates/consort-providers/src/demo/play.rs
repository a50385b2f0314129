//! Plays the steps of an answer in time, and stops when it is told to or the deadline comes.
use super::ID;
use super::script::Step;
use consort_core::{BoxFuture, Clock, Context, Error, Event, Phase};
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::{Duration, Instant};

/// The steps of an answer as a stream.
pub(super) struct Play {
    steps: VecDeque<Step>,
    clock: Arc<dyn Clock>,
    deadline: Option<Instant>,
    cancelled: BoxFuture<'static, ()>,
    /// The wait that is under way.
    sleep: Option<BoxFuture<'static, ()>>,
    /// Whether the next step has been waited for.
    waited: bool,
}

impl Play {
    pub(super) fn new(steps: VecDeque<Step>, context: Context) -> Self {
        let cancel = context.cancel;
        Self {
            steps,
            clock: context.clock,
            deadline: context.deadline,
            cancelled: Box::pin(async move { cancel.cancelled().await }),
            sleep: None,
            waited: false,
        }
    }

    /// Ends the stream with this error.
    fn stop(&mut self, error: Error) -> Poll<Option<Result<Event, Error>>> {
        self.steps.clear();
        Poll::Ready(Some(Err(error.provider(ID))))
    }

    fn over(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.clock.now() >= deadline)
    }
}

impl Stream for Play {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(step) = self.steps.front() else { return Poll::Ready(None) };
        let wait = step.wait;
        if self.cancelled.as_mut().poll(cx).is_ready() {
            return self.stop(Error::cancelled());
        }
        if !self.waited && self.sleep.is_none() && wait > Duration::ZERO {
            let left = self.deadline.map(|deadline| deadline.saturating_duration_since(self.clock.now()));
            self.sleep = Some(self.clock.sleep(left.map_or(wait, |left| left.min(wait))));
        }
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
            self.waited = true;
        }
        if self.over() {
            return self.stop(Error::timeout(Phase::Deadline, "the answer was not finished by the deadline"));
        }
        self.waited = false;
        Poll::Ready(self.steps.pop_front().map(|step| step.item))
    }
}
