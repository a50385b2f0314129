//! What was said in a call so far, as its minutes have it: what processors are asked about.
use super::minutes::{Minutes, WORDLESS, Write};
use crate::shown::{Shown, fade};
use consort_core::{Message, Part};
use consort_store::TurnId;
use std::collections::VecDeque;

/// So many turns are known; older ones stand in the log alone.
const TURNS: usize = 100;

/// The newest turns.
#[derive(Debug, Default)]
pub(super) struct Said {
    turns: VecDeque<Turn>,
}

/// What was said in one, and what was shown.
#[derive(Debug, Clone)]
struct Turn {
    id: TurnId,
    message: Message,
    shown: Shown,
}

impl Turn {
    fn hold(&mut self, mut parts: Vec<Part>) {
        self.shown = Shown::take(&mut parts);
        self.message.parts = parts;
    }

    fn message(mut self) -> Message {
        self.message.parts.splice(0..0, self.shown.parts());
        self.message
    }
}

impl Said {
    pub(super) fn note(&mut self, write: &Write) {
        match write {
            Write::Begin(turn) => {
                let message = Message::new(turn.role, Vec::new());
                let message = Message { name: turn.participant.clone(), ..message };
                let mut said = Turn { id: turn.id, message, shown: Shown::default() };
                said.hold(turn.parts.clone());
                self.turns.push_back(said);
                let over = self.turns.len().saturating_sub(TURNS);
                self.turns.drain(..over);
            }
            Write::End(id, ending) => {
                if let Some(turn) = self.turns.iter_mut().rev().find(|turn| turn.id == *id) {
                    // What stands for words that nobody knows is no words.
                    let known = |part: &&Part| part.as_text() != Some(WORDLESS);
                    turn.hold(ending.parts.iter().filter(known).cloned().collect());
                }
            }
            Write::Grow(..) | Write::Book(_) | Write::Title(_) => return,
        }
        fade(self.turns.iter_mut().rev().map(|turn| &mut turn.shown));
    }

    /// All of it, with what is known by now of turns that go on.
    pub(super) fn messages(&self, minutes: &Minutes) -> Vec<Message> {
        let mut turns = self.turns.clone();
        for turn in &mut turns {
            if let Some(parts) = minutes.so_far(turn.id) {
                turn.hold(parts);
            }
        }
        fade(turns.iter_mut().rev().map(|turn| &mut turn.shown));
        turns.into_iter().map(Turn::message).filter(|message| !message.parts.is_empty()).collect()
    }
}
