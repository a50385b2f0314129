//! Answers that are not heard to their end: cut by speech or by the client, and truncated to what was played.
use super::super::entry::Says;
use super::super::patience::Came;
use super::super::{CUT, QUIET, Reply};
use super::answer::{Answer, Item};
use super::refusal::Refusal;
use super::wish::Wish;
use super::{EMPTY, OpenAiServed, Said};
use crate::heard::Sound;
use consort_core::{Error, Phase, SessionInput};
use serde_json::json;
use std::time::Duration;

impl OpenAiServed {
    /// What the user said will be answered: the client knows of it before the model says a word.
    pub(super) fn expect(&mut self, at: Duration, reply: &mut Reply) {
        // Words whose sound is awaited are not all of it.
        let is_over = |answer: &Answer| answer.due.is_some() && !(answer.waits_for_voice());
        if self.answer.as_ref().is_some_and(is_over) {
            self.finish_early(reply);
        }
        if self.answer.is_none() {
            let answer = self.begin(&Wish::usual(&self.settings), reply);
            (answer.expected, answer.limit) = (true, Some(at + EMPTY));
        }
    }

    /// Cuts the answer under way, for this reason. What the model still says of it is not told.
    pub(super) fn cut(&mut self, reason: &'static str, at: Duration, reply: &mut Reply) {
        self.stops_playing(at);
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.cut.is_none()) else { return };
        answer.cut = Some((reason, true));
        answer.due = Some(at + CUT);
        if answer.items.is_empty() {
            return self.cut_thinking(reason, reply);
        }
        let (heard_by_now, last) = (answer.heard(at), answer.items.iter().rposition(Item::sounds));
        if last.is_none() {
            reply.inputs.push(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
        }
        for (place, (item, heard)) in answer.items.iter_mut().zip(&heard_by_now).enumerate() {
            let stops = *heard < item.played.sounded();
            if last == Some(place) || stops {
                item.told = Some(*heard);
                let name = Some(item.theirs.clone());
                reply.inputs.push(SessionInput::Interrupt { item: name, heard: *heard });
            }
        }
        self.note_heard(&heard_by_now);
    }

    /// The client drops what it has not played yet.
    fn stops_playing(&mut self, at: Duration) {
        self.busy = self.busy.min(at);
    }

    /// So much of each item of the answer under way was heard.
    fn note_heard(&mut self, heard: &[Duration]) {
        self.note();
        let items = self.answer.iter().flat_map(|answer| &answer.items);
        let heard: Vec<(String, Duration)> =
            items.map(|item| item.id.clone()).zip(heard.iter().copied()).collect();
        heard.into_iter().for_each(|(id, heard)| self.heard(&id, heard));
    }

    /// The model cut what it said: the answer under way, unless the client was told already that the one it means is over.
    pub(super) fn interrupted(&mut self, item: Option<&str>, at: Duration) {
        let owed = self.owed > 0 && item.is_none_or(|item| self.is_past(item));
        // Some models know that one which they said to its end still plays.
        let is_others = item.is_some_and(|item| self.is_past(item) && !self.has(item));
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.cut.is_none()) else { return };
        if is_others || (owed && answer.items.is_empty()) {
            return;
        }
        answer.cut = Some(("turn_detected", false));
        answer.due = Some(at + CUT);
        let heard = answer.heard(at);
        self.note_heard(&heard);
        self.stops_playing(at);
    }

    /// Whether this is of the answer under way.
    pub(super) fn has(&self, theirs: &str) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.has(theirs))
    }

    /// Nothing of it came yet. A model that answers all the same is told again once its answer has a name.
    fn cut_thinking(&mut self, reason: &'static str, reply: &mut Reply) {
        // A model that heard the user go on knows by itself.
        let knows = reason == "turn_detected" && self.ears.is_told_by_the_model();
        if !knows {
            reply.inputs.push(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
        }
        self.finish_early(reply);
        self.hushed = reason == "client_cancelled";
    }

    /// What was heard as a turn need not be one for the model: where nothing came of its answer, and there is more to be
    /// answered, it gives way.
    pub(super) fn give_way(&mut self, at: Duration, reply: &mut Reply) {
        // One of which nobody hears any more, and whose model says no end, either.
        if self.answer.as_ref().is_some_and(|answer| answer.is_played(at) && self.busy + QUIET <= at) {
            return self.finish_early(reply);
        }
        let has_more = self.past.entries.iter().any(|entry| !entry.told);
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.expected && has_more) else { return };
        if answer.items.is_empty() && answer.cut.is_none() {
            answer.cut = Some(("client_cancelled", true));
            self.finish_early(reply);
        }
    }

    /// Whether this is of an answer that was cut before it began; the model is told.
    pub(super) fn is_hushed(&mut self, theirs: &str, reply: &mut Reply) -> bool {
        if self.hushed && !self.is_past(theirs) {
            let told = Some(Duration::ZERO);
            let theirs = theirs.to_owned();
            let said = Said { id: String::new(), theirs, told, rest: Came::All, last: None, words_of: None };
            let item = Some(said.theirs.clone());
            self.said.push_back(said);
            reply.inputs.push(SessionInput::Interrupt { item, heard: Duration::ZERO });
        }
        self.hushed
    }

    /// An answer of which nothing came in all this time has failed; what came of one that began was all of it.
    pub(super) fn give_up(&mut self, reply: &mut Reply) {
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.items.is_empty()) {
            let what = format!("nothing of an answer came in {} s", EMPTY.as_secs());
            answer.failed = Some(Error::timeout(Phase::FirstEvent, what));
        }
        self.queue.clear();
        self.finish_early(reply);
    }

    /// What the answer under way says so far is part of the conversation.
    pub(super) fn note(&mut self) {
        if let Some(answer) = self.answer.take() {
            self.keep_answer(&answer, "in_progress");
            self.answer = Some(answer);
        }
    }

    pub(super) fn keep_answer(&mut self, answer: &Answer, status: &str) {
        for item in answer.items.iter().filter(|item| item.call.is_none()) {
            let (shown, written) = (item.shown(status), !item.text.is_empty());
            let says = item.says();
            // How much of it was heard is counted in all that was said.
            let text = if answer.cut.is_some() { item.all() } else { &says };
            let sound = Sound { came: item.played.sounded(), is_whole: item.is_whole };
            self.past.said(&item.id, shown, &Says { text, sound, written });
        }
    }

    /// Only so much of an answer was heard. The model is told, as far as it was not told when the answer was cut.
    pub(super) fn truncate(
        &mut self,
        id: &str,
        index: u64,
        end: Duration,
        at: Duration,
        reply: &mut Reply,
    ) -> Result<(), Refusal> {
        let (place, _) = self.entry(id, "item_id")?;
        self.note();
        let length = self.past.entries[place].sounds_for();
        if length.is_zero() {
            return Err(Refusal::value("item_id", format!("'{id}' holds no sound that could be cut.")));
        }
        let parts = self.past.entries[place].shown["content"].as_array().map_or(0, Vec::len);
        if index >= parts as u64 {
            return Err(Refusal::value("content_index", format!("The item has {parts} parts, from 0 on.")));
        }
        if end > length {
            let what = format!("The item sounds for {} ms.", length.as_millis());
            return Err(Refusal::value("audio_end_ms", what));
        }
        self.stops_playing(at);
        self.heard(id, end);
        self.tell_heard(id, end, length, reply);
        self.tell(
            reply,
            json!({
                "type": "conversation.item.truncated", "item_id": id, "content_index": index,
                "audio_end_ms": end.as_millis() as u64,
            }),
        );
        Ok(())
    }

    /// Tells the model what it does not know of how much was heard. While it gives another answer, or goes on with this one,
    /// it cannot be told: then another session is.
    fn tell_heard(&mut self, id: &str, end: Duration, length: Duration, reply: &mut Reply) {
        let is_idle = self.answer.is_none() && self.said.back().is_some_and(|said| said.id == id);
        let is_cut = self.answer.as_ref().is_some_and(|answer| answer.cut.is_some());
        let item = self.answer.iter_mut().flat_map(|answer| &mut answer.items).find(|item| item.id == id);
        let said = self.said.iter_mut().find(|said| said.id == id);
        let (theirs, told, can_be_told) = match (item, said) {
            (Some(item), _) => (&item.theirs, &mut item.told, is_cut),
            (None, Some(said)) => (&said.theirs, &mut said.told, is_idle),
            (None, None) => return,
        };
        if !self.is_open || theirs.is_empty() || end >= told.unwrap_or(length) {
            return;
        }
        if can_be_told {
            *told = Some(end);
            reply.inputs.push(SessionInput::Interrupt { item: Some(theirs.clone()), heard: end });
        } else {
            self.past.outdate();
        }
    }
}
