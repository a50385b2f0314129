//! Time as a value, so that tests can hold it still.
use crate::BoxFuture;
use event_listener::{Event as Signal, Listener};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What time it is, and waiting.
pub trait Clock: Send + Sync + Debug {
    fn now(&self) -> Instant;
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock, for programs without a runtime of their own. Each sleep takes a thread; programs on
/// a runtime bring that runtime's clock instead.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let done = Arc::new(Signal::new());
            let heard = done.listen();
            std::thread::spawn(move || {
                // Never notified: this only uses up the time.
                let _ = Signal::<()>::new().listen().wait_timeout(duration);
                done.notify(1);
            });
            heard.await;
        })
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
