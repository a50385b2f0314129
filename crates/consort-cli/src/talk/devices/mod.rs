//! The microphone and the speaker of this machine, in programs that were built with them.
#[cfg(not(feature = "microphone"))]
mod absent;
#[cfg(feature = "microphone")]
mod found;
#[cfg(feature = "microphone")]
mod microphone;
#[cfg(any(feature = "microphone", test))]
mod ring;
#[cfg(feature = "microphone")]
mod speaker;

#[cfg(not(feature = "microphone"))]
pub(super) use absent::{Microphone, Speaker};
#[cfg(feature = "microphone")]
pub(super) use {microphone::Microphone, speaker::Speaker};

use crate::args::Talk;
use consort_core::Error;

/// What a talk is held with.
#[derive(Debug, Default)]
pub(super) struct Devices {
    pub(super) microphone: Option<Microphone>,
    pub(super) speaker: Option<Speaker>,
}

impl Devices {
    /// Whoever speaks wants to hear the answer: with a microphone comes a speaker.
    pub(super) fn open(talk: &Talk, listens: bool) -> Result<Self, Error> {
        let name = talk.mic.as_ref().and_then(Option::as_deref);
        let microphone = listens.then(|| Microphone::open(name)).transpose()?;
        let speaker = match &talk.speaker {
            Some(name) => Some(Speaker::open(name.as_deref())?),
            None if listens => Some(Speaker::open(None)?),
            None => None,
        };
        Ok(Self { microphone, speaker })
    }
}
