//! The live socket: one per tab, for runs and for what changes meanwhile.
mod decide;
mod hub;
mod news;
mod socket;
mod start;
mod started;
mod writer;

pub(crate) use decide::{Said, allowed, always};
pub(crate) use hub::{Hub, News};
pub(crate) use news::{conversation_changed, tell_turn};
pub(crate) use socket::{of_run, open};
pub(crate) use start::{Settings, known_options};
pub(crate) use started::Started;
