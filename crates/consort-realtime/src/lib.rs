//! Live sessions: models that listen and speak.
//!
//! [`audio`] is everything that is done with sound. Only that module looks at samples; all else hands
//! [`consort_core::Pcm`] on. [`wire`] is the formats of live vendors, without a connection; [`link`] brings the connections,
//! [`record`] keeps and plays what goes over them, and [`serve`] lets vendors' clients talk with any live model. [`voices`] is
//! what writes down speech and what speaks, and [`cascade`] makes a live model of both and any chat model; [`configured`] is
//! cascades of the settings. [`call`] holds a session for whoever talks, and keeps the conversation as it was heard.
//!
//! This crate must never know: a terminal, a browser, where the user's files are; [`audio`] and [`wire`] no async runtime
//! either.
pub mod audio;
pub mod call;
pub mod cascade;
pub mod configured;
mod heard;
pub mod link;
pub mod record;
pub mod serve;
mod shown;
pub mod voices;
pub mod wire;
