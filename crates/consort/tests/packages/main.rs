//! Real packages of the `llm` ecosystem, unmodified from PyPI, installed and asked by the program. They need Python and
//! the network once, and are run by `cargo test -p consort --test packages -- --ignored`; what they install stays in
//! the target folder for the next time.
#![cfg(all(unix, not(target_vendor = "apple")))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "these are tests, helpers included"
)]
mod answers;
mod anthropic;
#[path = "../it/plugins/blocks.rs"]
mod blocks;
mod earlier;
mod gemini;
mod guide;
mod home;
mod library;
mod local;
mod mistral;
mod ollama;
mod piper;
mod realtime;
#[path = "../../../consort-realtime/tests/it/speech.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod speech;
#[path = "../it/support.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod support;
