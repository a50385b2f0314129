//! What is said to the session, as the client's events.
use super::answers::Wish;
use super::{OpenAiLive, items, settings};
use crate::wire::{step::Step, told};
use consort_core::{Media, Pcm, SessionInput, SessionUpdate, ToolResult};
use serde_json::{Value, json};
use std::time::Duration;

/// Less sound than this is refused as a turn.
const SHORTEST_TURN: Duration = Duration::from_millis(100);
/// Behind so much silence, servers that listen for the end of a turn have found it.
const SILENCE: Duration = Duration::from_secs(1);

impl OpenAiLive {
    pub(super) fn say(&mut self, input: SessionInput, step: &mut Step) {
        match input {
            SessionInput::Audio(pcm) => self.sound(&pcm, step),
            SessionInput::Text { text } if self.quirks.text => {
                self.show_frame(step);
                self.send(items::words(&text), step);
                self.shown = false;
                self.answers.wanted = true;
            }
            SessionInput::Text { .. } => {
                step.warn("dropped", "this model takes no words, only speech; they are left out");
            }
            SessionInput::Image { media } => self.show(&media, step),
            SessionInput::Video { media } => self.frame = Some(media),
            SessionInput::ToolResult { result } => self.result(&result, step),
            SessionInput::Commit => self.commit(step),
            SessionInput::Interrupt { item, heard } => self.interrupt(item.as_deref(), heard, step),
            SessionInput::Update { update } => self.update(update, step),
        }
    }

    /// Asks for the answer that is wanted, once none is under way.
    pub(super) fn ask(&mut self, step: &mut Step) {
        let wanted = self.answers.wanted || self.calls.is_ready();
        if self.is_open && wanted && self.answers.is_idle() {
            self.answers.wanted = false;
            self.calls.asked();
            let name = self.send(json!({"type": "response.create"}), step);
            self.answers.asked.push_back(Wish { epoch: self.answers.epoch, name });
        }
    }

    /// Sends what a server may refuse, under a name by which an error says what it is about.
    fn send(&mut self, mut message: Value, step: &mut Step) -> String {
        self.named += 1;
        let name = format!("consort_{}", self.named);
        message["event_id"] = name.clone().into();
        step.send(message);
        name
    }

    fn sound(&mut self, pcm: &Pcm, step: &mut Step) {
        match self.out.write_all(pcm) {
            Ok(pieces) => pieces.into_iter().for_each(|piece| self.append(piece, step)),
            Err(error) => step.fail(error),
        }
    }

    fn append(&mut self, (audio, length): (String, Duration), step: &mut Step) {
        if !length.is_zero() {
            self.pending += length;
            step.send(json!({"type": "input_audio_buffer.append", "audio": audio}));
        }
    }

    /// Where the server finds the end of a turn, it is let hear one: a turn that was ended from both sides would be
    /// answered twice, or refused.
    fn commit(&mut self, step: &mut Step) {
        let (is_silent, shown) = (self.pending.is_zero(), std::mem::take(&mut self.shown));
        if is_silent {
            // Pictures alone can be answered; nothing cannot.
            self.answers.wanted |= shown;
            return;
        }
        self.show_frame(step);
        let more = if self.detects { SILENCE } else { SHORTEST_TURN.saturating_sub(self.pending) };
        let rest = self.out.end(more);
        self.append(rest, step);
        (self.pending, self.shown) = (Duration::ZERO, false);
        if !self.detects {
            self.send(json!({"type": "input_audio_buffer.commit"}), step);
            self.answers.wanted = true;
        }
    }

    fn show(&mut self, media: &Media, step: &mut Step) {
        match items::picture(media, &self.quirks) {
            Some(message) => {
                self.shown = true;
                self.send(message, step);
            }
            None => step.warn("dropped", "this model cannot be shown this picture; it is left out"),
        }
    }

    pub(super) fn show_frame(&mut self, step: &mut Step) {
        if let Some(frame) = self.frame.take() {
            self.show(&frame, step);
        }
    }

    /// One answer is wanted when all calls of an answer have their results, those too that are still to come.
    fn result(&mut self, result: &ToolResult, step: &mut Step) {
        let is_known = self.calls.resulted(&result.call_id);
        if !is_known && !self.quirks.text {
            let what = format!("the result of `{}` came too late and is left out", result.name);
            return step.warn("dropped", what);
        }
        let (message, lost) = items::result(result);
        self.send(message, step);
        if lost > 0 {
            let what = format!("{lost} parts of what `{}` gave are no text and are left out", result.name);
            step.warn("dropped", what);
        }
        if !is_known {
            self.calls.others_resulted();
        }
    }

    /// Cuts the answer that is meant, and tells the server how much of it was heard.
    fn interrupt(&mut self, item: Option<&str>, heard: Duration, step: &mut Step) {
        self.answers.epoch += 1;
        let epoch = self.answers.epoch;
        let mut cancel = item.is_none() && !self.answers.asked.is_empty();
        let (mut is_whole, mut sounding) = (true, None);
        if item.is_some() {
            self.answers.asked.iter_mut().for_each(|wish| wish.epoch = epoch);
        }
        for answer in self.answers.running() {
            if item.is_some_and(|item| answer.items.iter().all(|own| own.id != item)) {
                // The user cut an older one: this one is still wanted, unless it was cut itself.
                if !answer.cut {
                    answer.epoch = epoch;
                }
                continue;
            }
            let was_cut = std::mem::replace(&mut answer.cut, true);
            if was_cut && item.is_none() {
                // How much of it was heard was said already.
                continue;
            }
            is_whole = false;
            let spoken = answer.items.iter().rev().find(|own| own.has_sound());
            sounding = spoken.map(|own| own.id.clone()).or(sounding);
            cancel |= !was_cut && answer.is_begun;
        }
        if cancel {
            self.send(json!({"type": "response.cancel"}), step);
        }
        // What is spoken into a silence cuts nothing; nor is what was heard before taken back.
        let Some(item) = item.or(sounding.as_deref()) else { return };
        let Some((item, received)) = self.answers.sound_of(item) else { return };
        if self.quirks.truncates && (heard < received || !is_whole) {
            let message = json!({
                "type": "conversation.item.truncate",
                "item_id": item,
                "content_index": 0,
                "audio_end_ms": heard.min(received).as_millis() as u64,
            });
            self.send(message, step);
        }
    }

    fn update(&mut self, mut update: SessionUpdate, step: &mut Step) {
        let own = update.clone();
        if let Some(instructions) = &mut update.instructions {
            *instructions = told::below(instructions, &self.told);
        }
        self.send(settings::change(&update, &self.config, &self.quirks), step);
        self.config.update(own);
        self.detects = self.config.turn_detection != Some(false);
        self.interrupts = self.detects;
    }
}
