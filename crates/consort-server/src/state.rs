//! What all handlers share.
use crate::desk::Desk;
use crate::guard::Guard;
use crate::house::House;
use crate::live::Hub;
use crate::measure::Measures;
use crate::uploads::Uploads;
use consort_engine::Engine;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub(crate) struct Shared {
    pub(crate) house: Arc<dyn House>,
    pub(crate) engine: Engine,
    pub(crate) guard: Guard,
    pub(crate) desk: Desk,
    pub(crate) uploads: Uploads,
    pub(crate) measures: Measures,
    pub(crate) hub: Hub,
    /// What starts answered, by the page's own keys: a start that is sent again starts nothing.
    pub(crate) started: Mutex<HashMap<String, serde_json::Value>>,
    /// Names this life of the server.
    pub(crate) boot: String,
}
