//! What the model's session tells, as the server's events.
use super::super::ears::{Model, Turn};
use super::super::entry::Entry;
use super::super::patience::Came;
use super::super::{Close, Reply};
use super::answer::Answer;
use super::refusal::of_error;
use super::user::Spoken;
use super::{CALLS, EMPTY, Last, MOST_REMEMBERED, OpenAiServed, Said, items};
use crate::cascade::UNHEARD;
use consort_core::{
    CloseReason, Error, Finish, FinishReason, Message, Part, Pcm, Role, SessionEvent, SessionInput,
    SessionUpdate, Speaker, ToolCall, TranscriptMode, Usage,
};
use serde_json::{Value, json};
use std::time::Duration;

impl OpenAiServed {
    pub(super) fn told(&mut self, event: SessionEvent, at: Duration, reply: &mut Reply) {
        match event {
            SessionEvent::SpeechStarted { by: Speaker::User } => {
                if let Some(turn) = self.ears.told(true, at) {
                    self.turn(turn, at, reply);
                }
            }
            SessionEvent::SpeechStopped { by: Speaker::User } => {
                if let Some(turn) = self.ears.told(false, at) {
                    self.turn(turn, at, reply);
                }
            }
            SessionEvent::Transcript { item, by: Speaker::User, mode, text } => {
                self.user_words(&item, mode, &text, at, reply);
            }
            SessionEvent::SpeechStarted { by: Speaker::Assistant } if self.hushed => {}
            SessionEvent::SpeechStarted { by: Speaker::Assistant } => self.telling(reply, |telling| {
                // Also where that is all that ever comes of it.
                if telling.answer.due.is_none() {
                    telling.answer.limit = Some(at + EMPTY);
                }
            }),
            SessionEvent::Transcript { item, mode: TranscriptMode::Final, text, .. }
                if self.is_heard(&item, &text) => {}
            SessionEvent::Transcript { item, mode, text, .. } => {
                self.habits.writes |= mode == TranscriptMode::Final;
                if self.last_words(&item, mode, &text, reply) {
                    return;
                }
                self.goes_on(&item, Came::owes_words);
                self.say(&item, at, reply, |telling| telling.words(&item, mode, &text));
            }
            SessionEvent::Text { item, text } => {
                self.goes_on(&item, Came::owes_words);
                self.say(&item, at, reply, |telling| telling.text(&item, &text));
            }
            SessionEvent::Audio { item, pcm, .. } => {
                self.habits.sounded = true;
                let words = if self.settings.speaks { self.goes_on(&item, Came::owes_sound) } else { None };
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
                self.sound_of(&item, words);
            }
            SessionEvent::AudioDone { item, interrupted } => {
                if self.is_of_answer(&item, interrupted) {
                    self.telling(reply, |telling| {
                        telling.sound_done(&item, interrupted);
                        telling.answer.wait(at);
                    });
                }
            }
            SessionEvent::ToolCall { call } => self.call(&call, at, reply),
            SessionEvent::ToolCancelled { id } => self.past.cancelled(id),
            SessionEvent::Interrupted { item } => self.interrupted(item.as_deref(), at),
            SessionEvent::TurnDone { finish, usage } => self.done(&finish, usage.as_ref(), at, reply),
            SessionEvent::Error { error } => self.failed(error, at, reply),
            SessionEvent::Closed { reason } => self.closed(&reason, reply),
            SessionEvent::SpeechStopped { .. }
            | SessionEvent::Connected { .. }
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
        let known = self.has(theirs);
        if !known && (self.is_hushed(theirs, reply) || (self.owed > 0 && self.is_past(theirs))) {
            return;
        }
        self.answered();
        // What is new behind a cut is of the next answer.
        if !known && self.answer.as_ref().is_some_and(|answer| answer.cut.is_some()) {
            self.finish_early(reply);
        }
        let mut is_new = false;
        self.telling(reply, |telling| {
            is_new = then(telling);
            telling.answer.wait(at);
        });
        if is_new && let Some(item) = self.answer.as_ref().and_then(|answer| answer.items.last()) {
            self.past.keep(Entry::new(
                &item.id,
                item.shown("in_progress"),
                Some(Message::assistant("")),
                true,
            ));
        }
    }

    /// The model says something of what it was asked and given.
    fn answered(&mut self) {
        self.users.answered();
        self.ears.answered();
    }

    /// A turn of the user began or ended.
    pub(super) fn turn(&mut self, turn: Turn, at: Duration, reply: &mut Reply) {
        match turn {
            Turn::Began { at: began } => {
                self.tell_held(at, reply);
                let id = self.name("item");
                self.hushed = false;
                self.queue.clear();
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
            Turn::Ended { at: ended, model } => {
                let Some(turn) = self.users.speaking() else { return };
                turn.alone = model != Model::Knows;
                let (id, began) = (turn.id.clone(), turn.began);
                self.tell(
                    reply,
                    json!({
                        "type": "input_audio_buffer.speech_stopped",
                        "audio_end_ms": ended.as_millis() as u64, "item_id": id,
                    }),
                );
                let sound = self.recent.whole(began, &[]);
                if let Some(id) = self.keep_spoken(ended, sound.as_ref(), reply) {
                    self.answer_spoken(id, model, at, reply);
                }
            }
        }
    }

    /// A spoken turn is answered, or waits until the client wants that. Where the model may not take it for one, there is no answer
    /// before it says something.
    pub(super) fn answer_spoken(&mut self, id: String, model: Model, at: Duration, reply: &mut Reply) {
        if !self.settings.creates() {
            return self.past.wait(&id);
        }
        self.users.ask(vec![id], at);
        if model == Model::IsToBeTold {
            self.give_results(at, reply);
            reply.inputs.push(SessionInput::Commit);
        }
        if model != Model::IsSilent {
            self.queue_spoken();
            self.expect(at, reply);
        }
    }

    /// What was spoken becomes part of the conversation.
    pub(super) fn keep_spoken(
        &mut self,
        ended: Duration,
        sound: Option<&Pcm>,
        reply: &mut Reply,
    ) -> Option<String> {
        let turn = self.users.keep(ended)?;
        let (id, words) = (turn.id.clone(), turn.words.whole().to_owned());
        let is_final = turn.words.is_final();
        self.pending = Duration::ZERO;
        self.recent.clear();
        let previous = self.past.last_id().map(str::to_owned);
        self.tell(
            reply,
            json!({
                "type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": id,
            }),
        );
        let shown = items::spoken(&id, None);
        self.item_added(previous.as_deref(), &shown, reply);
        self.past.keep(Entry::spoken(&id, shown, sound));
        if !words.is_empty() {
            self.past.words(&id, &words, is_final);
        }
        Some(id)
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
            if let Some(id) = self.keep_spoken(heard, None, reply) {
                self.users.ask(vec![id], at);
            }
        }
        let Some(turn) = self.users.by_name(theirs, at) else { return };
        let more = turn.words.add(mode, text);
        let (id, whole, seconds) = (turn.id.clone(), turn.words.whole().to_owned(), turn.seconds());
        let is_final = mode == TranscriptMode::Final;
        if is_final && std::mem::take(&mut turn.alone) {
            self.ears.worded();
        }
        let with = if is_final { std::mem::take(&mut turn.with) } else { Vec::new() };
        self.past.words(&id, &whole, is_final);
        // The model heard them as one: what was said in all of them stands in the last.
        with.iter().for_each(|other| self.past.words(other, "", true));
        if self.settings.transcription.is_null() {
            return;
        }
        let kind = |end: &str| format!("conversation.item.input_audio_transcription.{end}");
        if is_final && whole.is_empty() {
            self.no_words(&id, "unheard", "Nothing was understood of what was said.", reply);
        } else if is_final {
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
        if self.hushed {
            // Nobody will give its result.
            return reply.inputs.push(SessionInput::Interrupt { item: None, heard: Duration::ZERO });
        }
        self.answered();
        self.past.called(&call.id);
        self.telling(reply, |telling| telling.call(call));
        let Some(answer) = &mut self.answer else { return };
        answer.limit = None;
        if answer.cut.is_none() {
            answer.due = Some(at + CALLS);
        }
        if let Some(item) = answer.items.last() {
            let part = Part::tool_call(&call.id, &call.name, call.arguments.clone());
            let said = Message::new(Role::Assistant, vec![part]);
            let entry = Entry::new(&item.id, item.shown("completed"), Some(said), true);
            self.past.keep(entry);
        }
    }

    fn done(&mut self, finish: &Finish, usage: Option<&Usage>, at: Duration, reply: &mut Reply) {
        self.dequeue(finish);
        let is_empty = self.answer.as_ref().is_none_or(|answer| answer.is_empty() && answer.failed.is_none());
        if self.owed > 0 && is_empty {
            // Its end was told before it came.
            self.owed -= 1;
            self.hushed = false;
            if self.owed == 0 && self.answer.is_none() {
                self.ears.answered();
            }
            return;
        }
        self.owed = 0;
        self.ears.answered();
        if self.answer.is_none() && finish.vendor_reason.as_deref() == Some(UNHEARD) {
            // Of what the client was told to be no turn, either.
            return;
        }
        self.finish(finish, usage, reply);
        self.queue.hold(at);
    }

    /// The answer is over for the client, whatever the model will still say of it.
    pub(super) fn finish_early(&mut self, reply: &mut Reply) {
        let Some(answer) = &mut self.answer else { return };
        if answer.cut.is_none() && answer.failed.is_none() {
            answer.rest = answer.each();
        }
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
        let Some(mut answer) = self.answer.take() else { return };
        self.remember(&mut answer);
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
    fn remember(&mut self, answer: &mut Answer) {
        self.keep_answer(answer, if answer.cut.is_some() { "incomplete" } else { "completed" });
        for (at, item) in answer.items.iter_mut().enumerate().filter(|(_, item)| item.call.is_none()) {
            if item.is_whole && item.sounds() {
                self.past.speed.learn(item.all(), item.played.sounded());
            }
            let last = item.spoken.filter(|_| answer.cut.is_none() && item.sounds()).map(|content| Last {
                words: std::mem::take(&mut item.words),
                response: answer.id.clone(),
                output: at,
                content,
            });
            self.said.push_back(Said {
                id: item.id.clone(),
                theirs: item.theirs.clone(),
                told: item.told,
                rest: answer.rest.get(at).copied().unwrap_or_default(),
                last: last.filter(|last| !last.words.is_final()),
                words_of: item.words_of.take(),
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

    /// No more words come of what the user said: those that are known are all.
    pub(super) fn give_words_up(&mut self, turn: &Spoken, reply: &mut Reply) {
        if self.settings.transcription.is_null() {
            return;
        }
        let (id, words) = (&turn.id, turn.words.whole());
        if words.is_empty() {
            let what = "The session that heard it ended before it wrote it down.";
            return self.no_words(id, "no_transcript", what, reply);
        }
        self.tell(
            reply,
            json!({
                "type": "conversation.item.input_audio_transcription.completed", "item_id": id,
                "content_index": 0, "transcript": words,
                "usage": {"type": "duration", "seconds": turn.seconds()},
            }),
        );
    }

    /// There are no words of a turn. No `param`: a library for JavaScript reads none that is null.
    fn no_words(&mut self, id: &str, code: &str, why: &str, reply: &mut Reply) {
        let error = json!({"type": "transcription_error", "code": code, "message": why});
        self.tell(
            reply,
            json!({
                "type": "conversation.item.input_audio_transcription.failed", "item_id": id,
                "content_index": 0, "error": error,
            }),
        );
    }

    pub(super) fn error(&mut self, error: Error, reply: &mut Reply) {
        self.tell(reply, json!({"type": "error", "error": of_error(&error)}));
    }

    fn closed(&mut self, reason: &CloseReason, reply: &mut Reply) {
        for turn in self.users.end().collect::<Vec<_>>() {
            self.give_words_up(&turn, reply);
        }
        if let CloseReason::Failed { error } = reason {
            self.error(error.clone(), reply);
        }
        reply.close = Some(Close::of(reason));
    }
}
