//! Live sessions: models that listen and speak.
//!
//! [`audio`] is everything that is done with sound. Only that module looks at samples; all else hands
//! [`consort_core::Pcm`] on. [`wire`] is the formats of live vendors, without a connection; [`link`] brings the connections,
//! and [`record`] keeps and plays what goes over them. [`call`] holds a session for whoever talks, and keeps the conversation
//! as it was heard.
//!
//! This crate must never know: a terminal, a browser, a file of the user's; [`audio`] and [`wire`] no async runtime either.
pub mod audio;
pub mod call;
pub mod link;
pub mod record;
pub mod wire;
