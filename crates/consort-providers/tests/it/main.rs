//! End to end over real sockets: a fake server plays answers and faults.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail as its body does")]
mod addresses;
mod auth;
mod catalogue;
mod faults;
mod guides;
mod local;
mod native;
mod socket;
mod support;
mod transport;
