//! The real program in a folder of its own: transcripts, exit codes, and every bad input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests, helpers included"
)]
mod ask;
mod attach;
mod errors;
mod faults;
mod files;
mod lists;
mod programs;
mod recorded;
mod reference;
mod signals;
mod sockets;
mod support;
mod vendors;
