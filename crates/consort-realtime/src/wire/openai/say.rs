//! What is said to the session, as the client's events.
use super::{OpenAiLive, items, settings};
use crate::wire::step::Step;
use consort_core::{Media, Pcm, SessionInput, SessionUpdate, ToolResult};
use serde_json::json;
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
                step.send(items::words(&text));
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
        let wanted = self.answers.wanted || (self.resulted && self.calls.is_empty());
        if self.is_open && wanted && self.answers.is_idle() {
            (self.answers.wanted, self.resulted) = (false, false);
            self.answers.asked.push_back(self.answers.epoch);
            step.send(json!({"type": "response.create"}));
        }
    }

    fn sound(&mut self, pcm: &Pcm, step: &mut Step) {
        match self.out.write(pcm) {
            Ok(piece) => self.append(piece, step),
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
            step.send(json!({"type": "input_audio_buffer.commit"}));
            self.answers.wanted = true;
        }
    }

    fn show(&mut self, media: &Media, step: &mut Step) {
        match items::picture(media, &self.quirks) {
            Some(message) => {
                self.shown = true;
                step.send(message);
            }
            None => step.warn("dropped", "this model cannot be shown this picture; it is left out"),
        }
    }

    pub(super) fn show_frame(&mut self, step: &mut Step) {
        if let Some(frame) = self.frame.take() {
            self.show(&frame, step);
        }
    }

    /// One answer is wanted when all calls have their results, those too that are still to come.
    fn result(&mut self, result: &ToolResult, step: &mut Step) {
        let (message, lost) = items::result(result);
        step.send(message);
        if lost > 0 {
            let what = format!("{lost} parts of what `{}` gave are no text and are left out", result.name);
            step.warn("dropped", what);
        }
        self.calls.retain(|id| *id != result.call_id);
        self.resulted = true;
    }

    /// Cuts the answer that is meant, and tells the server how much of it was heard.
    fn interrupt(&mut self, item: Option<&str>, heard: Duration, step: &mut Step) {
        self.answers.epoch += 1;
        let epoch = self.answers.epoch;
        let mut cancel = item.is_none() && !self.answers.asked.is_empty();
        let mut is_whole = true;
        if item.is_some() {
            self.answers.asked.iter_mut().for_each(|asked| *asked = epoch);
        }
        for answer in self.answers.running() {
            if item.is_some_and(|item| answer.items.iter().all(|own| own.id != item)) {
                // The user cut an older one: this one is still wanted.
                answer.epoch = epoch;
                continue;
            }
            is_whole = false;
            cancel |= !std::mem::replace(&mut answer.cut, true);
        }
        if cancel {
            step.send(json!({"type": "response.cancel"}));
        }
        if item.is_none() && is_whole {
            // What is spoken into a silence cuts nothing.
            return;
        }
        let Some((item, received)) = self.answers.sound_of(item) else { return };
        if heard < received || !is_whole {
            step.send(json!({
                "type": "conversation.item.truncate",
                "item_id": item,
                "content_index": 0,
                "audio_end_ms": heard.min(received).as_millis() as u64,
            }));
        }
    }

    fn update(&mut self, update: SessionUpdate, step: &mut Step) {
        step.send(settings::change(&update, &self.config, &self.quirks));
        self.config.update(update);
        self.detects = self.config.turn_detection != Some(false);
        self.interrupts = self.detects;
    }
}
