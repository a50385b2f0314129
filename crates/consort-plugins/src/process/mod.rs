//! Plugins as processes: started, spoken to, watched over, and ended with all their children.
mod answer;
mod answered;
mod asked;
#[cfg(target_os = "linux")]
mod census;
mod connection;
mod crash;
mod failed;
mod fields;
mod files;
mod guardian;
mod handshake;
mod late;
mod live;
mod live_outlet;
mod live_pump;
mod masked;
mod odd;
mod reading;
mod remembered;
mod services;
mod stop;
mod supervisor;

pub(crate) use answer::{FAILED, Files, Question, answer};
pub(crate) use connection::Connection;
pub use consort_process::{Launch, Limits, LogLine, LogRing, Writer};
pub(crate) use handshake::NoStart;
pub(crate) use live_pump::{SessionWish, open_session};
pub(crate) use masked::failed_tool;
pub(crate) use remembered::Kept;
pub use remembered::Remembered;
pub use services::{Grants, Services};
pub(crate) use stop::Stop;
pub(crate) use supervisor::{MakeStart, Start, Supervisor};
