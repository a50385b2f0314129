//! Plugins as processes: started, spoken to, watched over, and ended with all their children.
mod answer;
mod asked;
mod cage;
#[cfg(target_os = "linux")]
mod census;
mod connection;
mod failed;
mod group;
mod guardian;
mod handshake;
mod launch;
mod lines;
mod log;
mod reading;
mod services;
mod supervisor;

pub(crate) use answer::{Files, Question, answer};
pub(crate) use connection::Connection;
pub(crate) use handshake::NoStart;
pub use launch::{Launch, Limits};
pub use log::LogRing;
pub use services::{Grants, Services};
pub(crate) use supervisor::{Start, Supervisor};
