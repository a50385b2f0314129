//! All three: the first model within its limit, a second one behind it, and each asked again where that helps.
use consort_core::Model;
use consort_routes::{Limits, Route, Target, fallback, limit, retry};
use std::sync::Arc;

pub(crate) fn stacked(primary: Arc<dyn Model>, backup: Arc<dyn Model>) -> Route {
    let primary: Target = limit(primary, Limits::requests_per_minute(30)).into();
    retry(fallback([primary, backup.into()]))
}
