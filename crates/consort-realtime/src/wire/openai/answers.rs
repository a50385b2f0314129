//! The answers of a session: which were asked for, which are under way, and in which epoch each began.
use super::super::sound::Incoming;
use crate::audio::Format;
use consort_core::{Error, Pcm};
use std::collections::VecDeque;
use std::time::Duration;

/// A server that begins answers and ends none is not followed further back.
const MOST_ANSWERS: usize = 64;
/// Of how many items it is known how long they sound: the user cuts what is playing, which may be some answers old.
const MOST_SOUNDS: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Answers {
    /// How many cuts there were.
    pub(super) epoch: u64,
    /// An answer is to be asked for when none is under way.
    pub(super) wanted: bool,
    /// The answers that were asked for and did not begin yet.
    pub(super) asked: VecDeque<Wish>,
    running: VecDeque<Answer>,
    /// What ended last: what comes late is still its own.
    ended: Option<Answer>,
    pub(super) sounds: VecDeque<(String, Duration)>,
}

/// The wish for an answer.
#[derive(Debug)]
pub(super) struct Wish {
    /// The epoch in which it was asked for.
    pub(super) epoch: u64,
    /// The name of the message that asks.
    pub(super) name: String,
}

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) id: String,
    /// Whether the server said that it begins. One of which it only says something is not waited for: it may never end.
    pub(super) is_begun: bool,
    pub(super) epoch: u64,
    /// Whether its cut was told.
    pub(super) cut: bool,
    /// The calls that were told of, and whether any of them is to be answered.
    pub(super) calls: Vec<String>,
    pub(super) called: bool,
    pub(super) items: Vec<Item>,
}

/// One item of an answer.
#[derive(Debug, Default)]
pub(super) struct Item {
    pub(super) id: String,
    /// The name of the tool that is called.
    pub(super) name: String,
    /// What it says so far, aloud and in writing.
    pub(super) said: String,
    pub(super) written: String,
    sound: Option<Incoming>,
    pub(super) is_speaking: bool,
}

impl Answers {
    pub(super) fn is_idle(&self) -> bool {
        self.running.iter().all(|answer| !answer.is_begun) && self.asked.is_empty()
    }

    /// Whether an event of this answer is of none: it names none, and none is there whose it could be.
    pub(super) fn is_stray(&self, id: &str) -> bool {
        id.is_empty()
            && self.running.is_empty()
            && self.ended.as_ref().is_none_or(|ended| !ended.id.is_empty())
    }

    /// The server says that an answer is under way: what seemed to be none is one.
    pub(super) fn believe(&mut self) {
        self.running.iter_mut().for_each(|answer| answer.is_begun = true);
    }

    /// Another answer than this one begins or ends: those that nobody began are over.
    pub(super) fn doubt(&mut self, id: &str) -> Vec<Answer> {
        let (kept, over) =
            std::mem::take(&mut self.running).into_iter().partition(|own| own.is_begun || own.id == id);
        self.running = kept;
        Vec::from(over)
    }

    /// What came of the wish for an answer is that none comes: of the one that an error names, or, where it names
    /// nothing, of the oldest.
    pub(super) fn refused(&mut self, name: &str) {
        if name.is_empty() {
            self.asked.pop_front();
        } else {
            self.asked.retain(|wish| wish.name != name);
        }
    }

    pub(super) fn running(&mut self) -> &mut VecDeque<Answer> {
        &mut self.running
    }

    /// An answer begins: one that was asked for, else one that the server gives by itself.
    pub(super) fn begin(&mut self, id: &str) {
        let at = self.place(id).unwrap_or_else(|| self.push(id));
        let answer = &mut self.running[at];
        if !std::mem::replace(&mut answer.is_begun, true)
            && let Some(wish) = self.asked.pop_front()
        {
            answer.epoch = wish.epoch;
        }
    }

    /// Makes place for an answer, and says which.
    fn push(&mut self, id: &str) -> usize {
        self.running.push_back(Answer { id: id.to_owned(), epoch: self.epoch, ..Answer::default() });
        if self.running.len() > MOST_ANSWERS {
            self.ended = self.running.pop_front();
        }
        self.running.len() - 1
    }

    /// Where an answer is among those under way. What names none is of the newest.
    fn place(&self, id: &str) -> Option<usize> {
        if id.is_empty() {
            return self.running.len().checked_sub(1);
        }
        self.running.iter().position(|answer| answer.id == id)
    }

    /// The answer of this id, also where nobody said that it began.
    pub(super) fn of(&mut self, id: &str) -> &mut Answer {
        let running = self.place(id);
        if running.is_none() && self.ended.as_ref().is_some_and(|ended| ended.id == id) {
            return self.ended.get_or_insert_default();
        }
        let at = running.unwrap_or_else(|| self.push(id));
        &mut self.running[at]
    }

    /// The answer ends; what is late for it still finds it.
    pub(super) fn end(&mut self, id: &str) -> &mut Answer {
        let mut over = self.place(id).and_then(|at| self.running.remove(at));
        let is_late = over.is_none() && self.ended.as_ref().is_some_and(|ended| ended.id == id);
        if !is_late {
            let answer = over.get_or_insert_with(|| Answer {
                id: id.to_owned(),
                epoch: self.epoch,
                ..Answer::default()
            });
            // Where nobody said that it began, it may be the one that was asked for.
            if !answer.is_begun
                && !id.is_empty()
                && let Some(wish) = self.asked.pop_front()
            {
                answer.epoch = wish.epoch;
            }
            self.ended = over;
        }
        self.ended.get_or_insert_default()
    }

    /// Sound came of an item.
    pub(super) fn heard(&mut self, item: &str, more: Duration) {
        match self.sounds.iter_mut().find(|(id, _)| id == item) {
            Some((_, so_far)) => *so_far += more,
            None => self.sounds.push_back((item.to_owned(), more)),
        }
        if self.sounds.len() > MOST_SOUNDS {
            self.sounds.pop_front();
        }
    }

    /// How much sound came of an item.
    pub(super) fn sound_of(&self, item: &str) -> Option<(String, Duration)> {
        self.sounds.iter().find(|(id, _)| id == item).cloned()
    }
}

impl Answer {
    pub(super) fn item(&mut self, id: &str) -> &mut Item {
        let at = self.items.iter().position(|item| item.id == id).unwrap_or_else(|| {
            self.items.push(Item { id: id.to_owned(), ..Item::default() });
            self.items.len() - 1
        });
        &mut self.items[at]
    }
}

impl Item {
    pub(super) fn has_sound(&self) -> bool {
        self.sound.is_some()
    }

    pub(super) fn read(&mut self, base64: &str, format: Format) -> Result<Pcm, Error> {
        let sound = match &mut self.sound {
            Some(sound) if sound.format() == format => sound,
            other => other.insert(Incoming::new(format)),
        };
        sound.read(base64)
    }
}
