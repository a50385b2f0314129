//! The properties that every wire keeps.
#![allow(clippy::expect_used, clippy::panic, reason = "a test says what is wrong by failing")]
mod answers;
mod generate;
mod matrix;
mod recorded;
mod requests;
