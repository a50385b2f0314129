//! All that a route does, as one value.
use crate::cache::Cache;
use crate::limit::Limiter;
use crate::settings::{Breaker, Hedge, Order, Retry, Timeouts};
use crate::spend::Spending;
use crate::target::Target;
use std::sync::Arc;

/// What a route does. One engine reads it, so that no two layers undo each other: waits, tries and limits of one request
/// are decided in one place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) targets: Vec<Target>,
    /// Asked when a request is too long for the others.
    pub(crate) longer: Vec<Target>,
    /// Asked when another's filter withheld the answer.
    pub(crate) unfiltered: Vec<Target>,
    pub(crate) order: Order,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: Option<Retry>,
    pub(crate) breaker: Option<Breaker>,
    /// For the route as a whole.
    pub(crate) limiters: Vec<Arc<Limiter>>,
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) spending: Option<Spending>,
    pub(crate) hedge: Option<Hedge>,
}

impl Plan {
    /// Whether nothing is around the targets.
    pub(crate) fn is_bare(&self) -> bool {
        self.longer.is_empty()
            && self.unfiltered.is_empty()
            && self.timeouts == Timeouts::default()
            && self.retry.is_none()
            && self.breaker.is_none()
            && self.limiters.is_empty()
            && self.cache.is_none()
            && self.spending.is_none()
            && self.hedge.is_none()
    }
}
