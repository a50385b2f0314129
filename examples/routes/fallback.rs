//! Models that stand in for each other, streaming or not. What one has begun to answer no other goes on with.
use consort_core::Model;
use consort_routes::{Route, fallback};
use std::sync::Arc;

pub(crate) fn first_that_answers(models: [Arc<dyn Model>; 3]) -> Route {
    fallback(models)
}
