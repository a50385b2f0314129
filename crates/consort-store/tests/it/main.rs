//! Tests of the store: the suite for every backend, and what only one of them must bear.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]
mod bad;
mod child;
mod sqlite;
mod suites;
