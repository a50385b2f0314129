//! What is remembered of a target between requests: its failures, its rest, its retries, how quick it was.
use crate::class::Mark;
use crate::settings::Breaker;
use crate::spread::Spread;
use consort_core::{Error, ErrorKind};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest that a vendor's word lets a target rest: it may say anything.
const LONGEST_REST: Duration = Duration::from_hours(1);
/// Failures are counted over this long.
const MINUTE: Duration = Duration::from_mins(1);
/// Requests and their retries are compared over this long.
const WINDOW: Duration = Duration::from_secs(10);
/// How many retries a window has in any case, and one more for so many requests.
const SPARE: u32 = 10;
const REQUESTS_PER_RETRY: u32 = 5;
/// What is counted together within a window: a tenth of a second is as good as exact, and bounded.
const GRAIN: Duration = Duration::from_millis(100);

/// One target as all routes remember it.
#[derive(Default)]
pub(crate) struct TargetState(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// Asked and failed, by moment.
    outcomes: Window,
    /// Requests and retries, by moment.
    load: Window,
    rest: Option<Rest>,
    /// What it failed with last, until it answers.
    last: Option<Error>,
    /// How many rests began so far. What was sent in an earlier era says nothing about a later one.
    era: u64,
    /// How often it opened without an answer in between.
    opened: u32,
    probing: bool,
    first: Spread,
    output: Spread,
    /// A moving mean of the time to the first content, in milliseconds.
    pace: Option<f64>,
}

#[derive(Clone)]
struct Rest {
    until: Instant,
    error: Error,
    /// It only asked to be left alone for a while; nothing has to be found out.
    cooling: bool,
}

/// Why a target is not asked now.
#[derive(Debug, Clone)]
pub(crate) struct Resting {
    pub(crate) until: Instant,
    /// What it failed with last.
    pub(crate) error: Error,
    pub(crate) cooling: bool,
}

/// How a target stands, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// For how long it still rests, and after which failure.
    pub resting: Option<(Duration, Error)>,
    /// What it failed with last; nothing once it answered again.
    pub last_error: Option<Error>,
    /// Requests and failures of the last minute.
    pub asked: u32,
    pub failed: u32,
    /// What 19 of 20 answers of late began within.
    pub first_p95: Option<Duration>,
}

/// The one request that finds out whether a target works again. Dropping it without a word lets another try.
pub(crate) struct Probe(Option<Arc<TargetState>>);

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            state.lock().probing = false;
        }
    }
}

impl TargetState {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request in, unless the target rests or another finds out already whether it works again.
    pub(crate) fn enter(self: &Arc<Self>, now: Instant) -> Result<Probe, Resting> {
        let mut memory = self.lock();
        let Some(rest) = memory.rest.clone() else { return Ok(Probe(None)) };
        if now < rest.until || memory.probing {
            return Err(Resting { until: rest.until, error: rest.error, cooling: rest.cooling });
        }
        if rest.cooling {
            memory.rest = None;
            return Ok(Probe(None));
        }
        memory.probing = true;
        Ok(Probe(Some(self.clone())))
    }

    /// Whether a request would be let in.
    pub(crate) fn is_free(&self, now: Instant) -> bool {
        let memory = self.lock();
        memory.rest.as_ref().is_none_or(|rest| now >= rest.until && !memory.probing)
    }

    /// A request comes to this target for the first time.
    pub(crate) fn requested(&self, now: Instant) {
        self.lock().load.add(now, WINDOW, 1, 0);
    }

    /// Whether one more retry stays within the budget; if so it is counted.
    pub(crate) fn may_retry(&self, now: Instant) -> bool {
        let mut memory = self.lock();
        let (requests, retries) = memory.load.sums(now, WINDOW);
        let allowed = retries < SPARE + requests / REQUESTS_PER_RETRY;
        if allowed {
            memory.load.add(now, WINDOW, 0, 1);
        }
        allowed
    }

    /// The era in which a try is sent.
    pub(crate) fn era(&self) -> u64 {
        self.lock().era
    }

    /// An answer was finished that was asked for in this era.
    pub(crate) fn answered(&self, now: Instant, era: u64, first: Duration, output: Option<u64>) {
        let mut memory = self.lock();
        memory.outcomes.add(now, MINUTE, 1, 0);
        memory.last = None;
        if era == memory.era {
            memory.rest = None;
            memory.opened = 0;
        }
        memory.first.add(first.as_millis() as u64);
        if let Some(output) = output {
            memory.output.add(output);
        }
        let ms = first.as_secs_f64() * 1000.0;
        memory.pace = Some(memory.pace.map_or(ms, |old| old * 0.8 + ms * 0.2));
    }

    /// A try failed that was sent in this era. Without a breaker only what the vendor asked for is kept.
    pub(crate) fn failed(
        &self,
        now: Instant,
        era: u64,
        error: &Error,
        mark: Mark,
        breaker: Option<&Breaker>,
    ) {
        let mut memory = self.lock();
        if error.kind() != ErrorKind::Cancelled {
            memory.last = Some(error.clone());
        }
        let first = breaker.map_or(Breaker::default().first, |breaker| breaker.first);
        match (mark, breaker) {
            (Mark::Nothing, _) => memory.outcomes.add(now, MINUTE, 1, 0),
            (Mark::Cool, _) => {
                memory.rest_for(now, error.retry_after().unwrap_or(first).min(LONGEST_REST), error, true);
            }
            (Mark::Dead, Some(breaker)) => memory.rest_for(now, breaker.dead, error, false),
            (Mark::Failure, Some(breaker)) => {
                memory.outcomes.add(now, MINUTE, 1, 1);
                let (asked, failed) = memory.outcomes.sums(now, MINUTE);
                let fails_again = match &memory.rest {
                    // Those that are asked although it rests, since nobody else is left, do not make it longer.
                    Some(rest) if !rest.cooling => now >= rest.until,
                    _ => asked >= breaker.least && failed * 2 > asked,
                };
                if fails_again && era == memory.era {
                    let doubled = breaker.first.saturating_mul(1 << memory.opened.min(16));
                    let asked_for = error.retry_after().unwrap_or_default();
                    memory.rest_for(now, doubled.min(breaker.longest).max(asked_for), error, false);
                    memory.opened += 1;
                }
            }
            (Mark::Dead | Mark::Failure, None) => {}
        }
    }

    /// What was set changed: a key that was refused may be good now.
    pub(crate) fn settings_changed(&self) {
        let mut memory = self.lock();
        if memory.rest.as_ref().is_some_and(|rest| is_dead(rest.error.kind())) {
            memory.rest = None;
        }
    }

    pub(crate) fn first_p95(&self) -> Option<Duration> {
        self.lock().first.p95().map(Duration::from_millis)
    }

    pub(crate) fn output_p95(&self) -> Option<u64> {
        self.lock().output.p95()
    }

    pub(crate) fn pace(&self) -> Option<f64> {
        self.lock().pace
    }

    pub(crate) fn standing(&self, now: Instant) -> Standing {
        let mut memory = self.lock();
        let (asked, failed) = memory.outcomes.sums(now, MINUTE);
        let rest = memory.rest.as_ref().filter(|rest| rest.until > now);
        Standing {
            resting: rest.map(|rest| (rest.until - now, rest.error.clone())),
            last_error: memory.last.clone(),
            asked,
            failed,
            first_p95: memory.first.p95().map(Duration::from_millis),
        }
    }
}

impl Memory {
    fn rest_for(&mut self, now: Instant, time: Duration, error: &Error, cooling: bool) {
        let until = now + time;
        // A longer rest is not shortened by a later failure.
        if self.rest.as_ref().is_none_or(|rest| rest.until < until) {
            self.rest = Some(Rest { until, error: error.clone(), cooling });
            self.era += 1;
        }
    }
}

/// Whether a failure of this kind lasts until something is set up.
pub(crate) fn is_dead(kind: ErrorKind) -> bool {
    use ErrorKind as Kind;
    matches!(kind, Kind::Auth | Kind::Quota | Kind::Setup | Kind::Permission | Kind::ModelNotFound)
}

/// Two counts over the last while.
#[derive(Default)]
struct Window(VecDeque<(Instant, u32, u32)>);

impl Window {
    fn add(&mut self, now: Instant, reach: Duration, first: u32, second: u32) {
        self.forget(now, reach);
        match self.0.back_mut() {
            Some(last) if now.saturating_duration_since(last.0) < GRAIN => {
                last.1 += first;
                last.2 += second;
            }
            _ => self.0.push_back((now, first, second)),
        }
    }

    fn sums(&mut self, now: Instant, reach: Duration) -> (u32, u32) {
        self.forget(now, reach);
        self.0.iter().fold((0, 0), |(first, second), entry| (first + entry.1, second + entry.2))
    }

    fn forget(&mut self, now: Instant, reach: Duration) {
        while self.0.front().is_some_and(|oldest| now.saturating_duration_since(oldest.0) >= reach) {
            self.0.pop_front();
        }
    }
}

impl fmt::Debug for TargetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.lock();
        f.debug_struct("TargetState").field("resting", &memory.rest.is_some()).finish_non_exhaustive()
    }
}
