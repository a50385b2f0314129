//! One test binary: the crate seen from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail as its body does")]
mod found;
mod found_any;
mod found_bad;
mod place;
