//! Language model plugins in Rust.
//!
//! A plugin implements the contract of `consort-core` and calls `serve`: the crate speaks the plugin protocol
//! over stdin and stdout. [`protocol`] holds the protocol's types, for both of its sides.
//!
//! This crate must never know: how plugins are found, started or supervised.
pub mod protocol;
