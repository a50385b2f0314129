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
    /// The epochs in which answers were asked for that did not begin yet.
    pub(super) asked: VecDeque<u64>,
    running: VecDeque<Answer>,
    /// What ended last: what comes late is still its own.
    ended: Option<Answer>,
    sounds: VecDeque<(String, Duration)>,
}

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) id: String,
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
        self.running.is_empty() && self.asked.is_empty()
    }

    pub(super) fn running(&mut self) -> &mut VecDeque<Answer> {
        &mut self.running
    }

    /// An answer begins: one that was asked for, else one that the server gives by itself.
    pub(super) fn begin(&mut self, id: &str) {
        if self.place(id).is_some() {
            return;
        }
        let epoch = self.asked.pop_front().unwrap_or(self.epoch);
        self.running.push_back(Answer { id: id.to_owned(), epoch, ..Answer::default() });
        if self.running.len() > MOST_ANSWERS {
            self.ended = self.running.pop_front();
        }
    }

    /// Where an answer is among those under way. What names none is of the newest.
    fn place(&self, id: &str) -> Option<usize> {
        if id.is_empty() {
            return self.running.len().checked_sub(1);
        }
        self.running.iter().position(|answer| answer.id == id)
    }

    /// The answer of this id, which begins where nobody said so.
    pub(super) fn of(&mut self, id: &str) -> &mut Answer {
        let running = self.place(id);
        if running.is_none() && self.ended.as_ref().is_some_and(|ended| ended.id == id) {
            return self.ended.get_or_insert_default();
        }
        let at = running.unwrap_or_else(|| {
            self.begin(id);
            self.running.len() - 1
        });
        &mut self.running[at]
    }

    /// The answer ends; what is late for it still finds it.
    pub(super) fn end(&mut self, id: &str) -> &mut Answer {
        if let Some(answer) = self.place(id).and_then(|at| self.running.remove(at)) {
            self.ended = Some(answer);
        } else if self.ended.as_ref().is_none_or(|ended| ended.id != id) {
            let epoch = self.asked.pop_front().unwrap_or(self.epoch);
            self.ended = Some(Answer { id: id.to_owned(), epoch, ..Answer::default() });
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

    /// How much sound came of an item, or of the last one.
    pub(super) fn sound_of(&self, item: Option<&str>) -> Option<(String, Duration)> {
        match item {
            Some(item) => self.sounds.iter().find(|(id, _)| id == item).cloned(),
            None => self.sounds.back().cloned(),
        }
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
    pub(super) fn read(&mut self, base64: &str, format: Format) -> Result<Pcm, Error> {
        let sound = match &mut self.sound {
            Some(sound) if sound.format() == format => sound,
            other => other.insert(Incoming::new(format)),
        };
        sound.read(base64)
    }
}
