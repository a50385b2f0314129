//! Time as a value, so that tests can hold it still.
use crate::BoxFuture;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What time it is, and waiting.
pub trait Clock: Send + Sync + Debug {
    fn now(&self) -> Instant;
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock, for programs without a runtime of their own. One thread rings for all sleeps, and a sleep that
/// is dropped leaves nothing behind; programs on a runtime bring that runtime's clock instead.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        crate::timer::sleep(duration)
    }
}

/// A clock that stands still but for its sleepers: a sleep takes no time and moves the clock.
///
/// ```
/// # use consort_core::{Clock, ManualClock};
/// # use std::time::Duration;
/// let clock = ManualClock::default();
/// let before = clock.now();
/// pollster::block_on(clock.sleep(Duration::from_secs(3600)));
/// assert_eq!(clock.now() - before, Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Instant>>);

impl Default for ManualClock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl ManualClock {
    pub fn advance(&self, duration: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += duration;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.advance(duration);
        Box::pin(std::future::ready(()))
    }
}
