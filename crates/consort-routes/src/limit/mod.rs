//! Limits of requests, tokens and answers side by side: first come, first served.
//!
//! Nobody holds a lock while waiting, and only the first in the queue waits for a moment in time: whoever gets a
//! turn, or leaves, wakes the one behind.
mod meter;

use crate::settings::Limits;
use consort_core::{Clock, Error, ErrorKind};
use event_listener::Event as Signal;
use meter::{Meter, Not};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long a request waits for its turn, where nothing is set.
const WAIT: Duration = Duration::from_secs(30);

/// One set of limits, shared by all who ask under it.
pub(crate) struct Limiter {
    /// What is limited, for messages.
    name: String,
    limits: Limits,
    queue: Mutex<Queue>,
}

struct Queue {
    meter: Meter,
    waiting: VecDeque<Arc<Waiter>>,
}

struct Waiter {
    tokens: u64,
    turn: Signal,
}

/// A turn. Dropping it ends it; where nothing was sent, what it took is given back.
pub(crate) struct Permit {
    limiter: Arc<Limiter>,
    reserved: u64,
    sent: bool,
}

impl Limiter {
    pub(crate) fn new(name: impl Into<String>, limits: Limits) -> Self {
        let meter = Meter::new(&limits);
        let queue = Mutex::new(Queue { meter, waiting: VecDeque::new() });
        Self { name: name.into(), limits, queue }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What would be reserved for a request of this many tokens, of which the last are a guess of ours; an error where
    /// it is more than can ever be had.
    pub(crate) fn fit(&self, tokens: u64, guessed: u64) -> Result<u64, Error> {
        let Some(most) = self.limits.tokens_per_minute else { return Ok(0) };
        if tokens > most {
            let what = format!(
                "the request needs {tokens} tokens, and {} may take {most} a minute in all",
                self.name
            );
            return Err(Error::new(ErrorKind::InvalidRequest, what)
                .hint("send less, ask for fewer tokens of answer, or raise `tokens_per_minute`"));
        }
        Ok(tokens.saturating_add(guessed).min(most))
    }

    /// A turn now, or not at all.
    pub(crate) fn take_now(self: &Arc<Self>, tokens: u64, now: Instant) -> Result<Permit, Error> {
        let mut queue = self.lock();
        if queue.waiting.is_empty() && queue.meter.take(now, tokens).is_ok() {
            return Ok(Permit::new(self, tokens));
        }
        let until = queue.free_at(now, tokens);
        drop(queue);
        Err(self.full(until.saturating_duration_since(now)))
    }

    /// A turn, when it comes; an error at once where it would come too late.
    pub(crate) async fn take(
        self: &Arc<Self>,
        tokens: u64,
        clock: &dyn Clock,
        left: Option<Duration>,
    ) -> Result<Permit, Error> {
        let patience = self.limits.wait.unwrap_or(WAIT);
        let patience = left.map_or(patience, |left| left.min(patience));
        let now = clock.now();
        let last = now + patience;
        let waiter = Arc::new(Waiter { tokens, turn: Signal::new() });
        {
            let mut queue = self.lock();
            if queue.waiting.is_empty() && queue.meter.take(now, tokens).is_ok() {
                return Ok(Permit::new(self, tokens));
            }
            let until = queue.free_at(now, tokens);
            if until > last {
                drop(queue);
                return Err(self.full(until - now));
            }
            queue.waiting.push_back(waiter.clone());
        }
        let place = Place { limiter: self, waiter };
        loop {
            let turn = place.waiter.turn.listen();
            let now = clock.now();
            let until = match place.try_take(now) {
                Ok(permit) => return Ok(permit),
                Err(Some(at)) => at.min(last),
                Err(None) => last,
            };
            if now >= last {
                let until = self.lock().free_at(now, tokens);
                return Err(self.full(until.saturating_duration_since(now)));
            }
            either(turn, clock.sleep(until.saturating_duration_since(now))).await;
        }
    }

    fn full(&self, wait: Duration) -> Error {
        // At least something: a client that is told nothing comes back at once.
        let wait = wait.max(Duration::from_millis(10));
        let seconds = wait.as_secs_f64();
        Error::new(ErrorKind::RateLimit, format!("the limit that is set for {} is reached", self.name))
            .retry_in(Some(wait))
            .hint(format!("ask again in {seconds:.1} s, or raise the limits of the route"))
    }

    fn wake_first(&self) {
        let first = self.lock().waiting.front().cloned();
        if let Some(first) = first {
            first.turn.notify(1);
        }
    }
}

impl Queue {
    /// When a request that comes now would have its turn; a guess where answers must end first.
    fn free_at(&mut self, now: Instant, tokens: u64) -> Instant {
        let before: u64 = self.waiting.iter().map(|waiter| waiter.tokens).sum();
        self.meter.free_at(now, self.waiting.len() as u32, before.saturating_add(tokens))
    }
}

/// A place in the queue. Whoever leaves it, with or without a turn, wakes the one behind.
struct Place<'a> {
    limiter: &'a Arc<Limiter>,
    waiter: Arc<Waiter>,
}

impl Place<'_> {
    /// A turn if this is the first in the queue and there is room; else when to look again, if that is known.
    fn try_take(&self, now: Instant) -> Result<Permit, Option<Instant>> {
        let mut queue = self.limiter.lock();
        if !queue.waiting.front().is_some_and(|first| Arc::ptr_eq(first, &self.waiter)) {
            return Err(None);
        }
        match queue.meter.take(now, self.waiter.tokens) {
            Ok(()) => Ok(Permit::new(self.limiter, self.waiter.tokens)),
            Err(Not::Before(at)) => Err(Some(at)),
            Err(Not::UntilOneEnds) => Err(None),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queue = self.limiter.lock();
        let place = queue.waiting.iter().position(|waiter| Arc::ptr_eq(waiter, &self.waiter));
        let was_first = place == Some(0);
        if let Some(place) = place {
            queue.waiting.remove(place);
        }
        drop(queue);
        if was_first {
            self.limiter.wake_first();
        }
    }
}

impl Permit {
    fn new(limiter: &Arc<Limiter>, reserved: u64) -> Self {
        Self { limiter: limiter.clone(), reserved, sent: false }
    }

    /// From now on the turn counts.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    /// What was sent is certain to have used nothing.
    pub(crate) fn give_back(mut self) {
        self.sent = false;
    }

    /// What it really took: more is owed, less is given back.
    pub(crate) fn settle(&mut self, tokens: u64) {
        if self.limiter.limits.tokens_per_minute.is_some() {
            let reserved = std::mem::replace(&mut self.reserved, tokens);
            self.limiter.lock().meter.settle(reserved, tokens);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut queue = self.limiter.lock();
        queue.meter.end();
        if !self.sent {
            queue.meter.give_back(self.reserved);
        }
        drop(queue);
        self.limiter.wake_first();
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Waits for whichever comes first.
pub(crate) async fn either(one: impl Future, other: impl Future) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| {
        let done = one.as_mut().poll(cx).is_ready() || other.as_mut().poll(cx).is_ready();
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
