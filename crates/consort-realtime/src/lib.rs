//! Live sessions: models that listen and speak.
//!
//! [`audio`] is everything that is done with sound. Only that module looks at samples; all else hands
//! [`consort_core::Pcm`] on. [`wire`] is the formats of live vendors, without a connection; [`serve`] lets their clients talk with any live model.
//!
//! This crate must never know: a terminal, a browser, a file of the user's, an async runtime of its own choice.
pub mod audio;
pub mod serve;
pub mod wire;
