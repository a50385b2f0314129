//! What an answer is made of, in the order in which it came, and how much of that was heard.
use super::super::patience::{Came, Piece, Side};
use super::super::words::Words;
use crate::heard::{Played, Sound, Speed};
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Parts {
    all: Vec<Part>,
    played: Played<Duration>,
    /// Whether the model told that there is no sound.
    is_silent: bool,
}

/// One of them, by the model's name for it, how much of its sound was sent, and whether that is all of it.
#[derive(Debug, Default)]
struct Part {
    name: String,
    words: Words,
    sent: Duration,
    is_whole: bool,
    /// How much of its sound the model gave, told on or not; and whether that was none.
    sound: Side,
    is_silent: bool,
    /// Where it is the sound of words that were told before: what holds those, and what they are.
    words_of: Option<(String, String)>,
}

impl Part {
    fn lacks_words(&self) -> bool {
        self.sound != Side::Nothing && !self.words.is_final() && self.words_of.is_none()
    }

    fn piece(&self) -> Piece {
        if self.is_silent && self.sound == Side::Nothing {
            return Piece::WHOLE;
        }
        let words = match self.words.whole() {
            _ if self.words.is_final() || self.words_of.is_some() => Side::All,
            "" => Side::Nothing,
            _ => Side::Some,
        };
        Piece { words, sound: self.sound }
    }

    fn sound(&self) -> Sound {
        Sound { came: self.sent, is_whole: self.is_whole }
    }
}

impl Parts {
    pub(super) fn has(&self, name: &str) -> bool {
        self.all.iter().any(|part| part.name == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How far each is.
    pub(super) fn each_came(&self) -> Vec<Came> {
        let piece = |part: &Part| {
            let is_silent = self.is_silent && part.sound == Side::Nothing;
            if is_silent { Piece::WHOLE } else { part.piece() }
        };
        Piece::each(&self.all.iter().map(piece).collect::<Vec<_>>())
    }

    /// Whether last words of it may still come: of what sounds, and of this part of it.
    pub(super) fn lacks_words(&self) -> bool {
        self.all.iter().any(Part::lacks_words)
    }

    pub(super) fn lacks_words_of(&self, name: &str) -> bool {
        self.all.iter().any(|part| part.name == name && part.lacks_words())
    }

    /// The model gave sound of a part.
    pub(super) fn sounds(&mut self, name: &str) {
        self.part(name).sound = Side::Some;
    }

    /// What sounds under this name was told in words before.
    pub(super) fn worded(&mut self, name: &str, words: (String, String)) {
        self.part(name).words_of = Some(words);
    }

    /// Of words that were told before what sounds them, those that were heard: what holds them, and their text.
    pub(super) fn heard_of_before(&self, heard: Duration, speed: Speed) -> Vec<(String, String)> {
        let mut left = heard;
        let heard = self.all.iter().filter_map(|part| {
            let of_it = left.min(part.sent);
            left -= of_it;
            let (id, words) = part.words_of.as_ref()?;
            let words = if of_it.is_zero() { "" } else { part.sound().heard_of(words, of_it, speed) };
            Some((id.clone(), words.to_owned()))
        });
        heard.collect()
    }

    /// Each, and all that was said of it.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|part| (part.name.as_str(), part.words.said()))
    }

    fn part(&mut self, name: &str) -> &mut Part {
        let at = self.all.iter().position(|part| part.name == name).unwrap_or_else(|| {
            self.all.push(Part { name: name.to_owned(), ..Part::default() });
            self.all.len() - 1
        });
        &mut self.all[at]
    }

    pub(super) fn words(&mut self, name: &str) -> &mut Words {
        &mut self.part(name).words
    }

    /// So much of a part's sound was sent, to a client that has time for it from then on. Until when it plays that.
    pub(super) fn sent(&mut self, name: &str, length: Duration, from: Duration) -> Duration {
        // Nothing more is said of what is before it.
        let before = self.all.iter_mut().take_while(|part| part.name != name);
        before.for_each(|part| {
            part.is_whole = true;
            if part.sound == Side::Some {
                part.sound = Side::All;
            }
        });
        let part = self.part(name);
        (part.sent, part.is_whole) = (part.sent + length, false);
        self.played.push(length, from)
    }

    /// All of a part's sound was given, and sent.
    pub(super) fn whole(&mut self, name: &str) {
        self.is_silent |= !self.has(name);
        let part = self.part(name);
        part.is_whole = true;
        match part.sound {
            Side::Nothing => part.is_silent = true,
            _ => part.sound = Side::All,
        }
    }

    /// How fast the parts were spoken of which all is there.
    pub(super) fn learn(&self, speed: &mut Speed) {
        let whole = self.all.iter().filter(|part| part.is_whole && !part.sent.is_zero());
        whole.for_each(|part| speed.learn(part.words.said(), part.sent));
    }

    /// Whether not all of its sound can have been heard by now.
    pub(super) fn plays(&self, at: Duration) -> bool {
        !self.played.left(at).is_zero()
    }

    /// How much sound can have been heard by now.
    pub(super) fn heard(&self, at: Duration) -> Duration {
        self.played.heard(at)
    }

    /// What is playing after so much of it was heard, and how much of that.
    pub(super) fn playing(&self, heard: Duration) -> (Option<String>, Duration) {
        let (mut left, mut playing) = (heard, (None, Duration::ZERO));
        for part in self.all.iter().filter(|part| !part.sent.is_zero()) {
            playing = (Some(part.name.clone()), left.min(part.sent));
            if left < part.sent {
                break;
            }
            left -= part.sent;
        }
        playing
    }

    /// Its words; where it was cut, those that were heard, spoken so fast.
    pub(super) fn said(&self, heard: Option<Duration>, speed: Speed) -> String {
        let Some(heard) = heard else { return joined(self.all.iter().map(|part| part.words.whole())) };
        // Of what was cut a model may take back by itself what was not heard: it is not cut twice.
        let sounding = || self.all.iter().filter(|part| !part.sent.is_zero());
        if sounding().all(|part| part.words.said().is_empty()) {
            // What sounds and what is written are not of the same names: all is one.
            let all = joined(self.all.iter().map(|part| part.words.said()));
            let is_whole = sounding().next().is_some() && sounding().all(|part| part.is_whole);
            return Sound { came: self.played.sounded(), is_whole }.heard_of(&all, heard, speed).to_owned();
        }
        let mut left = heard;
        joined(self.all.iter().map(|part| {
            let words = part.words.said();
            let heard =
                if left.is_zero() { "" } else { part.sound().heard_of(words, left.min(part.sent), speed) };
            left = left.saturating_sub(part.sent);
            heard
        }))
    }
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::TranscriptMode::Delta;

    const SECOND: Duration = Duration::from_secs(1);

    /// Two parts of a second each, whose names come in the other order.
    fn two() -> Parts {
        let mut parts = Parts::default();
        for (name, words) in [("a2", "one two"), ("a10", "three four")] {
            parts.words(name).add(Delta, words);
            parts.sent(name, SECOND, SECOND);
            parts.whole(name);
        }
        parts
    }

    #[test]
    fn parts_are_said_in_the_order_in_which_they_came() {
        assert_eq!(two().said(None, Speed::default()), "one two\nthree four");
        assert_eq!(two().each().map(|(name, _)| name.to_owned()).collect::<Vec<_>>(), ["a2", "a10"]);
    }

    #[test]
    fn each_part_is_cut_by_its_own_sound() {
        let parts = two();
        assert_eq!(parts.heard(SECOND * 5 / 2), SECOND * 3 / 2);
        assert_eq!(parts.playing(SECOND * 3 / 2), (Some("a10".into()), SECOND / 2));
        assert_eq!(parts.said(Some(SECOND * 3 / 2), Speed::default()), "one two\nthree");
        assert_eq!(parts.said(Some(SECOND), Speed::default()), "one two");
        assert_eq!(parts.playing(SECOND / 2), (Some("a2".into()), SECOND / 2));
        assert_eq!(parts.said(Some(SECOND / 2), Speed::default()), "one");
        assert_eq!(parts.said(Some(Duration::ZERO), Speed::default()), "");
    }

    #[test]
    fn a_pause_between_two_parts_is_not_heard() {
        let mut parts = Parts::default();
        parts.sent("a", SECOND, Duration::ZERO);
        assert_eq!(parts.heard(SECOND * 5), SECOND);
        parts.sent("b", SECOND, SECOND * 10);
        assert_eq!(parts.heard(SECOND * 21 / 2), SECOND * 3 / 2);
    }

    #[test]
    fn words_under_another_name_than_their_sound_are_cut_by_all_of_it() {
        let mut parts = Parts::default();
        parts.words("words").add(Delta, "one two");
        parts.sent("sound", SECOND, Duration::ZERO);
        parts.whole("sound");
        assert_eq!(parts.said(Some(SECOND / 2), Speed::default()), "one");
    }
}
