//! The server's events, as ours.
use super::answers::Answer;
use super::{OpenAiLive, settings, words};
use crate::wire::json::{filled, native, text};
use crate::wire::step::{Step, Then};
use crate::wire::{ends, sound::Outgoing};
use consort_core::{Arguments, Error, Finish, FinishReason, SessionEvent, Speaker, ToolCall, TranscriptMode};
use serde_json::Value;

impl OpenAiLive {
    pub(super) fn hear(&mut self, event: Value, step: &mut Step) {
        match text(&event, "type") {
            // What is of no answer begins none.
            kind if is_of_answer(kind) && self.answers.is_stray(text(&event, "response_id")) => {
                step.tell(native(event));
            }
            "session.created" => {
                self.learn(&event["session"]);
                step.tell(native(event));
            }
            "session.updated" => self.updated(&event["session"], step),
            "input_audio_buffer.speech_started" => self.speech_started(step),
            "input_audio_buffer.speech_stopped" => {
                step.tell(SessionEvent::SpeechStopped { by: Speaker::User });
            }
            "input_audio_buffer.committed" => {
                (self.pending, self.shown) = (std::time::Duration::ZERO, false);
                step.turn = filled(&event, "item_id");
                step.tell(native(event));
            }
            kind if kind.starts_with("conversation.item.input_audio_transcription.") => {
                user_words(event, step);
            }
            "response.created" => match filled(&event["response"], "id") {
                Some(id) => {
                    self.end_others(&id, step);
                    self.answers.begin(&id);
                }
                None => step.tell(native(event)),
            },
            "response.done" => self.done(&event["response"], step),
            "response.output_item.added" => self.item_added(event, step),
            "response.output_item.done" => {
                let is_call = self.call(&event["item"], text(&event, "response_id"), step);
                if !is_call {
                    step.tell(native(event));
                }
            }
            "response.function_call_arguments.done" => self.call_done(event, step),
            "response.function_call_arguments.delta" => {}
            "response.output_audio.delta" | "response.audio.delta" => self.sound_came(&event, step),
            "response.output_audio.done" | "response.audio.done" => {
                let (response, item) = (text(&event, "response_id"), text(&event, "item_id"));
                let now = self.answers.epoch;
                let answer = self.answers.of(response);
                let cut = answer.cut || answer.epoch < now;
                silence(answer, item, cut, step);
            }
            "response.output_audio_transcript.delta" | "response.audio_transcript.delta" => {
                let piece = text(&event, "delta");
                self.item(&event).said.push_str(piece);
                spoken(&event, TranscriptMode::Delta, piece.to_owned(), step);
            }
            "response.output_audio_transcript.done" | "response.audio_transcript.done" => {
                let so_far = std::mem::take(&mut self.item(&event).said);
                let whole = event["transcript"].as_str().map_or(so_far, str::to_owned);
                spoken(&event, TranscriptMode::Final, whole, step);
            }
            "response.output_text.delta" | "response.text.delta" => {
                self.written(&event, text(&event, "delta"), step);
            }
            "response.output_text.done" | "response.text.done" => {
                // A server may say all of it at the end only.
                let so_far = self.item(&event).written.len();
                let rest = text(&event, "text").get(so_far..).unwrap_or_default().to_owned();
                self.written(&event, &rest, step);
            }
            "error" => self.error(event, step),
            _ => step.tell(native(event)),
        }
    }

    /// Takes over what the server says of the session.
    fn learn(&mut self, session: &Value) {
        let told = settings::told(session, &self.quirks);
        if let Some(format) = told.input.filter(|format| *format != self.out.format()) {
            self.out = Outgoing::new(format);
        }
        self.spoken = told.output.unwrap_or(self.spoken);
        // What comes before the first answer to our settings are the server's own.
        if self.is_open {
            self.detects = told.detects.unwrap_or(self.detects);
            self.interrupts = told.interrupts.unwrap_or(self.interrupts);
        }
    }

    fn updated(&mut self, session: &Value, step: &mut Step) {
        let is_first = !std::mem::replace(&mut self.is_open, true);
        self.learn(session);
        self.was_open = true;
        if is_first {
            let (model, session) = (filled(session, "model"), filled(session, "id"));
            step.tell(SessionEvent::Connected { model, session });
        }
    }

    /// Speech cuts the answer under way, unless the server was told to go on.
    fn speech_started(&mut self, step: &mut Step) {
        self.show_frame(step);
        step.tell(SessionEvent::SpeechStarted { by: Speaker::User });
        if !self.interrupts {
            return;
        }
        let mut cut = None;
        for answer in self.answers.running() {
            let item = answer.items.iter().rev().find(|item| item.is_speaking);
            if let Some(item) = item.filter(|_| !answer.cut) {
                cut = Some(item.id.clone());
                answer.cut = true;
            }
        }
        if cut.is_some() {
            self.answers.epoch += 1;
            step.tell(SessionEvent::Interrupted { item: cut });
        }
    }

    fn item(&mut self, event: &Value) -> &mut super::answers::Item {
        self.answers.of(text(event, "response_id")).item(text(event, "item_id"))
    }

    fn item_added(&mut self, event: Value, step: &mut Step) {
        let item = &event["item"];
        let answer = self.answers.of(text(&event, "response_id"));
        if text(item, "type") == "function_call" {
            text(item, "name").clone_into(&mut answer.item(text(item, "id")).name);
        } else {
            step.tell(native(event));
        }
    }

    fn written(&mut self, event: &Value, piece: &str, step: &mut Step) {
        self.item(event).written.push_str(piece);
        if !piece.is_empty() {
            let item = text(event, "item_id").to_owned();
            step.tell(SessionEvent::Text { item, text: piece.to_owned() });
        }
    }

    fn sound_came(&mut self, event: &Value, step: &mut Step) {
        let (format, id) = (self.spoken, text(event, "item_id"));
        let answer = self.answers.of(text(event, "response_id"));
        if answer.cut {
            // Nobody hears it any more.
            return;
        }
        let epoch = answer.epoch;
        let item = answer.item(id);
        let is_first = !std::mem::replace(&mut item.is_speaking, true);
        let read = item.read(text(event, "delta"), format);
        if is_first {
            step.tell(SessionEvent::SpeechStarted { by: Speaker::Assistant });
        }
        match read {
            Ok(pcm) => {
                self.answers.heard(id, pcm.duration());
                step.tell(SessionEvent::Audio { item: id.to_owned(), epoch, pcm });
            }
            Err(error) => step.fail(Error::protocol(error.message().to_owned())),
        }
    }

    /// The call's name stands here, or in the item that began.
    fn call_done(&mut self, mut event: Value, step: &mut Step) {
        if text(&event, "name").is_empty() {
            let name = self.item(&event).name.clone();
            event["name"] = name.into();
        }
        if !text(&event, "name").is_empty() {
            event["type"] = "function_call".into();
            let response = text(&event, "response_id").to_owned();
            self.call(&event, &response, step);
        }
    }

    /// Tells a call, once; false where it is none.
    fn call(&mut self, item: &Value, response: &str, step: &mut Step) -> bool {
        if text(item, "type") != "function_call" {
            return false;
        }
        let (id, name) = (text(item, "call_id"), text(item, "name"));
        let answer = self.answers.of(response);
        if answer.calls.iter().any(|told| told == id) {
            return true;
        }
        answer.calls.push(id.to_owned());
        if self.quirks.own_tools && self.config.tools.iter().all(|tool| tool.name != name) {
            step.tell(native(item.clone()));
            return true;
        }
        answer.called = true;
        self.calls.made(&answer.id, id);
        let arguments = Arguments::new(text(item, "arguments"));
        let call = ToolCall { id: id.to_owned(), name: name.to_owned(), arguments };
        step.tell(SessionEvent::ToolCall { call });
        true
    }

    fn done(&mut self, response: &Value, step: &mut Step) {
        let id = text(response, "id");
        self.end_others(id, step);
        // First of all what only stands here.
        for item in response["output"].as_array().into_iter().flatten() {
            self.call(item, id, step);
        }
        let now = self.answers.epoch;
        let answer = self.answers.end(id);
        let is_cancelled = text(response, "status") == "cancelled";
        let was_known = answer.cut || answer.epoch < now;
        let spoke = answer.items.iter().rev().find(|item| item.is_speaking).map(|item| item.id.clone());
        let cut = is_cancelled && !was_known && spoke.is_some();
        answer.cut |= cut;
        if cut {
            step.tell(SessionEvent::Interrupted { item: spoke });
        }
        hush(answer, is_cancelled || was_known, step);
        let called = answer.called;
        self.answers.epoch += u64::from(cut);
        if text(response, "status") == "failed" {
            step.fail(ends::error(&response["status_details"]));
        }
        let finish = words::finish(response, called);
        step.tell(SessionEvent::TurnDone { finish, usage: words::usage(&response["usage"]) });
    }

    /// Of answers that nobody began nothing more is awaited when another begins or ends.
    fn end_others(&mut self, id: &str, step: &mut Step) {
        for mut answer in self.answers.doubt(id) {
            let is_cut = answer.cut || answer.epoch < self.answers.epoch;
            hush(&mut answer, is_cut, step);
        }
    }

    fn error(&mut self, event: Value, step: &mut Step) {
        let error = ends::error(&event);
        // Some servers name no message: then it is perhaps our wish for an answer that is refused.
        let refused = text(&event["error"], "event_id").to_owned();
        match error.vendor_code().unwrap_or_default() {
            // The answer ended while we cut it.
            "response_cancel_not_active" => return step.tell(native(event)),
            // The server began one by itself: ours comes behind it.
            "conversation_already_has_active_response" => {
                self.answers.refused(&refused);
                self.answers.believe();
                if !self.answers.is_idle() {
                    self.answers.wanted = true;
                    return step.tell(native(event));
                }
            }
            "session_expired" => {
                step.then = Then::Renew { reason: error.message().to_owned() };
                return;
            }
            _ => {}
        }
        if !self.is_open {
            step.then = Then::Close(error.into());
            return;
        }
        self.answers.refused(&refused);
        step.fail(error);
    }

    /// The connection is gone, and with it what was under way. What did not begin is asked for again.
    pub(super) fn cut_all(&mut self, step: &mut Step) {
        self.is_open = false;
        let answers = &mut self.answers;
        answers.wanted |= !answers.asked.is_empty();
        answers.asked.clear();
        // Another server knows none of these items.
        answers.sounds.clear();
        for mut answer in std::mem::take(answers.running()) {
            hush(&mut answer, true, step);
            if answer.is_begun {
                let finish = Finish::new(FinishReason::Other, "interrupted");
                step.tell(SessionEvent::TurnDone { finish, usage: None });
            }
        }
    }
}

/// Whether events of this kind tell something of an answer by its name.
fn is_of_answer(kind: &str) -> bool {
    kind.starts_with("response.") && !matches!(kind, "response.created" | "response.done")
}

/// What the user said, as far as it is known.
fn user_words(event: Value, step: &mut Step) {
    let kind = text(&event, "type").rsplit('.').next().unwrap_or_default();
    let is_final = text(&event, "status") != "in_progress";
    let (mode, key) = match kind {
        "delta" => (TranscriptMode::Delta, "delta"),
        // Some servers say that they are sure when they are not yet.
        "completed" if is_final => (TranscriptMode::Final, "transcript"),
        "completed" | "updated" => (TranscriptMode::Replacement, "transcript"),
        "failed" => {
            let error = ends::error(&event);
            let what = format!("what was said could not be written down: {}", error.message());
            return step.warn("vendor", what);
        }
        _ => return step.tell(native(event)),
    };
    step.tell(SessionEvent::Transcript {
        item: text(&event, "item_id").to_owned(),
        by: Speaker::User,
        mode,
        text: text(&event, key).to_owned(),
    });
}

fn spoken(event: &Value, mode: TranscriptMode, text_said: String, step: &mut Step) {
    let item = text(event, "item_id").to_owned();
    step.tell(SessionEvent::Transcript { item, by: Speaker::Assistant, mode, text: text_said });
}

/// No more sound of an item comes; told once.
fn silence(answer: &mut Answer, id: &str, interrupted: bool, step: &mut Step) {
    if std::mem::take(&mut answer.item(id).is_speaking) {
        step.tell(SessionEvent::AudioDone { item: id.to_owned(), interrupted });
        step.tell(SessionEvent::SpeechStopped { by: Speaker::Assistant });
    }
}

/// Ends what an answer left open: its sound, and what it was saying.
fn hush(answer: &mut Answer, interrupted: bool, step: &mut Step) {
    let ids: Vec<String> = answer.items.iter().map(|item| item.id.clone()).collect();
    for id in ids {
        silence(answer, &id, interrupted, step);
        let said = std::mem::take(&mut answer.item(&id).said);
        if !said.is_empty() {
            let (by, mode) = (Speaker::Assistant, TranscriptMode::Final);
            step.tell(SessionEvent::Transcript { item: id, by, mode, text: said });
        }
    }
}
