//! Live sessions: models that listen and speak.
//!
//! [`audio`] is everything that is done with sound. Only that module looks at samples; all else hands
//! [`consort_core::Pcm`] on. [`wire`] is the formats of live vendors, without a connection. [`voices`] is what writes down
//! speech and what speaks, and [`cascade`] makes a live model of both and any chat model; [`configured`] is cascades of the
//! settings.
//!
//! This crate must never know: a terminal, a browser, where the user's files are. Only what speaks with the network or with
//! programs needs a runtime, tokio's.
pub mod audio;
pub mod cascade;
pub mod configured;
pub mod voices;
pub mod wire;
