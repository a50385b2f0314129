//! Served connections: a client that was written for a vendor on the one side, a live model's session on the other.
//!
//! ```text
//!  the client ──► frames ──► ServedWire ──► SessionInputs ──► the session
//!            ◄── Outbox ◄──            ◄── SessionEvents ◄──
//! ```
//!
//! [`serve`] is the loop around a [`ServedWire`](crate::wire::ServedWire), the same for every format, over whatever carries
//! [`Frame`]s. [`APIS`] is where which format is served, so that a server names no vendor.
//!
//! What waits is bounded on both ways. The session is listened to while the client takes what it is sent: a client that
//! does not read leaves sound in the session's queue, which drops it, and is sent away after a while. The client is listened
//! to while the session takes what it is told.
mod apis;
mod line;
mod outbox;

pub use apis::{APIS, FOLDERS, LiveApi};
pub use line::{Find, Found, LONGEST_MESSAGE, serve};

use bytes::Bytes;

/// What a connection carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    Binary(Bytes),
    /// A sign of life is asked for; whatever carries frames answers those of the other side itself.
    Ping,
    /// A sign of life, asked for or not.
    Pong,
    /// The end, with its code and its reason.
    Close(Option<(u16, String)>),
}
