//! The timers and the cancellation of one call.
use crate::spec::{Timers, seconds};
use consort_core::{BoxFuture, Context, Error, Phase};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{self, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Watches over one call: rings when it is cancelled or a timer runs out.
///
/// The timers are tokio's and not the context's clock, because they are set anew for each piece of an
/// answer; the context's clock says how much time its deadline leaves.
pub struct Watch {
    cancelled: BoxFuture<'static, ()>,
    deadline: Pin<Box<Sleep>>,
    whole: Duration,
    /// For the first event; then, for the next piece.
    timer: Pin<Box<Sleep>>,
    began: bool,
    first_event: Duration,
    idle: Duration,
}

impl Watch {
    pub fn new(timers: &Timers, context: &Context) -> Self {
        let cancel = context.cancel.clone();
        let whole = context.remaining().unwrap_or_else(|| seconds(timers.deadline));
        let first_event = seconds(timers.first_event);
        Self {
            cancelled: Box::pin(async move { cancel.cancelled().await }),
            deadline: Box::pin(sleep(whole)),
            whole,
            timer: Box::pin(sleep(first_event)),
            began: false,
            first_event,
            idle: seconds(timers.idle),
        }
    }

    /// The first event came: from now on only silence counts.
    pub fn began(&mut self) {
        if !self.began {
            self.began = true;
            self.timer = Box::pin(sleep_until(Instant::now() + self.idle));
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.began
    }

    /// A piece of the answer came.
    pub fn heard(&mut self) {
        if self.began {
            self.timer.as_mut().reset(Instant::now() + self.idle);
        }
    }

    /// Whether the call must end now, and why.
    pub fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Error> {
        if self.cancelled.as_mut().poll(cx).is_ready() {
            // A finished future must not be polled again.
            self.cancelled = Box::pin(std::future::ready(()));
            return Poll::Ready(Error::cancelled());
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(if self.began {
                Error::timeout(Phase::Idle, format!("the answer stopped for {}", shown(self.idle)))
                    .hint("raise `timers.idle` of this provider if its answers pause that long")
            } else {
                let limit = shown(self.first_event);
                Error::timeout(Phase::FirstEvent, format!("no answer began within {limit}"))
                    .hint("raise `timers.first_event` of this provider if its models are that slow")
            });
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            let message = format!("the call took longer than its limit of {}", shown(self.whole));
            return Poll::Ready(Error::timeout(Phase::Deadline, message));
        }
        Poll::Pending
    }

    /// Runs a future under the watch.
    pub async fn over<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Error> {
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll(cx).map(Err),
        })
        .await
    }
}

/// `2 s`, `0.25 s`. What is left of a deadline is a moment short of what was asked for.
fn shown(duration: Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 100.0).round() / 100.0)
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("began", &self.began).finish_non_exhaustive()
    }
}
