//! How long a model is waited for that does not say that its answer is over, and what it may still say of it then.
//!
//! What is known of an answer is known of each of its items: how far its words are, and how far its sound. An answer is as far as
//! the least complete of them.
use super::QUIET;
use std::time::Duration;

/// How long the sound of words may take to begin, where the model speaks: some voices are slow.
const VOICE: Duration = Duration::from_secs(5);
/// How long the last words may come behind all of their sound, where the model tells any.
const LAST: Duration = Duration::from_secs(3);
/// How long nothing may come behind what need not be all: words alone, or sound.
const WORDS: Duration = Duration::from_secs(10);
const SOUND: Duration = Duration::from_mins(1);

/// How far one side of an item is: its words, or its sound.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    #[default]
    Nothing,
    Some,
    All,
}

/// How far an item is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) words: Side,
    pub(super) sound: Side,
}

impl Piece {
    /// Nothing more of it comes.
    pub(super) const WHOLE: Self = Self { words: Side::All, sound: Side::All };

    fn came(self) -> Came {
        match (self.words, self.sound) {
            (_, Side::Some) => Came::SomeSound,
            (Side::All, Side::All) => Came::All,
            (_, Side::All) => Came::Sound,
            (Side::All, Side::Nothing) => Came::Words,
            (_, Side::Nothing) => Came::SomeWords,
        }
    }

    /// What came of each item. Some models name words and their sound differently: then the one is the other's.
    pub(super) fn each(pieces: &[Self]) -> Vec<Came> {
        let mut came: Vec<Came> = pieces.iter().map(|piece| piece.came()).collect();
        let places = |is_it: fn(&Self) -> bool| {
            pieces.iter().enumerate().filter(move |(_, piece)| is_it(piece)).map(|(at, _)| at)
        };
        let wordless = places(|one| one.words == Side::Nothing && one.sound != Side::Nothing);
        let soundless = places(|one| one.sound == Side::Nothing && one.words != Side::Nothing);
        for (sound, words) in wordless.zip(soundless) {
            let both = Self { words: pieces[words].words, sound: pieces[sound].sound }.came();
            (came[sound], came[words]) = (both, both);
        }
        came
    }
}

/// What came of an item, or of an answer, as far as the model told; the least complete last.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Came {
    /// All of it.
    #[default]
    All,
    /// All of its sound, and not its last words.
    Sound,
    /// All of its words, and no sound.
    Words,
    SomeWords,
    SomeSound,
}

impl Came {
    /// How long nothing more may come until it is over, of such a model.
    pub(super) fn patience(self, habits: Habits) -> Duration {
        match self {
            Self::Words if habits.speaks() => VOICE,
            Self::Sound if habits.writes => LAST,
            Self::All | Self::Sound | Self::Words => QUIET,
            Self::SomeWords => WORDS,
            Self::SomeSound => SOUND,
        }
    }

    /// Whether it need not go on, for all that is known.
    pub(super) fn may_be_over(self) -> bool {
        matches!(self, Self::All | Self::Sound | Self::Words)
    }

    pub(super) fn owes_sound(self) -> bool {
        matches!(self, Self::Words | Self::SomeWords | Self::SomeSound)
    }

    pub(super) fn owes_words(self) -> bool {
        matches!(self, Self::Sound | Self::SomeWords | Self::SomeSound)
    }
}

/// What a model is known to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// Whether it was heard to speak; or its card says so, and it never yet gave all of its words and no sound.
    pub(super) sounded: bool,
    pub(super) may_sound: bool,
    /// Whether it tells the last words of what it speaks, until none came once.
    pub(super) writes: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self { sounded: false, may_sound: false, writes: true }
    }
}

impl Habits {
    /// Whether words are spoken.
    pub(super) fn speaks(self) -> bool {
        self.sounded || self.may_sound
    }

    /// Nothing more came of an answer in all the time that it was waited for.
    pub(super) fn learn(&mut self, came: Came) {
        self.may_sound &= came != Came::Words;
        self.writes &= came != Came::Sound;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_far_as_the_least_complete_of_its_items() {
        use Side::{All, Nothing, Some};
        let of = |sides: &[(Side, Side)]| {
            let pieces: Vec<Piece> = sides.iter().map(|&(words, sound)| Piece { words, sound }).collect();
            Piece::each(&pieces).into_iter().max().unwrap_or_default()
        };
        assert_eq!(of(&[]), Came::All);
        assert_eq!(of(&[(All, All), (Some, Nothing)]), Came::SomeWords, "the second is to be heard yet");
        assert_eq!(of(&[(All, All), (All, Nothing)]), Came::Words);
        assert_eq!(of(&[(Some, All)]), Came::Sound);
        // Sound and its words under two names.
        assert_eq!(of(&[(All, Nothing), (Nothing, All)]), Came::All);
        assert_eq!(of(&[(Nothing, Some), (All, Nothing)]), Came::SomeSound);
        assert_eq!(of(&[(Nothing, All), (Some, Nothing)]), Came::Sound);
    }
}
