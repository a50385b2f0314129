//! Spoken words, and which of them were heard by how much of their sound was.
use crate::heard::goes_on;
use consort_core::TranscriptMode;
use std::time::Duration;

/// What is left of an item's sound when it counts as heard to its end: less than a frame.
const REST: Duration = Duration::from_millis(20);

/// The words of one item, and its sound.
///
/// Nobody says which word a moment of sound belongs to. A word counts as heard from where its share of the sound begins,
/// by letters; and not before more sound was heard than had come when the word did.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    text: String,
    is_final: bool,
    /// Where in the text a piece began, and how much sound had come by then.
    pieces: Vec<(usize, Duration)>,
    sound: Duration,
    heard: Duration,
    /// No more sound comes.
    ended: bool,
    cut: bool,
}

impl Spoken {
    pub(super) fn words(&mut self, mode: TranscriptMode, text: &str) {
        if mode == TranscriptMode::Delta {
            self.pieces.push((self.text.len(), self.sound));
            self.text.push_str(text);
            return;
        }
        self.is_final |= mode == TranscriptMode::Final;
        let same = common(&self.text, text);
        self.pieces.retain(|(at, _)| *at < same);
        if same < text.len() {
            self.pieces.push((same, self.sound));
        }
        text.clone_into(&mut self.text);
    }

    /// More of its sound came. What comes behind a cut is heard by nobody.
    pub(super) fn sounds(&mut self, length: Duration) {
        if !self.cut {
            self.sound += length;
        }
    }

    pub(super) fn hear(&mut self, length: Duration) {
        if !self.cut {
            self.heard += length;
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The rest of it is heard by nobody. Words without sound were read, unless the model is one that speaks.
    pub(super) fn cut(&mut self, speaks: bool) {
        self.cut |= !self.is_whole() || (speaks && self.sound.is_zero());
        self.ended |= !self.cut;
    }

    /// Whether all of it was heard: all that was said, where that makes no sound.
    pub(super) fn is_whole(&self) -> bool {
        !self.cut && (self.sound.is_zero() || self.ended && self.is_caught_up())
    }

    /// Whether all the sound that came was heard.
    pub(super) fn is_caught_up(&self) -> bool {
        self.heard + REST >= self.sound
    }

    /// Whether its words are known for good.
    pub(super) fn is_final(&self) -> bool {
        self.is_final || (self.text.is_empty() && self.sound.is_zero())
    }

    /// All words that came.
    pub(super) fn so_far(&self) -> &str {
        &self.text
    }

    /// The words that were heard so far.
    pub(super) fn text(&self) -> &str {
        if self.ended && self.is_whole() {
            return &self.text;
        }
        // Of a piece that begins behind what was heard nothing was.
        let came = self.pieces.iter().find(|(_, sound)| *sound >= self.heard);
        let came = came.map_or(self.text.len(), |(at, _)| *at);
        &self.text[..came.min(self.share())]
    }

    /// Where the word ends that the share of the sound that was heard reaches into.
    fn share(&self) -> usize {
        let letters = self.text.chars().count() as u128;
        let reached = (letters * self.heard.as_nanos()).div_ceil(self.sound.as_nanos().max(1)) as usize;
        let mut before = ' ';
        for (count, (at, letter)) in self.text.char_indices().enumerate() {
            if count >= reached && !goes_on(before, letter) {
                return at;
            }
            before = letter;
        }
        self.text.len()
    }
}

/// How many bytes two texts begin with in common.
fn common(one: &str, other: &str) -> usize {
    let same = one.char_indices().zip(other.chars()).find(|((_, one), other)| one != other);
    same.map_or(one.len().min(other.len()), |((at, _), _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::TranscriptMode::{Delta, Final};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn after(spoken: &mut Spoken, ms: u64) -> &str {
        spoken.heard = MS(ms);
        spoken.text()
    }

    #[test]
    fn a_word_is_heard_once_its_sound_began() {
        let mut spoken = Spoken::default();
        for word in ["I ", "heard ", "0.5 ", "s ", "of ", "sound."] {
            spoken.words(Delta, word);
            spoken.sounds(MS(160));
        }
        assert_eq!(after(&mut spoken, 0), "");
        assert_eq!(after(&mut spoken, 20), "I");
        assert_eq!(after(&mut spoken, 160), "I ");
        assert_eq!(after(&mut spoken, 180), "I heard");
        assert_eq!(after(&mut spoken, 640), "I heard 0.5 s ");
        assert_eq!(after(&mut spoken, 960), "I heard 0.5 s of sound.");
    }

    #[test]
    fn words_that_come_before_all_their_sound_are_heard_by_its_share() {
        let mut spoken = Spoken::default();
        spoken.words(Delta, "one two three four.");
        spoken.sounds(MS(1000));
        assert_eq!(after(&mut spoken, 100), "one");
        assert_eq!(after(&mut spoken, 400), "one two ");
        assert_eq!(after(&mut spoken, 430), "one two three");
        spoken.words(Final, "one two three four.");
        assert_eq!(after(&mut spoken, 430), "one two three");
        spoken.cut(true);
        spoken.sounds(MS(1000));
        spoken.end();
        assert_eq!((spoken.text(), spoken.is_whole()), ("one two three", false));
    }

    #[test]
    fn each_letter_of_a_script_without_spaces_is_heard_by_itself() {
        let mut spoken = Spoken::default();
        spoken.words(Delta, "今天天气很好。");
        spoken.sounds(MS(700));
        assert_eq!(after(&mut spoken, 300), "今天天");
        assert_eq!(after(&mut spoken, 310), "今天天气");
    }

    #[test]
    fn what_makes_no_sound_is_read() {
        let mut spoken = Spoken::default();
        spoken.words(Delta, "only words");
        assert_eq!(spoken.text(), "", "its sound may be still to come");
        spoken.cut(false);
        assert_eq!((spoken.text(), spoken.is_whole()), ("only words", true));
        spoken.cut(true);
        assert_eq!((spoken.text(), spoken.is_whole()), ("", false));
    }

    #[test]
    fn a_text_that_is_set_right_keeps_what_is_known_of_its_beginning() {
        let mut spoken = Spoken::default();
        spoken.words(Delta, "Hello ");
        spoken.sounds(MS(500));
        spoken.words(Delta, "word ");
        spoken.sounds(MS(500));
        spoken.words(Final, "Hello world, all of you ");
        assert_eq!(after(&mut spoken, 500), "Hello ");
        spoken.words(Final, "");
        assert_eq!(spoken.text(), "");
    }
}
