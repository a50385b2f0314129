//! The one thread that rings for all sleeps of a program without a runtime.
use crate::{BoxFuture, Cancel};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Who sleeps until when; the number tells sleepers of one moment apart.
type Sleepers = BTreeMap<(Instant, u64), Cancel>;

#[derive(Default)]
struct Timer {
    sleepers: Mutex<(Sleepers, u64)>,
    earlier: Condvar,
}

/// Ends after this long, counted from now.
pub(crate) fn sleep(duration: Duration) -> BoxFuture<'static, ()> {
    // A moment beyond what the clock can count never comes.
    let Some(until) = Instant::now().checked_add(duration) else {
        return Box::pin(std::future::pending());
    };
    let timer = timer();
    let bell = Cancel::default();
    let mut sleepers = timer.lock();
    sleepers.1 += 1;
    let place = (until, sleepers.1);
    sleepers.0.insert(place, bell.clone());
    let is_first = sleepers.0.first_key_value().is_some_and(|(first, _)| *first == place);
    drop(sleepers);
    if is_first {
        timer.earlier.notify_one();
    }
    let place = Place { timer, place };
    Box::pin(async move {
        bell.cancelled().await;
        drop(place);
    })
}

/// A sleeper's entry, which goes with it.
struct Place {
    timer: Arc<Timer>,
    place: (Instant, u64),
}

impl Drop for Place {
    fn drop(&mut self) {
        self.timer.lock().0.remove(&self.place);
    }
}

fn timer() -> Arc<Timer> {
    static TIMER: OnceLock<Arc<Timer>> = OnceLock::new();
    let start = || {
        let timer = Arc::new(Timer::default());
        let ringing = timer.clone();
        std::thread::spawn(move || ringing.ring());
        timer
    };
    TIMER.get_or_init(start).clone()
}

impl Timer {
    fn lock(&self) -> std::sync::MutexGuard<'_, (Sleepers, u64)> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let mut sleepers = self.lock();
        loop {
            let now = Instant::now();
            let late = sleepers.0.split_off(&(now, u64::MAX));
            let due = std::mem::replace(&mut sleepers.0, late);
            if !due.is_empty() {
                // Whoever is woken may take the lock.
                drop(sleepers);
                due.into_values().for_each(|bell| bell.cancel());
                sleepers = self.lock();
                continue;
            }
            let next = sleepers.0.first_key_value().map(|((at, _), _)| at.saturating_duration_since(now));
            sleepers = match next {
                None => self.earlier.wait(sleepers).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    self.earlier.wait_timeout(sleepers, time).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeps_end_in_time_and_those_that_are_dropped_leave_nothing() {
        let begun = Instant::now();
        let hours: Vec<_> = (0..1000).map(|_| sleep(Duration::from_hours(1))).collect();
        let (long, short) = (sleep(Duration::from_millis(500)), sleep(Duration::from_millis(20)));
        pollster::block_on(short);
        assert!((20..500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        pollster::block_on(long);
        assert!(begun.elapsed() >= Duration::from_millis(500));
        let asleep = || timer().lock().0.range((begun + Duration::from_mins(30), 0)..).count();
        assert_eq!(asleep(), 1000);
        drop(hours);
        assert_eq!(asleep(), 0);
    }
}
