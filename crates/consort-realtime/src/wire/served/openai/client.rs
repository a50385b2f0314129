//! The client's events.
use super::super::ears::Model;
use super::super::entry::Entry;
use super::super::{HEARD_PIECE, Reply};
use super::refusal::{Refusal, fields, wanted};
use super::wish::Wish;
use super::{EMPTY, OpenAiServed, items};
use crate::audio::{Reader, unbase64};
use consort_core::{Pcm, Role, SessionInput, SessionUpdate};
use serde_json::{Value, json};
use std::time::Duration;

/// Less sound than this is no turn.
const SHORTEST_TURN: Duration = Duration::from_millis(100);
/// How much sound may wait for the client to end its turn.
const LONGEST_TURN: Duration = Duration::from_mins(10);

/// What a client may send.
const EVENTS: [&str; 11] = [
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
    "output_audio_buffer.clear",
];

impl OpenAiServed {
    pub(super) fn hear(&mut self, message: &[u8], at: Duration, reply: &mut Reply) {
        let event: Value = match serde_json::from_slice(message) {
            Ok(event) => event,
            Err(error) => {
                let refusal = Refusal::new("invalid_json", format!("The message is not JSON: {error}."));
                return self.refuse(&refusal, &Value::Null, reply);
            }
        };
        if let Err(refusal) = self.client(&event, at, reply) {
            self.refuse(&refusal, &event["event_id"], reply);
        }
    }

    fn refuse(&mut self, refusal: &Refusal, event_id: &Value, reply: &mut Reply) {
        self.tell(reply, json!({"type": "error", "error": refusal.to_error(event_id)}));
    }

    fn client(&mut self, event: &Value, at: Duration, reply: &mut Reply) -> Result<(), Refusal> {
        let kind = event.get("type").ok_or_else(|| Refusal::missing("type"))?;
        let kind = super::refusal::word(kind, "type", &EVENTS)?;
        let with = |more: &[&str]| fields(event, "", &[&["type", "event_id"], more].concat());
        match kind {
            "session.update" => {
                let session =
                    with(&["session"])?.get("session").ok_or_else(|| Refusal::missing("session"))?;
                self.update(session, at, reply)
            }
            "input_audio_buffer.append" => self.append(wanted(with(&["audio"])?, "", "audio")?, at, reply),
            "input_audio_buffer.commit" => {
                with(&[])?;
                self.commit(at, reply)
            }
            "input_audio_buffer.clear" => {
                with(&[])?;
                self.clear(at, reply);
                Ok(())
            }
            "conversation.item.create" => {
                let object = with(&["previous_item_id", "item"])?;
                let item = object.get("item").ok_or_else(|| Refusal::missing("item"))?;
                self.create(item, object.get("previous_item_id").unwrap_or(&Value::Null), at, reply)
            }
            "conversation.item.retrieve" => {
                let (place, _) = self.entry(wanted(with(&["item_id"])?, "", "item_id")?, "item_id")?;
                self.note();
                let item = self.past.entries[place].shown.clone();
                self.tell(reply, json!({"type": "conversation.item.retrieved", "item": item}));
                Ok(())
            }
            "conversation.item.delete" => {
                let (place, id) = self.entry(wanted(with(&["item_id"])?, "", "item_id")?, "item_id")?;
                self.past.remove(place);
                self.tell(reply, json!({"type": "conversation.item.deleted", "item_id": id}));
                Ok(())
            }
            "conversation.item.truncate" => {
                let object = with(&["item_id", "content_index", "audio_end_ms"])?;
                let end = object.get("audio_end_ms").ok_or_else(|| Refusal::missing("audio_end_ms"))?;
                let end = end.as_u64().ok_or_else(|| Refusal::kind("audio_end_ms", "a whole number"))?;
                let index = object.get("content_index").ok_or_else(|| Refusal::missing("content_index"))?;
                let index = index.as_u64().ok_or_else(|| Refusal::kind("content_index", "a whole number"))?;
                self.truncate(wanted(object, "", "item_id")?, index, Duration::from_millis(end), at, reply)
            }
            "response.create" => {
                let response = with(&["response"])?.get("response").cloned().unwrap_or(Value::Null);
                self.respond(&response, at, reply)
            }
            "response.cancel" => {
                let id = with(&["response_id"])?.get("response_id").cloned().unwrap_or(Value::Null);
                let answer = self.answer.as_ref().filter(|answer| id.is_null() || id == answer.id.as_str());
                if answer.is_none_or(|answer| answer.cut.is_some()) {
                    let what = "There is no response under way that could be cancelled.";
                    return Err(Refusal::new("response_cancel_not_active", what));
                }
                self.cut("client_cancelled", at, reply);
                Ok(())
            }
            _ => {
                Err(Refusal::unsupported("type", "Only the client knows what is played on this connection."))
            }
        }
    }

    fn update(&mut self, session: &Value, at: Duration, reply: &mut Reply) -> Result<(), Refusal> {
        let new = self.settings.with(session, &self.model)?;
        if new.input != self.settings.input {
            self.reader = Reader::new(new.input);
        }
        let update = new.change_from(&self.settings).filter(|_| self.is_open);
        // What waited for the client to end its turn is heard now, by whoever finds its end.
        let waited = if new.turns.is_null() { Vec::new() } else { std::mem::take(&mut self.buffer) };
        if !waited.is_empty() {
            self.ears.rewind(waited.iter().map(length).sum());
        }
        self.ears.change(new.hearing());
        self.settings = new;
        reply.inputs.extend(update.map(|update| SessionInput::Update { update }));
        let session = self.settings.to_json(&self.session, &self.model);
        self.tell(reply, json!({"type": "session.updated", "session": session}));
        if !waited.is_empty() {
            self.ready_to_hear(at, reply);
        }
        for input in waited {
            if let SessionInput::Audio(piece) = input {
                self.listen(piece, at, reply)?;
            }
        }
        Ok(())
    }

    /// Takes back what was said and is no turn yet. A model that heard a voice in it is to forget it: another session is opened.
    fn clear(&mut self, at: Duration, reply: &mut Reply) {
        let spoke = self.ears.forget();
        self.buffer.clear();
        self.pending = Duration::ZERO;
        self.reader = Reader::new(self.settings.input);
        self.recent.clear();
        self.users.forget_speaking();
        self.tell(reply, json!({"type": "input_audio_buffer.cleared"}));
        if spoke && self.is_open {
            self.past.outdate();
            self.ready_to_hear(at, reply);
        }
    }

    /// Sound of the user. Where the client ends its turns itself, it waits here: it can still be taken back.
    fn append(&mut self, audio: &str, at: Duration, reply: &mut Reply) -> Result<(), Refusal> {
        let bytes = unbase64(audio).map_err(|error| Refusal::value("audio", super::super::said(&error)))?;
        let pcm = self.reader.push(&bytes).to_pcm();
        let waits = self.settings.turns.is_null();
        if waits && self.pending + pcm.duration() > LONGEST_TURN {
            let what = format!("A turn of more than {} s of sound cannot be kept.", LONGEST_TURN.as_secs());
            return Err(Refusal::new("input_audio_buffer_full", what));
        }
        self.pending += pcm.duration();
        if !waits {
            self.ready_to_hear(at, reply);
        }
        pcm.into_pieces(HEARD_PIECE).try_for_each(|piece| self.listen(piece, at, reply))
    }

    /// A piece of sound: it is handed on, or waits, and turns are found in it.
    fn listen(&mut self, piece: Pcm, at: Duration, reply: &mut Reply) -> Result<(), Refusal> {
        let began = self.ears.heard();
        let turns = self.ears.hear(&piece, at);
        if self.settings.turns.is_null() {
            self.buffer.push(SessionInput::Audio(piece));
        } else {
            self.recent.push(began, piece.clone(), self.users.speaking().is_some());
            reply.inputs.push(SessionInput::Audio(piece));
        }
        for turn in turns.map_err(|error| Refusal::value("audio", super::super::said(&error)))? {
            self.turn(turn, at, reply);
        }
        Ok(())
    }

    fn commit(&mut self, at: Duration, reply: &mut Reply) -> Result<(), Refusal> {
        if self.pending < SHORTEST_TURN {
            let what = format!(
                "A turn holds at least {} ms of sound, and there are {} ms.",
                SHORTEST_TURN.as_millis(),
                self.pending.as_millis()
            );
            return Err(Refusal::new("input_audio_buffer_commit_empty", what));
        }
        if self.ears.is_silent() {
            let what = if self.ears.had_turns() {
                "Nobody spoke since the last turn ended, which was found and committed already."
            } else {
                "There is nothing but silence."
            };
            return Err(Refusal::new("input_audio_buffer_commit_empty", what));
        }
        self.ready_to_hear(at, reply);
        let heard = self.ears.heard();
        let began = heard.saturating_sub(self.pending);
        if self.users.speaking().is_none() {
            let id = self.name("item");
            self.users.begin(id, began);
        }
        self.ears.end();
        let waited = std::mem::take(&mut self.buffer);
        let sound = self.recent.whole(began, &waited);
        reply.inputs.extend(waited);
        if let Some(id) = self.keep_spoken(heard, sound.as_ref(), reply) {
            self.answer_spoken(id, Model::IsToBeTold, at, reply);
        }
        Ok(())
    }

    /// The item that a field names.
    pub(super) fn entry(&self, id: &str, field: &str) -> Result<(usize, String), Refusal> {
        let unknown = || Refusal::value(field, format!("There is no item with the id '{id}'."));
        Ok((self.past.position(id).ok_or_else(unknown)?, id.to_owned()))
    }

    fn create(
        &mut self,
        item: &Value,
        previous: &Value,
        at: Duration,
        reply: &mut Reply,
    ) -> Result<(), Refusal> {
        let id = match item["id"].as_str() {
            Some(id) if id.is_empty() || id.len() > 128 || self.past.position(id).is_some() => {
                return Err(Refusal::value(
                    "item.id",
                    "The id of an item is new, and at most 128 bytes long.",
                ));
            }
            Some(id) => id.to_owned(),
            None => self.name("item"),
        };
        let place = match previous.as_str() {
            None => self.past.entries.len(),
            Some("root") => 0,
            Some(previous) => self.entry(previous, "previous_item_id")?.0 + 1,
        };
        let calls = |id: &str| self.called(id);
        let (shown, message) = items::read(item, &id, self.settings.input, calls)?;
        let is_result = message.role == Role::Tool;
        // There is nothing to tell of what holds nothing.
        let message = Some(message).filter(|message| !message.parts.is_empty());
        let is_empty = message.is_none();
        let entry = Entry::new(&id, shown.clone(), message, is_empty);
        if !self.past.has_room(entry.size) {
            return Err(Refusal::new("conversation_too_large", "The conversation holds no more."));
        }
        let before = place.checked_sub(1).map(|at| self.past.entries[at].id.clone());
        if place == self.past.entries.len() {
            self.past.push(entry);
        } else {
            self.past.insert(place, entry);
        }
        self.item_added(before.as_deref(), &shown, reply);
        // A response that was asked for waits for the results that are still missing.
        if is_result && let Some(answer) = self.answer.as_mut().filter(|answer| answer.items.is_empty()) {
            answer.limit = Some(at + EMPTY);
            self.give_results(at, reply);
        }
        Ok(())
    }

    /// The model is given the results that it waits for.
    pub(super) fn give_results(&mut self, at: Duration, reply: &mut Reply) {
        let results = self.past.results();
        self.ears.give(&results, at);
        self.queue.given(!results.is_empty());
        reply.inputs.extend(results);
    }

    /// The name of a call in the conversation.
    fn called(&self, id: &str) -> Option<String> {
        self.past.calls().rev().find(|call| call.id == id).map(|call| call.name.clone())
    }

    fn respond(&mut self, response: &Value, at: Duration, reply: &mut Reply) -> Result<(), Refusal> {
        let wish = Wish::read(response, &self.settings)?;
        // One that only waits for calls to be answered, or was cut, is over for the client.
        if self.answer.as_ref().is_some_and(|answer| answer.due.is_some()) {
            self.finish_early(reply);
        }
        self.give_way(at, reply);
        if let Some(answer) = &self.answer {
            let what = format!("The conversation has a response under way: {}.", answer.id);
            return Err(Refusal::new("conversation_already_has_active_response", what));
        }
        let overrides = wish.update != SessionUpdate::default();
        let answer = self.begin(&wish, reply);
        (answer.overrides, answer.limit) = (overrides, Some(at + EMPTY));
        let mut plan = self.past.ask(self.is_open);
        self.queue_written(&mut plan);
        let is_new = plan.past.is_some();
        if let Some(past) = plan.past.take() {
            self.open(past, reply);
        }
        self.users.ask(plan.spoken, at);
        if overrides {
            reply.inputs.push(SessionInput::Update { update: wish.update });
        }
        self.ears.give(&plan.inputs, at);
        reply.inputs.append(&mut plan.inputs);
        if is_new {
            self.hear_again(reply);
        }
        self.tell_held(at, reply);
        Ok(())
    }
}

fn length(input: &SessionInput) -> Duration {
    match input {
        SessionInput::Audio(pcm) => pcm.duration(),
        _ => Duration::ZERO,
    }
}
