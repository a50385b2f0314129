//! The live socket: one per tab, for runs and for what changes meanwhile.
mod decide;
mod hub;
mod news;
mod socket;
mod start;
mod started;
mod writer;

pub(crate) use hub::{Hub, News};
pub(crate) use news::conversation_changed;
pub(crate) use socket::{of_run, open};
pub(crate) use started::Started;
