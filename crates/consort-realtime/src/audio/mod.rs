//! Sound: from bytes to samples, from one shape to another, from whatever arrives to frames on time, and back.
//!
//! ```text
//!  bytes, WAV, base64 ─► Sound ◄─► Pcm            a whole sound, to be cut, joined, mixed, resampled, measured, written
//!  bytes as they come ─► Intake ──► frames        of one shape and length, whatever the pieces were
//!  Pcm as it comes ────► Track ───► frames        each at its time; knows what of which item was heard, and forgets the rest
//!  Pcm as it comes ────► VoiceDetector ──► speech began, and ended after so much of it
//! ```
//!
//! [`Pcm`](consort_core::Pcm), 16-bit, is what crosses borders. [`Sound`] is what is worked on: floating point, in which
//! 16-bit samples are exact. A [`Shape`] (rate and channels) and a [`Format`] (a shape and how a sample is written) are
//! checked when they are made, so that nothing behind them divides by nothing.
//!
//! Everything that streams keeps its state between pieces: however a stream is cut, the same samples come out.
mod bytes;
mod convert;
mod cut;
mod edit;
mod format;
mod framer;
mod intake;
mod level;
mod resample;
mod sound;
mod spelling;
mod tone;
mod track;
mod voice;
pub mod wav;

pub use bytes::Reader;
pub(crate) use bytes::unbase64;
pub use convert::Converter;
pub use edit::Pad;
pub use format::{Encoding, Format, Shape};
pub use framer::{Framer, Span};
pub use intake::Intake;
pub use level::Level;
pub use sound::Sound;
pub use spelling::SpellingReader;
pub use track::{Flushed, Frame, Heard, Idle, Played, Track, TrackSettings};
pub use voice::{VoiceDetector, VoiceEvent, VoiceSettings, VoiceSort};
