//! Turns that nobody detects are as long as whoever speaks wants: they are understood in parts, and told as one.
//!
//! A part ends where it is quiet. The nearer it is to the longest, the shorter the quiet that will do; at the longest it ends
//! anyhow. Its words are handed on to the part behind it, up to the last one: that has all of them. A part in which it was quiet all
//! the time has none, and ears are not asked for them.
use super::turn::Turn;
use super::{Ears, FRAME, Told};
use crate::audio::Level;
use consort_core::{Error, Pcm};
use std::time::Duration;

/// In the last of so many parts of its time, a part of a turn may end;
const LEEWAY: u32 = 12;
/// where it is quiet for one of so many parts of what is left of that.
const SHARE: u32 = 20;

impl Ears {
    /// Without detection everything is said, up to the word that it is over.
    pub(super) fn hear_all(&mut self, frame: Pcm) {
        if self.open().is_none() {
            self.begin();
        }
        // Frames of the right shape cannot fail.
        let _ = self.detector.push(&frame);
        let is_quiet = Level::of(&frame).is_quiet();
        self.quiet = if is_quiet { self.quiet + FRAME } else { Duration::ZERO };
        let (quiet, most) = (self.quiet, self.settings.limits.turn);
        let Some(turn) = self.open() else { return };
        turn.loud |= !is_quiet;
        turn.announced = true;
        turn.push(frame);
        let left = most.saturating_sub(turn.length());
        self.listen_to_voice();
        if left <= most / LEEWAY && quiet * SHARE >= left {
            self.end_part();
        }
    }

    /// Ears that hear words as they come are opened once there is a voice in a part.
    fn listen_to_voice(&mut self) {
        let is_voice = self.detector.is_speaking();
        let Some(turn) = self.open().filter(|turn| is_voice && !turn.voiced) else { return };
        turn.voiced = true;
        if self.recogniser.streams() {
            let (recogniser, settings, context) =
                (self.recogniser.clone(), self.settings.clone(), self.context.clone());
            if let Some(turn) = self.open() {
                turn.listen(&recogniser, &settings, &context, false);
            }
        }
    }

    /// What is said is understood up to here, and goes on.
    fn end_part(&mut self) {
        let Some(turn) = self.open() else { return };
        let item = turn.item.clone();
        if turn.is_silent() {
            turn.give_up();
        }
        self.end(true);
        self.open_turn(item);
        if let Some(next) = self.open() {
            (next.announced, next.later) = (true, true);
        }
    }

    /// Whether a turn is one of several parts, or has words of such.
    pub(super) fn is_part(&self, at: usize) -> bool {
        self.turns[at].later || self.goes_on(at)
    }

    /// Whether there is another part behind it.
    pub(super) fn goes_on(&self, at: usize) -> bool {
        self.turns.get(at + 1).is_some_and(|next| next.item == self.turns[at].item)
    }

    /// The words of all parts so far.
    pub(super) fn words_of(&self, item: &str) -> String {
        let parts = self.turns.iter().filter(|turn| turn.item == item);
        parts.fold(String::new(), |words, part| joined(words, &part.words()))
    }

    /// A part could not be understood: what is missing of it is left out.
    pub(super) fn leave_out(&mut self, at: usize, error: Error) {
        let turn = &mut self.turns[at];
        turn.give_up();
        let (length, has_words) = (turn.length(), !turn.text().is_empty());
        self.told.push_back(Told::LeftOut { error, length, has_words });
    }
}

impl Turn {
    /// Whether nobody can have spoken in it: our detector noticed no voice, and it was quiet.
    pub(super) fn is_silent(&self) -> bool {
        !self.voiced && !self.loud
    }

    /// Its words, behind those of the parts before it.
    pub(super) fn words(&self) -> String {
        joined(self.before.clone(), self.text())
    }
}

fn joined(mut words: String, more: &str) -> String {
    if !words.is_empty() && !more.is_empty() {
        words.push(' ');
    }
    words.push_str(more);
    words
}
