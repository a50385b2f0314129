//! What all handlers share.
use crate::desk::Desk;
use crate::guard::Guard;
use crate::house::House;
use crate::live::{Hub, Started};
use crate::measure::Measures;
use crate::uploads::Uploads;
use consort_engine::Engine;
use std::sync::Arc;

pub(crate) struct Shared {
    pub(crate) house: Arc<dyn House>,
    pub(crate) engine: Engine,
    pub(crate) guard: Guard,
    pub(crate) desk: Desk,
    pub(crate) uploads: Uploads,
    pub(crate) measures: Measures,
    pub(crate) hub: Hub,
    pub(crate) started: Started,
    /// Names this life of the server.
    pub(crate) boot: String,
}
