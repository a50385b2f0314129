//! MCP servers as their host meets them: good ones, and ones that misbehave on request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "these are tests, helpers included"
)]
mod calls;
mod ends;
mod floods;
mod http;
mod lists;
mod settings;
mod support;
