//! What `consort realtime` takes.
use clap::{Args, Subcommand};
use consort_realtime::record::Fault;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Realtime {
    /// Play the server of a recorded session, so that a client can be tried without a key
    Replay(Replay),
}

/// A recorded session, played again.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A file that `consort talk --record` wrote
    pub(crate) file: PathBuf,
    /// Something that goes wrong, to see what a client makes of it; may be given several times: cut (the connection is
    /// lost), stall (nothing comes for 10 s; stall:SECONDS), garbage (bytes that are no message), goaway (the server says
    /// that it will close, and does), each in the middle of the first answer, or behind the server's Nth message (cut@N);
    /// reorder (your words come behind the answer to them); delay:MS (each message is late)
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<Fault>,
    /// The address to listen on; it is printed, and where a client is to connect to
    #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}
