//! What is told of an answer, in the vendor's order.
use super::super::{PIECE, Reply};
use super::answer::{Answer, Item, counts};
use super::refusal::of_error;
use crate::cascade::UNHEARD;
use crate::wire::sound::Outgoing;
use consort_core::{Error, Finish, FinishReason, Pcm, ToolCall, TranscriptMode, Usage};
use serde_json::{Value, json};
use std::time::Duration;

/// Tells of an answer: the answer, where to, and how events are numbered.
pub(super) struct Telling<'a> {
    pub(super) answer: &'a mut Answer,
    pub(super) reply: &'a mut Reply,
    pub(super) event: &'a mut dyn FnMut(Value) -> Value,
    /// A new id for an item, and what is before it in the conversation.
    pub(super) item_id: String,
    pub(super) before: Option<String>,
    /// Until when the client plays what it was sent.
    pub(super) busy: &'a mut Duration,
}

impl Telling<'_> {
    fn tell(&mut self, value: Value) {
        let value = (self.event)(value);
        self.reply.send(value);
    }

    /// The item by the model's name for it; true where it is new.
    fn item(&mut self, theirs: &str) -> (usize, bool) {
        if let Some(at) = self.answer.items.iter().position(|item| item.theirs == theirs) {
            return (at, false);
        }
        let item = Item::new(&self.item_id, theirs, self.before.clone());
        self.answer.items.push(item);
        let at = self.answer.items.len() - 1;
        let shown = self.answer.items[at].shown("in_progress");
        self.added(at, shown);
        (at, true)
    }

    fn added(&mut self, at: usize, shown: Value) {
        let (response, previous) = (self.answer.id.clone(), self.before.clone());
        self.tell(json!({"type": "response.output_item.added", "response_id": response, "output_index": at, "item": shown}));
        self.tell(json!({"type": "conversation.item.added", "previous_item_id": previous, "item": shown}));
    }

    /// An event of a place in an item's content, which begins where it has not.
    fn piece(&mut self, at: usize, spoken: bool, kind: &str, more: Value) {
        let index = self.content(at, spoken);
        self.place(at, index, kind, more);
    }

    fn place(&mut self, at: usize, index: usize, kind: &str, more: Value) {
        let mut value = json!({
            "type": kind, "response_id": self.answer.id, "item_id": self.answer.items[at].id,
            "output_index": at, "content_index": index,
        });
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
        }
        self.tell(value);
    }

    fn content(&mut self, at: usize, spoken: bool) -> usize {
        let item = &mut self.answer.items[at];
        let count = usize::from(item.spoken.is_some()) + usize::from(item.written.is_some());
        let side = if spoken { &mut item.spoken } else { &mut item.written };
        if let Some(index) = *side {
            return index;
        }
        *side = Some(count);
        let part = if spoken {
            json!({"type": "audio", "transcript": ""})
        } else {
            json!({"type": "text", "text": ""})
        };
        self.place(at, count, "response.content_part.added", json!({"part": part}));
        count
    }

    /// What is said aloud, in words. True where the item is new.
    pub(super) fn words(&mut self, theirs: &str, mode: TranscriptMode, text: &str) -> bool {
        let (at, is_new) = self.item(theirs);
        let more = self.answer.items[at].words.add(mode, text);
        if !self.answer.speaks {
            self.write(at, more.as_deref().unwrap_or_default());
            return is_new;
        }
        if let Some(delta) = more {
            self.piece(at, true, "response.output_audio_transcript.delta", json!({"delta": delta}));
        }
        // Of what was cut the sound's end comes first.
        if mode == TranscriptMode::Final && self.answer.cut.is_none() {
            self.words_done(at);
        }
        is_new
    }

    fn words_done(&mut self, at: usize) {
        let item = &mut self.answer.items[at];
        if item.spoken.is_none() && item.words.whole().is_empty() {
            return;
        }
        if !std::mem::replace(&mut item.words_done, true) {
            let whole = item.words.whole().to_owned();
            self.piece(at, true, "response.output_audio_transcript.done", json!({"transcript": whole}));
        }
    }

    /// Words that are not spoken.
    pub(super) fn text(&mut self, theirs: &str, text: &str) -> bool {
        let (at, is_new) = self.item(theirs);
        self.write(at, text);
        is_new
    }

    fn write(&mut self, at: usize, text: &str) {
        if !text.is_empty() {
            self.answer.items[at].text.push_str(text);
            self.piece(at, false, "response.output_text.delta", json!({"delta": text}));
        }
    }

    pub(super) fn sound(&mut self, theirs: &str, pcm: &Pcm, at_time: Duration) -> Result<bool, Error> {
        if self.answer.cut.is_some() {
            return Ok(false);
        }
        if !self.answer.speaks {
            self.unwanted(theirs);
            return Ok(false);
        }
        let (at, is_new) = self.item(theirs);
        for piece in pcm.pieces(PIECE) {
            let format = self.answer.format;
            let item = &mut self.answer.items[at];
            item.is_whole = false;
            let (delta, length) = item.sound.get_or_insert_with(|| Outgoing::new(format)).write(&piece)?;
            *self.busy = at_time.max(*self.busy);
            self.sounds(at, &delta, length);
        }
        Ok(is_new)
    }

    /// The client only reads: that the model speaks says all the same that the answer is not over.
    fn unwanted(&mut self, theirs: &str) {
        match self.answer.voices.iter_mut().find(|(name, _)| name == theirs) {
            Some((_, is_all)) => *is_all = false,
            None => self.answer.voices.push((theirs.to_owned(), false)),
        }
    }

    /// The client plays it behind what else it has.
    fn sounds(&mut self, at: usize, delta: &str, length: Duration) {
        if !length.is_zero() {
            *self.busy = self.answer.items[at].played.push(length, *self.busy);
            self.piece(at, true, "response.output_audio.delta", json!({"delta": delta}));
        }
    }

    /// No more sound comes of this item, or none at all. What was cut is not complete.
    pub(super) fn sound_done(&mut self, theirs: &str, is_cut: bool) {
        let place = self.answer.items.iter().position(|item| item.theirs == theirs);
        if let Some((_, is_all)) = self.answer.voices.iter_mut().find(|(name, _)| name == theirs) {
            *is_all = true;
        } else if let Some(at) = place {
            self.answer.items[at].silent |= !self.answer.items[at].sounds();
        } else {
            self.answer.soundless = true;
        }
        let Some(at) = place.filter(|_| self.answer.cut.is_none()) else { return };
        self.answer.items[at].is_whole = !is_cut;
        if self.answer.speaks {
            self.hush(at);
        }
    }

    fn hush(&mut self, at: usize) {
        let item = &mut self.answer.items[at];
        if !item.sounds() || std::mem::replace(&mut item.sound_done, true) {
            return;
        }
        if let Some(mut sound) = item.sound.take().filter(|_| self.answer.cut.is_none()) {
            let (delta, length) = sound.end(Duration::ZERO);
            self.sounds(at, &delta, length);
        }
        self.piece(at, true, "response.output_audio.done", json!({}));
    }

    pub(super) fn call(&mut self, call: &ToolCall) {
        self.answer.called = true;
        let at = self.answer.items.len();
        let mut item = Item::new(&self.item_id, &format!("call:{}", call.id), self.before.clone());
        item.call = Some(json!({"call_id": call.id, "name": call.name, "arguments": ""}));
        self.answer.items.push(item);
        let shown = self.answer.items[at].shown("in_progress");
        self.added(at, shown);
        let (response, id) = (self.answer.id.clone(), self.answer.items[at].id.clone());
        let arguments = call.arguments.json_text();
        let base = |kind: &str| json!({"type": kind, "response_id": response, "item_id": id, "output_index": at, "call_id": call.id});
        let mut delta = base("response.function_call_arguments.delta");
        delta["delta"] = arguments.into();
        self.tell(delta);
        let mut done = base("response.function_call_arguments.done");
        done["name"] = call.name.as_str().into();
        done["arguments"] = arguments.into();
        self.tell(done);
        if let Some(shown) = &mut self.answer.items[at].call {
            shown["arguments"] = arguments.into();
        }
        self.item_done(at, "completed");
    }

    fn item_done(&mut self, at: usize, status: &str) -> Value {
        let item = &self.answer.items[at];
        let (shown, previous) = (item.shown(status), item.before.clone());
        let response = self.answer.id.clone();
        self.tell(json!({"type": "conversation.item.done", "previous_item_id": previous, "item": shown}));
        self.tell(json!({"type": "response.output_item.done", "response_id": response, "output_index": at, "item": shown}));
        shown
    }

    /// The answer is over.
    pub(super) fn finish(&mut self, finish: &Finish, usage: Option<&Usage>, conversation: &str) {
        let (status, details) = self.status(finish);
        let mut output = Vec::new();
        for at in 0..self.answer.items.len() {
            if self.answer.items[at].call.is_some() {
                output.push(self.answer.items[at].shown("completed"));
                continue;
            }
            self.answer.items[at].is_whole |= status == "completed";
            // Where the client does not know of the cut, the end of the sound would say that there was none.
            if self.answer.cut.is_none_or(|(_, is_known)| is_known) {
                self.hush(at);
            }
            if self.answer.speaks {
                self.words_done(at);
            }
            self.parts_done(at);
            output.push(self.item_done(at, if status == "completed" { "completed" } else { "incomplete" }));
        }
        let usage = usage.map_or(Value::Null, counts);
        let response = self.answer.response(conversation, status, details, usage, &output);
        self.tell(json!({"type": "response.done", "response": response}));
    }

    fn parts_done(&mut self, at: usize) {
        let item = &self.answer.items[at];
        let (spoken, written) = (item.spoken, item.written);
        if let Some(index) = written {
            let text = item.text.clone();
            self.place(at, index, "response.output_text.done", json!({"text": text}));
            self.place(
                at,
                index,
                "response.content_part.done",
                json!({"part": {"type": "text", "text": text}}),
            );
        }
        if let Some(index) = spoken {
            let words = self.answer.items[at].words.whole().to_owned();
            let part = json!({"type": "audio", "transcript": words});
            self.place(at, index, "response.content_part.done", json!({"part": part}));
        }
    }

    fn status(&mut self, finish: &Finish) -> (&'static str, Value) {
        if let Some((reason, _)) = self.answer.cut {
            return ("cancelled", json!({"type": "cancelled", "reason": reason}));
        }
        let incomplete = |reason: &str| ("incomplete", json!({"type": "incomplete", "reason": reason}));
        match finish.reason {
            FinishReason::Length => incomplete("max_output_tokens"),
            FinishReason::ContentFilter => incomplete("content_filter"),
            FinishReason::Other if was_cut(finish) => {
                ("cancelled", json!({"type": "cancelled", "reason": "turn_detected"}))
            }
            // Nobody said anything, so nothing is answered: that is no failure, and clients take `incomplete` for one.
            FinishReason::Other if finish.vendor_reason.as_deref() == Some(UNHEARD) => {
                ("cancelled", json!({"type": "cancelled", "reason": null}))
            }
            FinishReason::Other => {
                let mut details = json!({"type": "failed", "error": null});
                if let Some(error) = self.answer.failed.take() {
                    details["error"] = of_error(&error);
                } else {
                    let words =
                        finish.vendor_reason.as_deref().unwrap_or("the model did not say why it ended");
                    details["error"] =
                        json!({"type": "server_error", "code": "model_ended", "message": words});
                }
                ("failed", details)
            }
            _ => ("completed", Value::Null),
        }
    }
}

/// Whether models say that the user cut it by this.
fn was_cut(finish: &Finish) -> bool {
    finish.vendor_reason.as_deref().is_some_and(|word| word == "interrupted" || word.starts_with("cancelled"))
}
