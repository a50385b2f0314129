//! What can be set for the layers of a route, as plain values.
use consort_core::Money;
use std::time::Duration;

/// How often and how patiently a target is asked again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// How often the same target is asked again at most.
    pub most: u32,
    /// The longest first wait; each further one is twice as long. Each wait is drawn between nothing and that.
    pub base: Duration,
    /// No wait that is drawn is longer.
    pub cap: Duration,
    /// A vendor that asks for a longer wait is not waited for.
    pub patience: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            most: 2,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            patience: Duration::from_secs(20),
        }
    }
}

/// How long things may take; what is absent is left to the target and the caller.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeouts {
    /// All of it: waits, tries and the answer. 600 seconds where neither this nor the caller says.
    pub whole: Option<Duration>,
    /// From when a target is asked to the first thing that it says.
    pub first_event: Option<Duration>,
    /// From one thing that it says to the next.
    pub idle: Option<Duration>,
}

/// How much a target, a key or a route may be asked; what is absent is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    pub requests_per_minute: Option<u32>,
    /// How many requests may come at once after a pause: a tenth of a minute's, and at least one, where not set.
    pub burst: Option<u32>,
    /// Tokens in and out.
    pub tokens_per_minute: Option<u64>,
    /// How many answers may run side by side.
    pub parallel: Option<u32>,
    /// How long a request waits for its turn: 30 seconds where not set.
    pub wait: Option<Duration>,
}

impl Limits {
    pub fn requests_per_minute(requests: u32) -> Self {
        Self { requests_per_minute: Some(requests), ..Self::default() }
    }
}

/// In which order targets are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Listed,
    /// Drawn anew for each request, by weight.
    Weighted,
    /// The one that began to answer soonest of late first; one that nobody asked yet before all.
    Latency,
}

/// When a target that fails rests.
#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    /// With fewer requests in the last minute nothing is concluded.
    pub least: u32,
    /// The first rest; each further one is twice as long.
    pub first: Duration,
    pub longest: Duration,
    /// How long one rests whose key is refused, unless the settings change.
    pub dead: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            least: 5,
            first: Duration::from_secs(5),
            longest: Duration::from_mins(1),
            dead: Duration::from_mins(5),
        }
    }
}

/// Which answers are kept, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Keep {
    /// Also answers that chance had a part in: those of requests that do not set the temperature to 0.
    pub warm: bool,
    /// How long an answer is kept.
    pub age: Duration,
    /// How much memory all of them take.
    pub bytes: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { warm: false, age: Duration::from_hours(1), bytes: 64 << 20 }
    }
}

/// When a second try is started beside a first one that is slow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hedge {
    /// After this long without content; where not set, when 19 of 20 answers of late had begun.
    pub after: Option<Duration>,
}

/// A sum that may be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub per: Per,
    pub period: Period,
    /// From here on every answer carries a warning.
    pub soft: Option<Money>,
    /// From here on nothing is asked.
    pub hard: Option<Money>,
}

/// Whose spending counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// Everybody's.
    All,
    /// That under each caller's key (`Context::key`).
    Key,
    /// That at each target.
    Model,
}

/// How long spending counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    Day,
    Month,
}
