//! What surrounds one call: time, cancellation, credentials, who asks.
use crate::{BoxFuture, Cancel, Clock, Credentials, NoCredentials, Request, RunTool, SystemClock};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What surrounds one call. Cheap to clone; a clone shares the cancellation.
///
/// ```
/// # use consort_core::Context;
/// # use std::time::Duration;
/// let context = Context::default().within(Duration::from_secs(30));
/// assert!(context.remaining().unwrap() <= Duration::from_secs(30));
/// ```
#[derive(Clone)]
pub struct Context {
    /// The moment at which the whole call must be over, waits and retries included.
    pub deadline: Option<Instant>,
    pub clock: Arc<dyn Clock>,
    pub cancel: Cancel,
    pub credentials: Arc<dyn Credentials>,
    /// Who speaks, where several people or programs do.
    pub participant: Option<String>,
    /// Whose limits and budgets the call counts to, and under which it is booked: the name of a caller's key, and never
    /// the key itself. Whoever lets callers in sets it; nobody where there is one user.
    pub key: Option<String>,
    pub trace: Option<Trace>,
    /// Asked once for a smaller request when the vendor says the context is too long.
    pub shrink: Option<Arc<dyn Shrink>>,
    /// Runs tools for a model that wants their results inside its answer. Others ask by a tool call.
    pub tools: Option<Arc<dyn RunTool>>,
    /// Whether the vendor's own events are wanted as [`Event::Native`](crate::Event::Native).
    pub native_events: bool,
}

/// A trace that the call belongs to, as the W3C `traceparent` header says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    pub traceparent: String,
}

/// Makes a request smaller. Whoever meets `context_length` before the first content asks once.
pub trait Shrink: Send + Sync {
    /// A smaller request, or nothing when it cannot be made smaller. `limit` is the window in tokens, if known.
    fn shrink<'a>(&'a self, request: &'a Request, limit: Option<u64>) -> BoxFuture<'a, Option<Arc<Request>>>;
}

impl Context {
    pub fn new(clock: Arc<dyn Clock>, credentials: Arc<dyn Credentials>) -> Self {
        Self {
            deadline: None,
            clock,
            cancel: Cancel::default(),
            credentials,
            participant: None,
            key: None,
            trace: None,
            shrink: None,
            tools: None,
            native_events: false,
        }
    }

    /// Sets the deadline, counted from now; an earlier one stays.
    pub fn within(mut self, limit: Duration) -> Self {
        // A limit beyond what the clock can count is none.
        if let Some(new) = self.clock.now().checked_add(limit) {
            self.deadline = Some(self.deadline.map_or(new, |old| old.min(new)));
        }
        self
    }

    /// The time left, where there is a deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(self.clock.now()))
    }
}

/// The machine's clock, no credentials, no deadline.
impl Default for Context {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(NoCredentials))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("remaining", &self.remaining())
            .field("cancelled", &self.cancel.is_cancelled())
            .field("participant", &self.participant)
            .field("key", &self.key)
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}
