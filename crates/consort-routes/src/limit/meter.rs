//! The arithmetic of limits: a pure value that is told what time it is.
use crate::settings::Limits;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_mins(1);

/// Requests by GCRA, tokens by a bucket that may be in debt, answers by a count.
pub(super) struct Meter {
    /// The time that one request stands for.
    interval: Duration,
    /// How far ahead of its time a request may come.
    tolerance: Duration,
    /// When the next request would come if all came evenly.
    due: Option<Instant>,
    capacity: Option<u64>,
    level: f64,
    filled: Option<Instant>,
    parallel: Option<u32>,
    running: u32,
}

/// Why there is no turn.
pub(super) enum Not {
    Before(Instant),
    UntilOneEnds,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Self {
        let requests = limits.requests_per_minute.unwrap_or(0);
        let burst = limits.burst.unwrap_or((requests / 10).max(1)).max(1);
        let interval = MINUTE.checked_div(requests).unwrap_or_default();
        Self {
            interval,
            tolerance: interval.saturating_mul(burst - 1),
            due: None,
            capacity: limits.tokens_per_minute,
            level: limits.tokens_per_minute.unwrap_or(0) as f64,
            filled: None,
            parallel: limits.parallel,
            running: 0,
        }
    }

    /// A turn, if all three have room. What was not had takes nothing.
    pub(super) fn take(&mut self, now: Instant, tokens: u64) -> Result<(), Not> {
        if self.parallel.is_some_and(|most| self.running >= most) {
            return Err(Not::UntilOneEnds);
        }
        let at = self.free_at(now, 0, tokens);
        if at > now {
            return Err(Not::Before(at));
        }
        self.due = Some(self.due.map_or(now, |due| due.max(now)) + self.interval);
        if self.capacity.is_some() {
            self.level -= tokens as f64;
        }
        self.running += 1;
        Ok(())
    }

    /// When there is room for so many tokens and for a request behind so many others.
    pub(super) fn free_at(&mut self, now: Instant, others: u32, tokens: u64) -> Instant {
        self.fill(now);
        let due = self.due.map_or(now, |due| due.max(now)) + self.interval.saturating_mul(others);
        let requests = due.checked_sub(self.tolerance).map_or(now, |at| at.max(now));
        let missing = tokens as f64 - self.level;
        let tokens = match self.capacity {
            // A rounding error must not make anybody wait for the last thousandth of a token.
            Some(capacity) if missing > 1e-3 => {
                now + MINUTE.mul_f64((missing / capacity.max(1) as f64).min(1e6))
            }
            _ => now,
        };
        requests.max(tokens)
    }

    fn fill(&mut self, now: Instant) {
        let Some(capacity) = self.capacity else { return };
        let capacity = capacity as f64;
        let since = self.filled.map_or(Duration::ZERO, |filled| now.saturating_duration_since(filled));
        self.level = (self.level + capacity * since.as_secs_f64() / 60.0).min(capacity);
        self.filled = Some(now);
    }

    pub(super) fn settle(&mut self, reserved: u64, used: u64) {
        let capacity = self.capacity.unwrap_or(0) as f64;
        self.level = (self.level + reserved as f64 - used as f64).min(capacity);
    }

    /// A turn came to nothing: as if it had not been taken.
    pub(super) fn give_back(&mut self, reserved: u64) {
        self.settle(reserved, 0);
        self.due = self.due.and_then(|due| due.checked_sub(self.interval));
    }

    pub(super) fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }
}
