//! Plugins as processes: started, spoken to, watched over, and ended with all their children.
mod answer;
mod cage;
mod connection;
mod group;
mod guardian;
mod launch;
mod lines;
mod log;
mod services;
mod supervisor;

pub(crate) use answer::{Files, Question, answer};
pub(crate) use connection::{Connection, NoStart};
pub use launch::{Launch, Limits};
pub use log::LogRing;
pub use services::{Grants, Services};
pub(crate) use supervisor::{Start, Supervisor};
