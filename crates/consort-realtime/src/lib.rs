//! Live sessions: models that listen and speak.
//!
//! [`audio`] is everything that is done with sound. Only that module looks at samples; all else hands
//! [`consort_core::Pcm`] on. [`wire`] is the formats of live vendors, without a connection; [`link`] brings the connections,
<<<<<<< HEAD
//! and [`record`] keeps and plays what goes over them. [`voices`] is what writes down speech and what speaks, and [`cascade`]
//! makes a live model of both and any chat model; [`configured`] is cascades of the settings.
=======
//! [`record`] keeps and plays what goes over them, and [`serve`] lets vendors' clients talk with any live model.
>>>>>>> w-serve
//!
//! This crate must never know: a terminal, a browser, where the user's files are; [`audio`] and [`wire`] no async runtime either.
pub mod audio;
pub mod cascade;
pub mod configured;
pub mod link;
pub mod record;
<<<<<<< HEAD
pub mod voices;
=======
pub mod serve;
>>>>>>> w-serve
pub mod wire;
