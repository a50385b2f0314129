//! Processes that cannot hurt their host: started in a group and within limits, read in bounded lines, logged without
//! secrets, and ended with everything they started.
//!
//! This crate must never know: what is spoken with a process, a plugin, a model, a setting.
mod cage;
mod crashes;
mod group;
mod launch;
mod lines;
mod log;
mod stderr;

pub use crashes::Crashes;
pub use group::Group;
pub use launch::{Launch, Limits, Started};
pub use lines::{Line, Lines};
pub use log::{LogLine, LogRing, Writer};
pub use stderr::{describe, keep_log};
