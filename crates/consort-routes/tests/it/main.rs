//! Routes over models that fail by script, under a clock that stands still while anybody works.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]
mod support;

mod any_faults;
mod breaker;
mod budgets;
mod examples;
mod http;
mod kept;
mod layers;
mod limits;
mod matrix;
mod order;
mod outage;
mod settings;
mod slow;
