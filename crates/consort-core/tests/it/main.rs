//! The contract: what a host finds, what events fold into, what usage and limits add up to.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]
mod cuts;
mod fold;
mod host;
mod limits;
mod sessions;
