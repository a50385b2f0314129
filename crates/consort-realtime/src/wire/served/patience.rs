//! How long a model is waited for that does not say that its answer is over, and what it may still say of it then.
use super::QUIET;
use std::time::Duration;

/// How long the sound of words may take to begin, where the model was heard to speak: some voices are slow.
const VOICE: Duration = Duration::from_secs(5);
/// How long nothing may come behind what need not be all: words alone, or sound.
const WORDS: Duration = Duration::from_secs(10);
const SOUND: Duration = Duration::from_mins(1);

/// What came of an answer, as far as the model told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// All of its sound, where there is any at all.
    #[default]
    All,
    /// All of its words, and no sound.
    Words,
    SomeWords,
    SomeSound,
}

impl Came {
    /// How long nothing more may come until it is over; of a model that was heard to speak, or never was.
    pub(super) fn patience(self, speaks: bool) -> Duration {
        match self {
            Self::Words if speaks => VOICE,
            Self::All | Self::Words => QUIET,
            Self::SomeWords => WORDS,
            Self::SomeSound => SOUND,
        }
    }

    /// Whether it need not go on, for all that is known.
    pub(super) fn may_be_over(self) -> bool {
        matches!(self, Self::All | Self::Words)
    }

    pub(super) fn owes_sound(self) -> bool {
        self != Self::All
    }

    pub(super) fn owes_words(self) -> bool {
        matches!(self, Self::SomeWords | Self::SomeSound)
    }
}
