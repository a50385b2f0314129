//! The engine, run on scripted models and a store in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]
mod costs;
mod crash;
#[cfg(unix)]
mod feed;
mod fits;
mod memory;
mod runs;
mod structured;
mod summaries;
mod support;
mod tools;
mod unkept;
mod view;
