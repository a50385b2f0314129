//! A model that is asked no more than 30 times a minute, however many ask at once.
use consort_core::Model;
use consort_routes::{Limits, Route, limit};
use std::sync::Arc;

pub(crate) fn rate_limited(base: Arc<dyn Model>) -> Route {
    limit(base, Limits::requests_per_minute(30))
}
