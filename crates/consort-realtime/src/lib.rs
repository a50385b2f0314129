//! Live sessions: models that listen and speak.
//!
//! [`audio`] is everything that is done with sound. Only that module looks at samples; all else hands
//! [`consort_core::Pcm`] on. [`wire`] is the formats of live vendors, without a connection. [`voices`] is what writes down
//! speech and what speaks, and [`cascade`] makes a live model of both and any chat model; [`configured`] is cascades of the settings.
//!
//! This crate must never know: a terminal, a browser, a file of the user's, an async runtime of its own choice.
pub mod audio;
pub mod cascade;
pub mod configured;
pub mod voices;
pub mod wire;
