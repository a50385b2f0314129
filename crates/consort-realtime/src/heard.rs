//! How much of an answer was heard: of its sound by one clock, and of its text by its sound. One rule for all who cut one.
use std::ops::{Add, Sub};
use std::time::Duration;

/// Sound that is handed out to who plays it as it comes, one piece behind the other: how much so far, and until when it
/// sounds. A time in which none was there to be played counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Played<T> {
    sounded: Duration,
    until: Option<T>,
}

impl<T> Default for Played<T> {
    fn default() -> Self {
        Self { sounded: Duration::ZERO, until: None }
    }
}

impl<T: Copy + Ord + Add<Duration, Output = T> + Sub<Output = Duration>> Played<T> {
    /// More is handed out, to who has time for it from then on: now, or behind what else they play. Until when it sounds.
    pub(crate) fn push(&mut self, length: Duration, from: T) -> T {
        let until = self.until.map_or(from, |until| until.max(from)) + length;
        self.sounded += length;
        self.until = Some(until);
        until
    }

    /// How much was handed out.
    pub(crate) fn sounded(&self) -> Duration {
        self.sounded
    }

    /// How much of it is still to be heard.
    pub(crate) fn left(&self, now: T) -> Duration {
        let left = self.until.filter(|until| *until > now).map_or(Duration::ZERO, |until| until - now);
        left.min(self.sounded)
    }

    /// How much of it was heard by now.
    pub(crate) fn heard(&self, now: T) -> Duration {
        self.sounded.saturating_sub(self.left(now))
    }
}

/// How long a letter sounds, where nothing that was spoken tells.
const LETTER: Duration = Duration::from_millis(60);

/// How fast somebody speaks, by what they said to its end.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Speed {
    sound: Duration,
    letters: u32,
}

impl Speed {
    /// Of texts, each with its whole sound.
    pub(crate) fn of<'a>(spoken: impl Iterator<Item = (&'a str, Duration)>) -> Self {
        let mut speed = Self::default();
        spoken.for_each(|(text, sound)| speed.learn(text, sound));
        speed
    }

    pub(crate) fn learn(&mut self, text: &str, sound: Duration) {
        self.sound += sound;
        self.letters = self.letters.saturating_add(letters(text));
    }

    /// How long a letter sounds.
    pub(crate) fn letter(&self) -> Duration {
        self.sound.checked_div(self.letters).unwrap_or(LETTER)
    }

    /// How long a text sounds, about.
    pub(crate) fn length(&self, text: &str) -> Duration {
        self.letter().saturating_mul(letters(text))
    }
}

/// The sound of a text so far, and whether that is all of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sound {
    pub(crate) came: Duration,
    pub(crate) is_whole: bool,
}

impl Sound {
    /// How long all of it sounds. Words come before their sound: where not all of that is there, by how fast it is spoken.
    fn length(self, text: &str, speed: Speed) -> Duration {
        if self.is_whole { self.came } else { speed.length(text).max(self.came) }
    }

    /// So much of the text as of its sound. What never sounded was read.
    pub(crate) fn heard_of(self, text: &str, heard: Duration, speed: Speed) -> &str {
        heard_of(text, heard, self.length(text, speed))
    }
}

fn letters(text: &str) -> u32 {
    text.chars().count().try_into().unwrap_or(u32::MAX)
}

/// So much of a text as of its sound. No word counts in part; scripts without spaces are cut at any letter.
fn heard_of(text: &str, heard: Duration, sound: Duration) -> &str {
    if heard >= sound {
        return text;
    }
    let letters = text.chars().count() as u128;
    let reached = (letters * heard.as_nanos() / sound.as_nanos()) as usize;
    let (mut end, mut before) = (0, ' ');
    for (at, letter) in text.char_indices().take(reached + 1) {
        if !goes_on(before, letter) {
            end = at;
        }
        before = letter;
    }
    text[..end].trim_end()
}

/// Whether a text is the beginning of another one, and not all of it: what was heard of it.
pub(crate) fn is_beginning(text: &str, whole: &str) -> bool {
    let (text, whole) = (text.trim_end(), whole.trim_end());
    text.len() < whole.len() && whole.starts_with(text)
}

/// Whether a letter is of the same word as the one before it.
pub(crate) fn goes_on(before: char, letter: char) -> bool {
    let in_words = |letter: char| !letter.is_whitespace() && !stands_alone(letter);
    in_words(before) && in_words(letter)
}

/// Whether a letter is of a script without spaces between words.
fn stands_alone(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_time_in_which_there_was_nothing_to_play_is_not_heard() {
        let mut played = Played::default();
        assert_eq!((played.heard(S), played.left(S)), (Duration::ZERO, Duration::ZERO));
        // Two seconds that come at once, and another one long after they were heard.
        played.push(S, 10 * S);
        played.push(S, 10 * S);
        assert_eq!((played.heard(9 * S), played.heard(11 * S), played.left(11 * S)), (Duration::ZERO, S, S));
        assert_eq!(played.heard(19 * S), 2 * S);
        assert_eq!(played.push(S, 20 * S), 21 * S);
        assert_eq!((played.heard(20 * S), played.heard(41 * S / 2)), (2 * S, 5 * S / 2));
        assert_eq!(
            (played.heard(30 * S), played.left(30 * S), played.sounded()),
            (3 * S, Duration::ZERO, 3 * S)
        );
    }

    #[test]
    fn what_plays_behind_something_else_is_heard_behind_it() {
        let (mut first, mut second) = (Played::default(), Played::default());
        let free = first.push(2 * S, S);
        second.push(2 * S, free);
        assert_eq!((first.heard(2 * S), second.heard(2 * S)), (S, Duration::ZERO));
        assert_eq!((first.heard(4 * S), second.heard(4 * S)), (2 * S, S));
    }

    #[test]
    fn whole_words_are_heard_by_the_share_of_their_sound() {
        let of = |text: &'static str, ms: u64| {
            heard_of(text, Duration::from_millis(ms), Duration::from_secs(1)).to_owned()
        };
        assert_eq!(of("one two three", 1000), "one two three");
        assert_eq!(of("one two three", 600), "one two");
        assert_eq!(of("one two three", 500), "one");
        assert_eq!((of("one two three", 100), of("one two three", 0)), (String::new(), String::new()));
        // By letters, however many bytes they take.
        assert_eq!(of("üüü aaaaaa", 400), "üüü");
        assert_eq!(of("今日はいい天気", 500), "今日は");
        // A text of two scripts.
        assert_eq!(of("今日 Consort", 500), "今日");
    }
}
