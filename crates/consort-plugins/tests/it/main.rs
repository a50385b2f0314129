//! One test binary: the crate seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "these are tests, helpers included"
)]
mod answers;
mod faulty;
mod floods;
mod found;
mod found_any;
mod found_bad;
mod keys;
mod left;
mod limits;
mod live;
mod live_protocol;
mod masked;
mod odd_output;
mod place;
mod relist;
mod reload;
mod remembered;
mod schema;
mod slips;
mod support;
mod trouble;
