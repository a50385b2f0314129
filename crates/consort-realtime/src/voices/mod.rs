//! Ears and voices: what writes down speech, and what speaks texts. With any chat model between them, they are a live
//! model (see [`cascade`](crate::cascade)).
//!
//! [`TestVoice`] is both, without a key or a network: it speaks in tones, and reads them back.
mod command;
mod hosted;
mod named;
mod test;
mod told;

pub use command::CommandVoice;
pub use hosted::{HostedEars, HostedVoice};
pub use named::Voices;
pub use test::TestVoice;
pub use told::{Tell, told};

use crate::audio::VoiceSort;
use consort_core::{BoxStream, Context, Error, Pcm};
use std::fmt;

/// Writes down what is said.
pub trait Recogniser: Send + Sync + fmt::Debug {
    /// Its id, as settings name it.
    fn id(&self) -> &str;

    /// Writes down one turn. The end of the sound is the end of the turn.
    ///
    /// Nothing happens before the stream is polled, and dropping it stops the work. The last item is
    /// [`Heard::Final`], or an error; a stream that ends without either was cut.
    fn hear(
        &self,
        sound: BoxStream<'static, Pcm>,
        hearing: Hearing,
        context: Context,
    ) -> BoxStream<'static, Result<Heard, Error>>;

    /// Whether it tells words while they are spoken. Others are given the sound of a turn when it may be over.
    fn streams(&self) -> bool {
        false
    }

    /// Whether it is asked in a pause too, in case that the turn is over, where nobody says otherwise. Not one that works on this
    /// machine, on one turn at a time: it works on to the end of what it was asked for nothing, and the whole turn waits for it.
    fn hears_early(&self) -> bool {
        true
    }

    /// What is a voice to it.
    fn sort(&self) -> VoiceSort {
        VoiceSort::Human
    }
}

/// How a turn is heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearing {
    /// The language that is spoken, such as `en`; absent where nobody knows.
    pub language: Option<String>,
}

/// What a turn's words are, to those so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// More of them.
    Delta(String),
    /// All of them, as far as they are known now.
    Replacement(String),
    /// All of them, for good.
    Final(String),
}

/// Speaks texts.
pub trait Synthesiser: Send + Sync + fmt::Debug {
    /// Its id, as settings name it.
    fn id(&self) -> &str;

    /// Speaks a text: pieces of any shape and length, as they are made. The end of the stream is the end of the text.
    ///
    /// Nothing happens before the stream is polled, and dropping it stops the work.
    fn speak(&self, speech: Speech, context: Context) -> BoxStream<'static, Result<Pcm, Error>>;

    /// The names of its voices, where all of them are known: none of one that has a single voice.
    fn voices(&self) -> Option<Vec<String>> {
        None
    }
}

/// What is to be spoken, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Speech {
    pub text: String,
    /// One of the speaker's voices, by its name; its usual one where absent.
    pub voice: Option<String>,
    /// The language that is spoken, such as `en`, for a speaker of many; absent where nobody knows.
    pub language: Option<String>,
    /// The rate that is wanted. A wish: each piece says its own.
    pub rate: Option<u32>,
}
