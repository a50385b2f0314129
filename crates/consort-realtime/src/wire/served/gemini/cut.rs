//! What the user speaks into: an answer that is made, and those that were sent whole and still play by the clock.
use super::super::entry::Entry;
use super::super::{CUT, Reply};
use super::parts::Parts;
use super::{Answer, GeminiServed};
use crate::heard::Speed;
use consort_core::{Message, SessionInput, TranscriptMode};
use serde_json::{Value, json};
use std::time::Duration;

/// An answer that was sent whole, and may still play.
#[derive(Debug)]
pub(super) struct Sent {
    /// Its name in the conversation.
    id: String,
    parts: Parts,
    /// Whether it is of the session that goes on: another one does not know its items.
    is_known: bool,
}

impl Sent {
    /// What it says in words, where it is of this item, and by which name it is known.
    pub(super) fn words(&self, item: &str) -> Option<(String, String)> {
        let is_it = self.is_known && self.parts.has(item);
        is_it.then(|| (self.id.clone(), self.parts.said(None, Speed::default())))
    }

    /// Another session takes over.
    pub(super) fn forget_items(&mut self) {
        self.is_known = false;
    }
}

impl GeminiServed {
    /// The user speaks into what is said: the client stops playing it, and the model is told how much was heard.
    pub(super) fn cut(&mut self, at: Duration, reply: &mut Reply) {
        let mut was_cut = self.cut_sent(at, &mut reply.inputs);
        if let Some(answer) = self.answer.as_mut().filter(|answer| !answer.cut) {
            answer.cut = true;
            answer.due = Some(at + CUT);
            let heard = answer.parts.heard(at);
            answer.heard = Some(heard);
            let before = answer.parts.heard_of_before(heard, self.past.speed);
            before.iter().for_each(|(id, said)| self.past.shorten(id, said));
            let (item, heard) = answer.parts.playing(heard);
            reply.inputs.push(SessionInput::Interrupt { item, heard });
            was_cut = true;
        } else {
            self.hushed |= was_cut;
        }
        if was_cut {
            self.busy = at;
            reply.send(json!({"serverContent": {"interrupted": true}}));
        }
    }

    /// The model cut what it said, also where all of it was made: what is left of it is not to be played.
    pub(super) fn interrupted(&mut self, at: Duration, reply: &mut Reply) {
        // It knows by itself.
        self.cut_sent(at, &mut Vec::new());
        self.busy = at;
        let was_told = match &mut self.answer {
            Some(answer) => {
                answer.due.get_or_insert(at + CUT);
                let heard = answer.parts.heard(at);
                answer.heard.get_or_insert(heard);
                let before = answer.parts.heard_of_before(heard, self.past.speed);
                before.iter().for_each(|(id, said)| self.past.shorten(id, said));
                std::mem::replace(&mut answer.cut, true)
            }
            None => self.hushed,
        };
        if !was_told {
            reply.send(json!({"serverContent": {"interrupted": true}}));
        }
    }

    /// Of answers that were sent whole only so much was heard: that is what everybody is told from now on. Whether any was
    /// still playing.
    fn cut_sent(&mut self, at: Duration, inputs: &mut Vec<SessionInput>) -> bool {
        let mut was_cut = false;
        for sent in std::mem::take(&mut self.sent).into_iter().filter(|sent| sent.parts.plays(at)) {
            was_cut = true;
            let heard = sent.parts.heard(at);
            let said = sent.parts.said(Some(heard), self.past.speed);
            self.past.shorten(&sent.id, &said);
            let before = sent.parts.heard_of_before(heard, self.past.speed);
            before.iter().for_each(|(id, said)| self.past.shorten(id, said));
            let (item, heard) = sent.parts.playing(heard);
            inputs.extend(sent.is_known.then_some(SessionInput::Interrupt { item, heard }));
        }
        was_cut
    }

    /// Another answer begins: what was heard to its end by now cannot be cut any more.
    pub(super) fn forget_heard(&mut self, at: Duration) {
        self.hushed = false;
        // Of the newest the last words may still come.
        let newest = self.sent.len().saturating_sub(1);
        let mut place = 0..;
        self.sent.retain(|sent| {
            let is_newest = place.next() == Some(newest);
            sent.parts.plays(at) || (is_newest && sent.parts.lacks_words())
        });
    }

    /// More words of an answer that was sent: what is new of them. Nothing where it is not known, or has all its words.
    pub(super) fn add_words(&mut self, item: &str, mode: TranscriptMode, text: &str) -> Option<String> {
        let sent =
            self.sent.iter_mut().rev().find(|sent| sent.is_known && sent.parts.lacks_words_of(item))?;
        let more = sent.parts.words(item).add(mode, text);
        self.past.shorten(&sent.id, &sent.parts.said(None, self.past.speed));
        Some(more.unwrap_or_default())
    }

    /// What an answer said is part of the conversation.
    pub(super) fn keep(&mut self, answer: Answer) {
        // What is written was read.
        let said = answer.parts.said(answer.heard.filter(|_| self.is_heard()), self.past.speed);
        self.kept += 1;
        let id = format!("answer{}", self.kept);
        if !said.is_empty() || (!answer.cut && answer.parts.lacks_words()) {
            let said = (!said.is_empty()).then(|| Message::assistant(said));
            self.past.keep(Entry::new(&id, Value::Null, said, true));
        }
        if !answer.cut {
            self.sent.push(Sent { id, parts: answer.parts, is_known: true });
        }
    }
}
