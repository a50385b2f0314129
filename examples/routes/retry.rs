//! A model that is asked again when a failure passes: busy, down, cut off. A wrong key is not asked again.
use consort_core::Model;
use consort_routes::{Route, retry};
use std::sync::Arc;

pub(crate) fn retrying(base: Arc<dyn Model>) -> Route {
    retry(base)
}
