//! The server's messages, as our events. One message may hold several things.
use super::turn::Saying;
use super::{Asked, Call, GeminiLive};
use crate::audio::Format;
use crate::wire::ends;
use crate::wire::json::{filled, native, text};
use crate::wire::step::{Busy, Leaving, Step, Then};
use consort_core::{Arguments, Error, Finish, FinishReason, Object, SessionEvent, Speaker, ToolCall, Usage};
use serde_json::{Value, json};
use std::time::Duration;

impl GeminiLive {
    pub(super) fn hear(&mut self, message: Value, step: &mut Step) {
        let Value::Object(mut message) = message else { return step.tell(native(message)) };
        let mut take = |key: &str| message.shift_remove(key);
        if let Some(opened) = take("setupComplete") {
            self.opened(&opened, step);
        }
        if let Some(update) = take("sessionResumptionUpdate") {
            self.resumable(update, step);
        }
        if let Some(counts) = take("usageMetadata").filter(Value::is_object) {
            self.usage = Some(usage(counts));
        }
        let mut content = match take("serverContent") {
            Some(Value::Object(content)) => content,
            // What is spoilt takes nothing else with it.
            Some(other) => {
                step.tell(native(json!({"serverContent": other})));
                Object::new()
            }
            None => Object::new(),
        };
        let calls = take("toolCall");
        let cancelled = take("toolCallCancellation");
        let (leaving, error) = (take("goAway"), take("error"));
        self.said(&mut content, step);
        if let Some(calls) = calls {
            self.calls(&calls, step);
        }
        if let Some(cancelled) = cancelled {
            self.cancelled(&cancelled, step);
        }
        self.turn_ends(&mut content, step);
        if !content.is_empty() {
            step.tell(native(json!({"serverContent": content})));
        }
        if let Some(error) = error {
            self.failed(error, step);
        }
        if !message.is_empty() {
            step.tell(native(message.into()));
        }
        if let Some(leaving) = leaving {
            self.going(&leaving);
        }
    }

    /// The server is about to end the connection. Where we want to leave it anyway, that stays so.
    fn going(&mut self, leaving: &Value) {
        let told = filled(leaving, "timeLeft");
        let left = told.as_deref().and_then(seconds);
        let reason =
            format!("the server ends the connection in {}", told.unwrap_or_else(|| "a moment".into()));
        let wanted = self.leaving.as_ref().is_some_and(|leaving| leaving.wanted);
        self.leaving = Some(Leaving { reason, wanted, left, busy: Busy::No });
    }

    /// What was said before follows the setup.
    fn opened(&mut self, opened: &Value, step: &mut Step) {
        (self.is_open, self.was_open) = (true, true);
        let turns = std::mem::take(&mut self.past);
        self.is_told = !turns.is_empty();
        if self.is_told {
            step.send(json!({"clientContent": {"turns": turns, "turnComplete": true}}));
        }
        // What the vendor does not know of is gone, and so are the results that it would have had.
        let takes_over = self.handle.is_some();
        let (kept, gone): (Vec<_>, Vec<_>) = self.calls.drain(..).partition(|call| takes_over && call.kept);
        self.calls = kept;
        for call in gone {
            step.tell(SessionEvent::ToolCancelled { id: call.id });
        }
        self.asked.retain(|asked| match asked {
            Asked::Words(_) => true,
            Asked::Result { kept, .. } => takes_over && *kept,
        });
        self.asked.iter().for_each(|asked| self.send(asked, step));
        let session = filled(opened, "sessionId");
        step.tell(SessionEvent::Connected { model: Some(self.model.clone()), session });
    }

    fn resumable(&mut self, update: Value, step: &mut Step) {
        if let Some(handle) = filled(&update, "newHandle").filter(|_| update["resumable"] != json!(false)) {
            self.handle = Some(handle);
            // How much of an answer that is not over is kept nobody knows, nor whether what a connection began with was
            // taken already: it is told again.
            step.kept = self.turned && !self.is_answering && !self.cut;
            self.calls.iter_mut().for_each(|call| call.kept = true);
            if step.kept {
                // The session keeps its history, and nothing of its instructions.
                self.below.append(&mut self.told);
            }
        } else {
            step.tell(native(json!({"sessionResumptionUpdate": update})));
        }
    }

    /// What both sides say. A cut comes first: what stands beside it is of the next turn.
    fn said(&mut self, content: &mut Object, step: &mut Step) {
        if take_true(content, "interrupted") {
            self.interrupted(step);
        }
        if let Some(heard) = content.shift_remove("inputTranscription") {
            self.user_words(&heard, step);
        }
        if let Some(Value::Object(mut turn)) = content.shift_remove("modelTurn")
            && let Some(Value::Array(parts)) = turn.shift_remove("parts")
        {
            parts.into_iter().for_each(|part| self.part(part, step));
        }
        if let Some(words) = content.shift_remove("outputTranscription") {
            let words = text(&words, "text");
            if !words.is_empty() {
                self.answer(step).words(words, step);
            }
        }
        if take_true(content, "generationComplete")
            && let Some(answer) = &mut self.answer
        {
            answer.hush(self.cut, step);
        }
    }

    /// Nothing tells when the user began to speak but the first of their words, nor that they ended but an answer.
    fn user_words(&mut self, heard: &Value, step: &mut Step) {
        let words = text(heard, "text");
        let (users, epoch) = (self.users, self.epoch);
        if !words.is_empty() {
            if self.user.is_none() {
                self.users += 1;
            }
            let user = self.user.get_or_insert_with(|| Saying::new(users, Speaker::User, epoch));
            if !self.is_answering {
                user.speak(step);
            }
            user.words(words, step);
        }
        if heard["finished"] == json!(true)
            && let Some(user) = self.user.take()
        {
            user.end(false, step);
        }
    }

    /// The model's turn begins, unless it is under way.
    fn begin(&mut self, step: &mut Step) {
        (self.is_answering, self.is_told) = (true, false);
        self.asked.clear();
        if let Some(user) = &mut self.user {
            user.hush(false, step);
        }
    }

    fn answer(&mut self, step: &mut Step) -> &mut Saying {
        self.begin(step);
        let (turns, epoch) = (self.turns, self.epoch);
        self.answer.get_or_insert_with(|| Saying::new(turns, Speaker::Assistant, epoch))
    }

    fn part(&mut self, part: Value, step: &mut Step) {
        self.begin(step);
        let data = &part["inlineData"];
        if let (Some(base64), true) = (data["data"].as_str(), text(data, "mimeType").starts_with("audio/")) {
            let read = Format::from_mime(text(data, "mimeType"), 24_000)
                .and_then(|format| self.answer(step).sound(base64, format, step));
            if let Err(error) = read {
                step.fail(Error::protocol(error.message().to_owned()));
            }
            return;
        }
        if part["functionCall"].is_object() {
            return self.call(&part["functionCall"], step);
        }
        // Thinking has no word here.
        match part["text"].as_str().filter(|_| part["thought"] != json!(true)) {
            Some(words) => {
                let item = self.answer(step).item.clone();
                step.tell(SessionEvent::Text { item, text: words.to_owned() });
            }
            None => step.tell(native(json!({"serverContent": {"modelTurn": {"parts": [part]}}}))),
        }
    }

    fn calls(&mut self, calls: &Value, step: &mut Step) {
        self.begin(step);
        calls["functionCalls"].as_array().into_iter().flatten().for_each(|call| self.call(call, step));
    }

    fn call(&mut self, call: &Value, step: &mut Step) {
        let given = filled(call, "id");
        let minted = given.is_none();
        let id = given.unwrap_or_else(|| format!("call_{}", self.calls_made));
        self.calls_made += 1;
        let name = text(call, "name").to_owned();
        let arguments = call.get("args").map_or_else(Arguments::default, Arguments::from);
        self.calls.push(Call { id: id.clone(), name: name.clone(), minted, kept: false });
        step.tell(SessionEvent::ToolCall { call: ToolCall { id, name, arguments } });
    }

    fn cancelled(&mut self, cancelled: &Value, step: &mut Step) {
        for id in cancelled["ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.calls.retain(|call| call.id != id);
            step.tell(SessionEvent::ToolCancelled { id: id.to_owned() });
        }
    }

    /// It may come when all was generated, and only played: then too nothing more is to be heard.
    fn interrupted(&mut self, step: &mut Step) {
        let answer = self.answer.take();
        step.tell(SessionEvent::Interrupted { item: answer.as_ref().map(|answer| answer.item.clone()) });
        if let Some(answer) = answer {
            answer.end(true, step);
        }
        self.epoch += 1;
        // Its turn is still to be told complete; what the user says meanwhile is of the next.
        self.cut |= std::mem::take(&mut self.is_answering);
        if let Some(user) = self.user.take() {
            user.end(false, step);
        }
        // What is said next is of another turn.
        self.turns += 1;
    }

    fn turn_ends(&mut self, content: &mut Object, step: &mut Step) {
        if !take_true(content, "turnComplete") {
            return;
        }
        let why = content.shift_remove("turnCompleteReason");
        let why = why.as_ref().and_then(Value::as_str);
        let finish = match why {
            _ if self.cut => Finish::new(FinishReason::Other, "interrupted"),
            None | Some("TURN_COMPLETE_REASON_UNSPECIFIED") if !self.calls.is_empty() => {
                FinishReason::ToolCalls.into()
            }
            None | Some("TURN_COMPLETE_REASON_UNSPECIFIED") => FinishReason::Stop.into(),
            Some(word) => Finish::new(FinishReason::Other, word),
        };
        let interrupted = self.cut;
        if let Some(user) = self.user.take_if(|_| !interrupted) {
            user.end(false, step);
        }
        self.end_turn(interrupted, finish, step);
    }

    fn end_turn(&mut self, interrupted: bool, finish: Finish, step: &mut Step) {
        if let Some(answer) = self.answer.take() {
            answer.end(interrupted, step);
        }
        let usage = self.usage.take();
        step.tell(SessionEvent::TurnDone { finish, usage });
        self.turned = true;
        (self.is_answering, self.cut) = (false, false);
        self.turns += 1;
    }

    /// The connection is gone, and with it what was under way.
    pub(super) fn cut_all(&mut self, step: &mut Step) {
        if let Some(user) = self.user.take() {
            user.end(false, step);
        }
        if self.is_answering || self.cut {
            self.end_turn(true, Finish::new(FinishReason::Other, "interrupted"), step);
        }
        (self.is_active, self.is_pending) = (false, false);
    }

    fn failed(&mut self, error: Value, step: &mut Step) {
        let error = ends::error(&json!({"error": error}));
        if self.is_open {
            step.fail(error);
        } else {
            step.then = Then::Close(error.into());
        }
    }

    /// Before the server closes the connection another takes over, between two turns where there is time.
    pub(super) fn leave(&mut self, step: &mut Step) {
        if let Some(leaving) = self.leaving.clone().filter(|_| step.then == Then::Go) {
            step.then = Then::Soon(Leaving { busy: self.busy(), ..leaving });
        }
    }

    fn busy(&self) -> Busy {
        let is_result = |asked: &Asked| matches!(asked, Asked::Result { .. });
        if self.is_answering || self.cut {
            Busy::Answer
        } else if !self.calls.is_empty() || self.asked.iter().any(is_result) {
            Busy::Tool
        } else if self.user.is_some() {
            Busy::User
        } else {
            Busy::No
        }
    }
}

/// A time as this vendor writes it: `5s`, `1.5s`.
fn seconds(told: &str) -> Option<Duration> {
    let seconds = told.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn take_true(content: &mut Object, key: &str) -> bool {
    content.shift_remove(key) == Some(Value::Bool(true))
}

/// The tokens of sound among those that are listed by modality.
fn sound(details: &Value) -> Option<u64> {
    let sounds = details.as_array()?.iter().filter(|entry| entry["modality"] == "AUDIO");
    Some(sounds.filter_map(|entry| entry["tokenCount"].as_u64()).sum()).filter(|tokens| *tokens > 0)
}

/// Thinking is counted apart from the answer; some models call the answer a candidate.
fn usage(counts: Value) -> Usage {
    let either = |one: &str, other: &str| counts[one].as_u64().or_else(|| counts[other].as_u64());
    Usage {
        input: counts["promptTokenCount"].as_u64(),
        output: either("responseTokenCount", "candidatesTokenCount"),
        cached: counts["cachedContentTokenCount"].as_u64(),
        reasoning: counts["thoughtsTokenCount"].as_u64(),
        total: counts["totalTokenCount"].as_u64(),
        audio_input: sound(&counts["promptTokensDetails"]),
        audio_output: sound(&counts["responseTokensDetails"])
            .or_else(|| sound(&counts["candidatesTokensDetails"])),
        cached_in_input: true,
        reasoning_in_output: false,
        vendor: Some(Box::new(counts)),
        ..Usage::default()
    }
}
