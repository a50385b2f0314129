//! Live sessions: models that listen and speak.
//!
//! [`audio`] is everything that is done with sound. Only that module looks at samples; all else hands
//! [`consort_core::Pcm`] on. [`wire`] is the formats of live vendors, without a connection; [`link`] brings the connections,
//! and [`record`] keeps and plays what goes over them.
//!
//! This crate must never know: a terminal, a browser, a file of the user's; [`audio`] and [`wire`] no async runtime either.
pub mod audio;
pub mod link;
pub mod record;
pub mod wire;
