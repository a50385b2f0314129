//! The server over real sockets, on the demo's models and a store in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]
mod attachments;
mod conversations;
mod guard;
mod live;
mod page;
mod realtime;
mod support;
