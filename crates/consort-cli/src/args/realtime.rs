//! What `consort realtime` takes.
use clap::{Args, Subcommand};
use consort_realtime::record::Fault;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Realtime {
    /// Play the server's side of a recorded session, for clients without a key
    Replay(Replay),
}

/// A recorded session, played again.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// What `consort talk --record` kept
    pub(crate) file: PathBuf,
    /// What goes wrong: cut, stall, garbage or goaway, in the middle of the first answer or behind the Nth frame (cut@N); \
    /// stall:SECONDS; reorder; delay:MS
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<Fault>,
    /// The address to listen on
    #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}
