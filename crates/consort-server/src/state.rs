//! What all handlers share.
use crate::desk::Desk;
use crate::guard::Guard;
use crate::held::Holds;
use crate::house::House;
use crate::list::Lists;
use crate::live::{Hub, Started};
use crate::measure::Measures;
use crate::problem::{Answer, Problem};
use crate::uploads::Uploads;
use crate::voice::Lobby;
use consort_engine::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

pub(crate) struct Shared {
    pub(crate) house: Arc<dyn House>,
    pub(crate) engine: Engine,
    pub(crate) guard: Guard,
    pub(crate) desk: Desk,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) lists: Lists,
    pub(crate) measures: Measures,
    pub(crate) hub: Hub,
    pub(crate) started: Started,
    pub(crate) lobby: Lobby,
    pub(crate) holds: Holds,
    /// Names this life of the server.
    pub(crate) boot: String,
    /// Whether it is about to end.
    pub(crate) ending: AtomicBool,
    /// The same, for whoever waits for it.
    pub(crate) leaving: watch::Sender<bool>,
}

impl Shared {
    /// Refuses to begin anything once the server is about to end.
    pub(crate) fn begins(&self) -> Answer<()> {
        if self.ending.load(Ordering::SeqCst) { Err(Problem::ending()) } else { Ok(()) }
    }
}
