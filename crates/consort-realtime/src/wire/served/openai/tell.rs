//! What the model's session tells, as the server's events.
use super::super::ears::Turn;
use super::super::past::Entry;
use super::super::{Close, Reply};
use super::answer::Answer;
use super::refusal::of_error;
use super::{CALLS, CUT, MOST_REMEMBERED, OpenAiServed, Said, items};
use consort_core::{
    CloseReason, Error, Finish, FinishReason, Message, Part, Role, SessionEvent, SessionInput, SessionUpdate,
    Speaker, ToolCall, TranscriptMode, Usage,
};
use serde_json::{Value, json};
use std::time::Duration;

impl OpenAiServed {
    pub(super) fn told(&mut self, event: SessionEvent, at: Duration, reply: &mut Reply) {
        match event {
            SessionEvent::SpeechStarted { by: Speaker::User } => {
                if let Some(turn) = self.ears.told(true) {
                    self.turn(turn, at, reply);
                }
            }
            SessionEvent::SpeechStopped { by: Speaker::User } => {
                if let Some(turn) = self.ears.told(false) {
                    self.turn(turn, at, reply);
                }
            }
            SessionEvent::Transcript { item, by: Speaker::User, mode, text } => {
                self.user_words(&item, mode, &text, at, reply);
            }
            SessionEvent::SpeechStarted { by: Speaker::Assistant } => self.telling(reply, |_| {}),
            SessionEvent::Transcript { item, mode, text, .. } => {
                self.say(&item, at, reply, |telling| telling.words(&item, mode, &text));
            }
            SessionEvent::Text { item, text } => {
                self.say(&item, at, reply, |telling| telling.text(&item, &text));
            }
            SessionEvent::Audio { item, pcm, .. } => {
                let mut failed = None;
                self.say(&item, at, reply, |telling| {
                    telling.sound(&item, &pcm, at).unwrap_or_else(|error| {
                        failed = Some(error);
                        false
                    })
                });
                if let Some(error) = failed {
                    self.error(error, reply);
                }
            }
            SessionEvent::AudioDone { item, .. } => {
                if self.answer.is_some() {
                    self.telling(reply, |telling| {
                        telling.sound_done(&item);
                        telling.answer.wait(at);
                    });
                }
            }
            SessionEvent::ToolCall { call } => self.call(&call, at, reply),
            SessionEvent::Interrupted { .. } => {
                if let Some(answer) = &mut self.answer
                    && answer.cut.is_none()
                {
                    answer.cut = Some(("turn_detected", false));
                    answer.due = Some(at + CUT);
                }
            }
            SessionEvent::TurnDone { finish, usage } => self.done(&finish, usage.as_ref(), reply),
            SessionEvent::Error { error } => self.failed(error, at, reply),
            SessionEvent::Closed { reason } => self.closed(&reason, reply),
            SessionEvent::SpeechStopped { .. }
            | SessionEvent::Connected { .. }
            | SessionEvent::ToolCancelled { .. }
            | SessionEvent::Reconnecting { .. }
            | SessionEvent::Warning { .. }
            | SessionEvent::Native { .. } => {}
        }
    }

    /// Something of the answer; what comes late of one that was told to be over is not.
    fn say(
        &mut self,
        theirs: &str,
        at: Duration,
        reply: &mut Reply,
        then: impl FnOnce(&mut super::Telling<'_>) -> bool,
    ) {
        let known = self.answer.as_ref().is_some_and(|answer| answer.has(theirs));
        if !known && self.owed > 0 && self.is_past(theirs) {
            return;
        }
        // What is new behind a cut is of the next answer.
        if !known && self.answer.as_ref().is_some_and(|answer| answer.cut.is_some()) {
            self.finish_early(reply);
        }
        let mut is_new = false;
        self.telling(reply, |telling| {
            is_new = then(telling);
            telling.answer.wait(at);
        });
        if is_new
            && let Some(id) =
                self.answer.as_ref().and_then(|answer| answer.items.last()).map(|item| item.id.clone())
        {
            self.past.push(Entry::new(
                &id,
                Value::Null,
                Some(Message::new(Role::Assistant, Vec::new())),
                true,
            ));
        }
    }

    fn is_past(&self, theirs: &str) -> bool {
        self.said.iter().any(|said| said.theirs == theirs)
    }

    /// A turn of the user began or ended.
    pub(super) fn turn(&mut self, turn: Turn, at: Duration, reply: &mut Reply) {
        match turn {
            Turn::Began { at: began } => {
                let id = self.name("item");
                self.users.begin(id.clone(), began);
                self.tell(
                    reply,
                    json!({
                        "type": "input_audio_buffer.speech_started",
                        "audio_start_ms": began.as_millis() as u64, "item_id": id,
                    }),
                );
                if self.settings.interrupts() {
                    self.cut("turn_detected", at, reply);
                }
            }
            Turn::Ended { at: ended, untold } => {
                let Some(id) = self.users.speaking().map(|turn| turn.id.clone()) else { return };
                self.tell(
                    reply,
                    json!({
                        "type": "input_audio_buffer.speech_stopped",
                        "audio_end_ms": ended.as_millis() as u64, "item_id": id,
                    }),
                );
                self.keep_spoken(ended, at, reply);
                if !self.settings.creates() {
                    self.unanswered = true;
                } else if untold {
                    let results = self.past.results();
                    reply.inputs.extend(results);
                    reply.inputs.push(SessionInput::Commit);
                }
            }
        }
    }

    /// What was spoken becomes part of the conversation.
    pub(super) fn keep_spoken(&mut self, ended: Duration, at: Duration, reply: &mut Reply) {
        let Some(turn) = self.users.keep(ended, at) else { return };
        let (id, words) = (turn.id.clone(), turn.words.whole().to_owned());
        self.pending = Duration::ZERO;
        let previous = self.past.last_id().map(str::to_owned);
        self.tell(
            reply,
            json!({
                "type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": id,
            }),
        );
        let shown = items::spoken(&id, None);
        self.item_added(previous.as_deref(), &shown, reply);
        let said = (!words.is_empty()).then(|| Message::user(words));
        self.past.push(Entry::new(&id, shown, said, true));
    }

    pub(super) fn item_added(&mut self, previous: Option<&str>, shown: &Value, reply: &mut Reply) {
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.tell(reply, json!({"type": kind, "previous_item_id": previous, "item": shown}));
        }
    }

    fn user_words(
        &mut self,
        theirs: &str,
        mode: TranscriptMode,
        text: &str,
        at: Duration,
        reply: &mut Reply,
    ) {
        if self.users.by_name(theirs, at).is_none() {
            // The model heard what nobody told of.
            let (id, heard) = (self.name("item"), self.ears.heard());
            self.users.begin(id, heard);
            self.keep_spoken(heard, at, reply);
        }
        let Some(turn) = self.users.by_name(theirs, at) else { return };
        let more = turn.words.add(mode, text);
        let (id, whole, seconds) = (turn.id.clone(), turn.words.whole().to_owned(), turn.seconds());
        self.past.is(&id, &whole);
        if self.settings.transcription.is_null() {
            return;
        }
        let kind = |end: &str| format!("conversation.item.input_audio_transcription.{end}");
        if mode == TranscriptMode::Final {
            self.past.shows(&id, items::spoken(&id, Some(&whole)));
            self.tell(
                reply,
                json!({
                    "type": kind("completed"), "item_id": id, "content_index": 0, "transcript": whole,
                    "usage": {"type": "duration", "seconds": seconds},
                }),
            );
        } else if let Some(delta) = more {
            self.tell(
                reply,
                json!({"type": kind("delta"), "item_id": id, "content_index": 0, "delta": delta}),
            );
        }
    }

    fn call(&mut self, call: &ToolCall, at: Duration, reply: &mut Reply) {
        self.telling(reply, |telling| telling.call(call));
        let Some(answer) = &mut self.answer else { return };
        if answer.cut.is_none() {
            answer.due = Some(at + CALLS);
        }
        if let Some(item) = answer.items.last() {
            let part = Part::tool_call(&call.id, &call.name, call.arguments.clone());
            let said = Message::new(Role::Assistant, vec![part]);
            let entry = Entry::new(&item.id, item.shown("completed"), Some(said), true);
            self.past.push(entry);
        }
    }

    fn done(&mut self, finish: &Finish, usage: Option<&Usage>, reply: &mut Reply) {
        let is_empty =
            self.answer.as_ref().is_none_or(|answer| answer.items.is_empty() && answer.failed.is_none());
        if self.owed > 0 && is_empty {
            // Its end was told before it came.
            self.owed -= 1;
            return;
        }
        self.owed = 0;
        self.finish(finish, usage, reply);
    }

    /// The answer is over for the client, whatever the model will still say of it.
    pub(super) fn finish_early(&mut self, reply: &mut Reply) {
        let Some(answer) = &self.answer else { return };
        let reason = if answer.failed.is_some() { FinishReason::Other } else { FinishReason::Stop };
        self.owed += 1;
        self.finish(&reason.into(), None, reply);
    }

    fn finish(&mut self, finish: &Finish, usage: Option<&Usage>, reply: &mut Reply) {
        let late = match &mut self.answer {
            // Something failed, and the answer came all the same.
            Some(answer) if finish.reason != FinishReason::Other || answer.cut.is_some() => {
                answer.failed.take()
            }
            _ => None,
        };
        if let Some(error) = late {
            self.error(error, reply);
        }
        let conversation = self.conversation();
        self.telling(reply, |telling| telling.finish(finish, usage, &conversation));
        self.ears.answers(false);
        let Some(answer) = self.answer.take() else { return };
        self.remember(&answer);
        if answer.overrides && self.is_open {
            let update = SessionUpdate {
                instructions: Some(self.settings.instructions.clone()),
                tools: Some(self.settings.functions()),
                ..SessionUpdate::default()
            };
            reply.inputs.push(SessionInput::Update { update });
        }
    }

    /// What was said is part of the conversation, as far as it was heard.
    fn remember(&mut self, answer: &Answer) {
        for item in answer.items.iter().filter(|item| !item.theirs.starts_with("call:")) {
            self.past
                .shows(&item.id, item.shown(if answer.cut.is_some() { "incomplete" } else { "completed" }));
            self.past.is(&item.id, &item.says());
            self.said.push_back(Said {
                id: item.id.clone(),
                theirs: item.theirs.clone(),
                length: item.sent,
                cut: answer.cut.is_some(),
                words: item.says(),
            });
        }
        while self.said.len() > MOST_REMEMBERED {
            self.said.pop_front();
        }
    }

    /// Something failed. Of an answer that is its end, or stands beside it.
    fn failed(&mut self, error: Error, at: Duration, reply: &mut Reply) {
        let Some(answer) = &mut self.answer else { return self.error(error, reply) };
        let has_begun = !answer.items.is_empty();
        let earlier = answer.failed.replace(error);
        answer.wait(at);
        if let Some(earlier) = earlier {
            self.error(earlier, reply);
        }
        if !has_begun {
            self.finish_early(reply);
        }
    }

    pub(super) fn error(&mut self, error: Error, reply: &mut Reply) {
        self.tell(reply, json!({"type": "error", "error": of_error(&error)}));
    }

    fn closed(&mut self, reason: &CloseReason, reply: &mut Reply) {
        let unsure: Vec<(String, String)> =
            self.users.unsure().map(|turn| (turn.id.clone(), turn.words.whole().to_owned())).collect();
        let unsure = if self.settings.transcription.is_null() { Vec::new() } else { unsure };
        for (id, words) in unsure {
            self.tell(
                reply,
                json!({
                    "type": "conversation.item.input_audio_transcription.completed", "item_id": id,
                    "content_index": 0, "transcript": words, "usage": {"type": "duration", "seconds": 0},
                }),
            );
        }
        if let CloseReason::Failed { error } = reason {
            self.error(error.clone(), reply);
        }
        reply.close = Some(Close::of(reason));
    }
}
