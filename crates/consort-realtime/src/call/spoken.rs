//! Spoken words, and which of them were heard by how much of their sound was.
use crate::heard::{Speed, goes_on, is_beginning};
use consort_core::TranscriptMode;
use std::time::Duration;

/// What is left of an item's sound when it counts as heard to its end: less than a frame.
const REST: Duration = Duration::from_millis(20);

/// The words of one item, and its sound.
///
/// Nobody says which word a moment of sound belongs to. A word counts as heard from where its share of the sound begins,
/// by letters; and not before more sound was heard than had come when the word did. Words run ahead of their sound: while more
/// of it may come, all of it is taken to be as long as the letters need at the model's speed.
///
/// A cut is for good: what was heard up to it stays so, whatever comes behind it. A session that knows better than the sound
/// does says so with the last words: a mere beginning of what came is what was heard of it.
#[derive(Debug)]
pub(super) struct Spoken {
    /// How long a letter sounds.
    letter: Duration,
    text: String,
    is_final: bool,
    /// Where in the text a piece began, and how much sound had come by then.
    pieces: Vec<(usize, Duration)>,
    sound: Duration,
    heard: Duration,
    /// No more sound comes.
    ended: bool,
    /// Where in the text it was cut, and whether the session said so itself.
    cut: Option<usize>,
    is_told: bool,
}

impl Spoken {
    /// How fast it was spoken, where it was to its end.
    pub(super) fn teach(&self, speed: &mut Speed) {
        if self.is_final && self.ended && self.cut.is_none() && !self.sound.is_zero() {
            speed.learn(&self.text, self.sound);
        }
    }

    /// Of a model of which each letter sounds so long.
    pub(super) fn new(letter: Duration) -> Self {
        Self {
            letter,
            text: String::new(),
            is_final: false,
            pieces: Vec::new(),
            sound: Duration::ZERO,
            heard: Duration::ZERO,
            ended: false,
            cut: None,
            is_told: false,
        }
    }

    pub(super) fn words(&mut self, mode: TranscriptMode, text: &str) {
        if mode == TranscriptMode::Delta {
            self.pieces.push((self.text.len(), self.sound));
            self.text.push_str(text);
            return;
        }
        self.is_final |= mode == TranscriptMode::Final;
        if let Some(cut) = self.cut {
            return self.set_right(cut, mode, text);
        }
        let same = common(&self.text, text);
        self.pieces.retain(|(at, _)| *at < same);
        if same < text.len() {
            self.pieces.push((same, self.sound));
        }
        text.clone_into(&mut self.text);
    }

    /// Sets words right of what is cut.
    fn set_right(&mut self, cut: usize, mode: TranscriptMode, text: &str) {
        let is_beginning = is_beginning(text, &self.text);
        let cut = if mode == TranscriptMode::Final && is_beginning {
            self.is_told = true;
            text.len()
        } else if common(&self.text, text) >= cut {
            cut
        } else {
            word_end(text, |at, _| at >= cut)
        };
        text.clone_into(&mut self.text);
        self.cut = Some(cut);
    }

    /// More of its sound came. What comes behind a cut is heard by nobody.
    pub(super) fn sounds(&mut self, length: Duration) {
        if self.cut.is_none() {
            self.sound += length;
        }
    }

    pub(super) fn hear(&mut self, length: Duration) {
        if self.cut.is_none() {
            self.heard += length;
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The rest of it is heard by nobody. Words without sound were read, unless their sound may be about to come.
    pub(super) fn cut(&mut self, sound_comes: bool) {
        let is_ahead = sound_comes && self.may_sound();
        if self.cut.is_none() && (!self.is_whole() || is_ahead) {
            self.cut = Some(if self.sound.is_zero() { 0 } else { self.text().len() });
        }
        self.ended |= self.cut.is_none();
    }

    /// Whether all of it was heard: all that was said, where that makes no sound.
    pub(super) fn is_whole(&self) -> bool {
        self.cut.is_none() && (self.sound.is_zero() || self.ended && self.is_caught_up())
    }

    /// Whether there are words of it and no sound, and nobody said that there is none.
    pub(super) fn is_awaited(&self) -> bool {
        !self.text.is_empty() && self.may_sound()
    }

    fn may_sound(&self) -> bool {
        self.sound.is_zero() && !(self.is_final && self.ended)
    }

    pub(super) fn is_silent(&self) -> bool {
        self.sound.is_zero()
    }

    /// Whether it is known for good, and makes no sound.
    pub(super) fn is_read(&self) -> bool {
        self.is_final && self.sound.is_zero() && self.cut.is_none()
    }

    /// Whether all the sound that came was heard.
    pub(super) fn is_caught_up(&self) -> bool {
        self.heard + REST >= self.sound
    }

    /// Whether its words are known for good.
    pub(super) fn is_final(&self) -> bool {
        self.is_final || (self.text.is_empty() && self.sound.is_zero())
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Whether it was cut, and the session may still say what was heard of it.
    pub(super) fn is_unsettled(&self) -> bool {
        self.cut.is_some() && !self.is_told
    }

    /// All words that came.
    pub(super) fn so_far(&self) -> &str {
        &self.text
    }

    /// The words that were heard so far.
    pub(super) fn text(&self) -> &str {
        if let Some(cut) = self.cut {
            return &self.text[..cut];
        }
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
        let needed = if self.ended { 0 } else { letters * self.letter.as_nanos() };
        let sound = self.sound.as_nanos().max(needed).max(1);
        let reached = (letters * self.heard.as_nanos()).div_ceil(sound) as usize;
        word_end(&self.text, |_, count| count >= reached)
    }
}

/// Where the word ends that a place is in, told by its byte and by its letter.
fn word_end(text: &str, is_reached: impl Fn(usize, usize) -> bool) -> usize {
    let mut before = ' ';
    for (count, (at, letter)) in text.char_indices().enumerate() {
        if is_reached(at, count) && !goes_on(before, letter) {
            return at;
        }
        before = letter;
    }
    text.len()
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
        let mut spoken = Spoken::new(MS(10));
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
        let mut spoken = Spoken::new(MS(10));
        spoken.words(Delta, "one two three four.");
        spoken.sounds(MS(1000));
        assert_eq!(after(&mut spoken, 100), "one");
        assert_eq!(after(&mut spoken, 400), "one two ");
        assert_eq!(after(&mut spoken, 430), "one two three");
        spoken.words(Final, "one two three four.");
        assert_eq!(after(&mut spoken, 430), "one two three");
        spoken.heard = MS(430);
        spoken.cut(true);
        spoken.sounds(MS(1000));
        spoken.end();
        assert_eq!((spoken.text(), spoken.is_whole()), ("one two three", false));
    }

    #[test]
    fn words_that_run_ahead_of_their_sound_are_not_heard_before_it() {
        // Ten words of 39 letters, and half a second of their sound.
        let ten = "one two three four five six seven eight";
        let mut spoken = Spoken::new(Speed::default().letter());
        spoken.words(Delta, ten);
        spoken.sounds(MS(500));
        assert_eq!(after(&mut spoken, 500), "one two three", "nobody speaks 78 letters a second");
        spoken.words(Final, ten);
        assert_eq!(after(&mut spoken, 500), "one two three", "its words are known, its sound is not");
        spoken.cut(true);
        assert_eq!(spoken.text(), "one two three");
        // More sound than was thought, and all of it.
        let mut spoken = Spoken::new(Speed::default().letter());
        spoken.words(Delta, ten);
        spoken.sounds(MS(7800));
        assert_eq!(after(&mut spoken, 3900), "one two three four five");
        spoken.end();
        assert_eq!(after(&mut spoken, 7800), ten);
    }

    #[test]
    fn the_speed_is_that_of_what_was_said_to_its_end() {
        let mut speed = Speed::default();
        let mut learn = |cut: bool, ends: bool, ms: u64| {
            let mut spoken = Spoken::new(MS(60));
            spoken.words(Final, "Ten lette.");
            spoken.sounds(MS(ms));
            if cut {
                spoken.cut(true);
            }
            if ends {
                spoken.end();
            }
            spoken.teach(&mut speed);
            speed.letter()
        };
        assert_eq!(learn(true, true, 10), MS(60));
        assert_eq!(learn(false, false, 10), MS(60));
        assert_eq!(learn(false, true, 0), MS(60), "it makes no sound");
        assert_eq!(learn(false, true, 300), MS(30));
        assert_eq!(learn(false, true, 500), MS(40));
    }

    #[test]
    fn each_letter_of_a_script_without_spaces_is_heard_by_itself() {
        let mut spoken = Spoken::new(MS(10));
        spoken.words(Delta, "今天天气很好。");
        spoken.sounds(MS(700));
        assert_eq!(after(&mut spoken, 300), "今天天");
        assert_eq!(after(&mut spoken, 310), "今天天气");
    }

    #[test]
    fn what_was_cut_is_heard_as_far_as_its_session_says() {
        let begun = || {
            let mut spoken = Spoken::new(MS(10));
            spoken.words(Delta, "one two three four.");
            spoken.sounds(MS(1000));
            spoken.hear(MS(430));
            spoken.cut(true);
            assert_eq!((spoken.text(), spoken.is_unsettled()), ("one two three", true));
            spoken
        };
        // The session says what was heard: that is not a part of a part.
        let mut spoken = begun();
        spoken.words(Final, "one two");
        assert_eq!((spoken.text(), spoken.is_unsettled()), ("one two", false));
        let mut spoken = begun();
        spoken.words(Final, "");
        assert_eq!((spoken.text(), spoken.is_unsettled()), ("", false));
        // It says all that it had made: no more of it was heard than before.
        for more in ["one two three four.", "one two three four. five six seven eight nine ten"] {
            let mut spoken = begun();
            spoken.words(Final, more);
            assert_eq!((spoken.text(), spoken.is_unsettled()), ("one two three", true));
        }
        // It understands itself differently.
        let mut spoken = begun();
        spoken.words(Final, "won too three four. Five.");
        assert_eq!(spoken.text(), "won too three");
    }

    #[test]
    fn what_makes_no_sound_is_read() {
        let mut spoken = Spoken::new(MS(10));
        spoken.words(Delta, "only words");
        assert_eq!(spoken.text(), "", "its sound may be still to come");
        spoken.cut(false);
        assert_eq!((spoken.text(), spoken.is_whole()), ("only words", true));
        spoken.cut(true);
        assert_eq!((spoken.text(), spoken.is_whole()), ("", false));
    }

    #[test]
    fn a_text_that_is_set_right_keeps_what_is_known_of_its_beginning() {
        let mut spoken = Spoken::new(MS(10));
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
