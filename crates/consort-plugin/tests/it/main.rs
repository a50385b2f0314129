//! The plugin kit from outside: served over pipes, judged by the protocol's schema, and its examples as they are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what is wrong by failing"
)]
#[cfg(feature = "tokio")]
mod with_tokio;

mod answers;
mod check;
mod examples;
mod generated;
mod guide;
mod live;
mod others;
mod reference;
mod serve;
mod support;
