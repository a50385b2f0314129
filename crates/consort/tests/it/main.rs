//! The real program in a folder of its own: transcripts, exit codes, and every bad input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "these are tests, helpers included"
)]
mod ask;
mod attach;
#[cfg(unix)]
mod chat;
#[cfg(all(unix, not(target_vendor = "apple")))] // Elsewhere the system's own store says alone who is trusted.
mod clouds;
mod disks;
mod errors;
mod events;
mod faults;
mod files;
mod kept;
mod lists;
mod live;
mod local;
mod loops;
mod mcp;
#[cfg(all(feature = "microphone", target_os = "linux"))]
mod microphone;
mod plugins;
mod programs;
#[cfg(all(unix, not(target_vendor = "apple")))]
mod proxies;
mod recorded;
mod reference;
mod routes;
mod schemas;
mod serve;
mod signals;
mod sockets;
mod support;
mod talk;
mod tools;
mod vendors;
mod voices;
