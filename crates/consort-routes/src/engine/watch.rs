//! The timers and the cancellation of one request.
use crate::settings::Timeouts;
use consort_core::{BoxFuture, Context, Error, Event, EventStream, Phase};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

/// Watches over one request: rings when it is cancelled or out of time.
///
/// Nothing is set up before there is something to wait for: most polls of a stream find an event.
pub(super) struct Watch {
    cancelled: Option<BoxFuture<'static, ()>>,
    deadline: Option<BoxFuture<'static, ()>>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { cancelled: None, deadline: None }
    }

    /// Whether all must end now, and why.
    fn poll(&mut self, context: &Context, cx: &mut task::Context<'_>) -> Poll<Error> {
        if context.cancel.is_cancelled() {
            return Poll::Ready(Error::cancelled());
        }
        let cancelled = self.cancelled.get_or_insert_with(|| {
            let cancel = context.cancel.clone();
            Box::pin(async move { cancel.cancelled().await })
        });
        if cancelled.as_mut().poll(cx).is_ready() {
            self.cancelled = None;
            return Poll::Ready(Error::cancelled());
        }
        let Some(left) = context.remaining() else { return Poll::Pending };
        let deadline = self.deadline.get_or_insert_with(|| context.clock.sleep(left));
        if deadline.as_mut().poll(cx).is_ready() {
            self.deadline = None;
            return Poll::Ready(out_of_time());
        }
        Poll::Pending
    }

    /// Runs a future under the watch.
    pub(super) async fn over<T>(
        &mut self,
        context: &Context,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll(context, cx).map(Err),
        })
        .await
    }

    pub(super) async fn sleep(&mut self, context: &Context, time: Duration) -> Result<(), Error> {
        if time.is_zero() {
            return Ok(());
        }
        self.over(context, context.clock.sleep(time)).await
    }
}

pub(super) fn out_of_time() -> Error {
    Error::timeout(Phase::Deadline, "the time for the whole request is over")
}

/// The timers of one try.
pub(super) struct Pace {
    first_event: Option<Duration>,
    idle: Option<Duration>,
    began: bool,
    /// When something was heard last.
    heard: Instant,
    /// Set once and looked at when it rings: an event does not set it anew.
    alarm: Option<BoxFuture<'static, ()>>,
}

impl Pace {
    pub(super) fn new(timeouts: &Timeouts, now: Instant) -> Self {
        Self { first_event: timeouts.first_event, idle: timeouts.idle, began: false, heard: now, alarm: None }
    }

    /// The next thing that a target says; an error of ours where it says nothing for too long.
    pub(super) async fn next(
        &mut self,
        stream: &mut EventStream,
        watch: &mut Watch,
        context: &Context,
    ) -> Option<Result<Event, Error>> {
        poll_fn(|cx| match stream.as_mut().poll_next(cx) {
            Poll::Ready(item) => {
                self.hear(item.as_ref(), context);
                Poll::Ready(item)
            }
            Poll::Pending => {
                if let Poll::Ready(error) = watch.poll(context, cx) {
                    return Poll::Ready(Some(Err(error)));
                }
                self.poll_alarm(context, cx).map(|error| Some(Err(error)))
            }
        })
        .await
    }

    fn hear(&mut self, item: Option<&Result<Event, Error>>, context: &Context) {
        // A warning may be of our own side, about the request.
        if matches!(item, Some(Ok(Event::Warning(_)))) {
            return;
        }
        if !self.began {
            self.began = true;
            self.alarm = None;
        }
        if self.idle.is_some() {
            self.heard = context.clock.now();
        }
    }

    fn poll_alarm(&mut self, context: &Context, cx: &mut task::Context<'_>) -> Poll<Error> {
        let limit = if self.began { self.idle } else { self.first_event };
        let Some(limit) = limit else { return Poll::Pending };
        loop {
            let left = limit.saturating_sub(context.clock.now().saturating_duration_since(self.heard));
            if left.is_zero() {
                return Poll::Ready(self.too_slow(limit));
            }
            let alarm = self.alarm.get_or_insert_with(|| context.clock.sleep(left));
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.alarm = None;
        }
    }

    fn too_slow(&self, limit: Duration) -> Error {
        let seconds = limit.as_secs_f64();
        if self.began {
            Error::timeout(Phase::Idle, format!("the answer stopped for {seconds} s"))
                .hint("raise `idle` of the route if its answers pause that long")
        } else {
            Error::timeout(Phase::FirstEvent, format!("no answer began within {seconds} s"))
                .hint("raise `first_event` of the route if its targets are that slow")
        }
    }
}
