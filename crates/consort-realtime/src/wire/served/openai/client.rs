//! The client's events.
use super::super::Reply;
use super::super::past::Entry;
use super::refusal::{Refusal, fields, wanted};
use super::{OpenAiServed, items, settings};
use crate::audio::{Reader, unbase64};
use crate::heard::heard_of;
use consort_core::{Body, Pcm, Role, SessionInput, SessionUpdate};
use serde_json::{Value, json};
use std::time::Duration;

/// Less sound than this is no turn.
const SHORTEST_TURN: Duration = Duration::from_millis(100);
/// How much sound may wait for the client to end its turn.
const LONGEST_TURN: Duration = Duration::from_mins(10);
/// A long piece of sound is handed on in pieces of this length.
const PIECE: Duration = Duration::from_millis(500);

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
                self.update(session, reply)
            }
            "input_audio_buffer.append" => self.append(wanted(with(&["audio"])?, "", "audio")?, at, reply),
            "input_audio_buffer.commit" => {
                with(&[])?;
                self.commit(at, reply)
            }
            "input_audio_buffer.clear" => {
                with(&[])?;
                self.buffer.clear();
                self.pending = Duration::ZERO;
                self.reader = Reader::new(self.settings.input);
                self.tell(reply, json!({"type": "input_audio_buffer.cleared"}));
                Ok(())
            }
            "conversation.item.create" => {
                let object = with(&["previous_item_id", "item"])?;
                let item = object.get("item").ok_or_else(|| Refusal::missing("item"))?;
                self.create(item, object.get("previous_item_id").unwrap_or(&Value::Null), reply)
            }
            "conversation.item.retrieve" => {
                let (at, _) = self.entry(wanted(with(&["item_id"])?, "", "item_id")?)?;
                let item = self.past.entries[at].shown.clone();
                self.tell(reply, json!({"type": "conversation.item.retrieved", "item": item}));
                Ok(())
            }
            "conversation.item.delete" => {
                let (place, id) = self.entry(wanted(with(&["item_id"])?, "", "item_id")?)?;
                self.past.remove(place);
                self.tell(reply, json!({"type": "conversation.item.deleted", "item_id": id}));
                Ok(())
            }
            "conversation.item.truncate" => {
                let object = with(&["item_id", "content_index", "audio_end_ms"])?;
                let end = object.get("audio_end_ms").ok_or_else(|| Refusal::missing("audio_end_ms"))?;
                let end = end.as_u64().ok_or_else(|| Refusal::kind("audio_end_ms", "a whole number"))?;
                let index = object.get("content_index").unwrap_or(&Value::Null).clone();
                self.truncate(wanted(object, "", "item_id")?, &index, Duration::from_millis(end), reply)
            }
            "response.create" => {
                let response = with(&["response"])?.get("response").cloned().unwrap_or(Value::Null);
                self.respond(&response, reply)
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

    fn update(&mut self, session: &Value, reply: &mut Reply) -> Result<(), Refusal> {
        let new = self.settings.with(session, &self.model)?;
        if new.input != self.settings.input {
            self.reader = Reader::new(new.input);
        }
        let update = new.change_from(&self.settings).filter(|_| self.is_open);
        self.ears.change(new.hearing());
        self.settings = new;
        reply.inputs.extend(update.map(|update| SessionInput::Update { update }));
        let session = self.settings.to_json(&self.session, &self.model);
        self.tell(reply, json!({"type": "session.updated", "session": session}));
        Ok(())
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
            self.ready_to_hear(reply);
        }
        for piece in pcm.pieces(PIECE) {
            let turns = self.ears.hear(&piece);
            self.hand_on(piece, waits, reply);
            for turn in turns.map_err(|error| Refusal::value("audio", super::super::said(&error)))? {
                self.turn(turn, at, reply);
            }
        }
        Ok(())
    }

    fn hand_on(&mut self, piece: Pcm, waits: bool, reply: &mut Reply) {
        let input = SessionInput::Audio(piece);
        if waits { self.buffer.push(input) } else { reply.inputs.push(input) }
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
        self.ready_to_hear(reply);
        reply.inputs.append(&mut self.buffer);
        let heard = self.ears.heard();
        if self.users.speaking().is_none() {
            let (id, began) = (self.name("item"), heard.saturating_sub(self.pending));
            self.users.begin(id, began);
        }
        self.ears.end();
        self.keep_spoken(heard, at, reply);
        if self.settings.creates() {
            reply.inputs.push(SessionInput::Commit);
        } else {
            self.unanswered = true;
        }
        Ok(())
    }

    fn entry(&self, id: &str) -> Result<(usize, String), Refusal> {
        let unknown = || Refusal::value("item_id", format!("There is no item with the id '{id}'."));
        Ok((self.past.position(id).ok_or_else(unknown)?, id.to_owned()))
    }

    fn create(&mut self, item: &Value, previous: &Value, reply: &mut Reply) -> Result<(), Refusal> {
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
            Some(previous) => self.entry(previous)?.0 + 1,
        };
        let calls = |id: &str| self.called(id);
        let (shown, message) = items::read(item, &id, self.settings.input, calls)?;
        let is_result = message.role == Role::Tool;
        let entry = Entry::new(&id, shown.clone(), Some(message), false);
        if !self.past.has_room(&entry) {
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
        let waits =
            self.answer.as_ref().is_some_and(|answer| answer.items.is_empty() && answer.cut.is_none());
        if is_result && waits {
            let results = self.past.results();
            reply.inputs.extend(results);
        }
        Ok(())
    }

    /// The name of a call in the conversation.
    fn called(&self, id: &str) -> Option<String> {
        let messages = self.past.entries.iter().filter_map(|entry| entry.message.as_ref());
        let mut calls = messages.flat_map(|message| &message.parts).filter_map(|part| match &part.body {
            Body::ToolCall(call) => Some(call),
            _ => None,
        });
        calls.find(|call| call.id == id).map(|call| call.name.clone())
    }

    /// Only so much of an answer was heard. The model is told, unless it was when the answer was cut.
    fn truncate(&mut self, id: &str, index: &Value, end: Duration, reply: &mut Reply) -> Result<(), Refusal> {
        self.entry(id)?;
        let speaking = self.answer.as_ref().and_then(|answer| {
            let item = answer.items.iter().find(|item| item.id == id)?;
            Some((item.theirs.clone(), item.sent, answer.cut.is_some(), item.says()))
        });
        let said = self
            .said
            .iter()
            .find(|said| said.id == id)
            .map(|said| (said.theirs.clone(), said.length, said.cut, said.words.clone()));
        let Some((theirs, length, was_cut, text)) =
            speaking.or(said).filter(|(_, length, ..)| !length.is_zero())
        else {
            return Err(Refusal::value("item_id", format!("'{id}' holds no sound that could be cut.")));
        };
        if end > length {
            let what = format!("The item sounds for {} ms.", length.as_millis());
            return Err(Refusal::value("audio_end_ms", what));
        }
        let heard = heard_of(&text, end, length).to_owned();
        self.past.is(id, &heard);
        let is_last = self.said.back().is_some_and(|said| said.id == id) && self.answer.is_none();
        if let Some(said) = self.said.iter_mut().find(|said| said.id == id) {
            said.cut = true;
        }
        if !was_cut && is_last && end < length && self.is_open && !theirs.is_empty() {
            reply.inputs.push(SessionInput::Interrupt { item: Some(theirs), heard: end });
        }
        self.tell(
            reply,
            json!({
                "type": "conversation.item.truncated", "item_id": id, "content_index": index,
                "audio_end_ms": end.as_millis() as u64,
            }),
        );
        Ok(())
    }

    fn respond(&mut self, response: &Value, reply: &mut Reply) -> Result<(), Refusal> {
        let wish = Wish::read(response, self)?;
        // One that only waits for calls to be answered, or was cut, is over for the client.
        if self.answer.as_ref().is_some_and(|answer| answer.due.is_some()) {
            self.finish_early(reply);
        }
        if let Some(answer) = &self.answer {
            let what = format!("The conversation has a response under way: {}.", answer.id);
            return Err(Refusal::new("conversation_already_has_active_response", what));
        }
        let overrides = wish.update != SessionUpdate::default();
        self.begin(wish.speaks, wish.metadata, reply).overrides = overrides;
        let unanswered = std::mem::take(&mut self.unanswered);
        let mut plan = self.past.ask(self.is_open, unanswered);
        if let Some(past) = plan.past.take() {
            self.open(past, reply);
        }
        if overrides {
            reply.inputs.push(SessionInput::Update { update: wish.update });
        }
        reply.inputs.append(&mut plan.inputs);
        if unanswered {
            reply.inputs.push(SessionInput::Commit);
        }
        Ok(())
    }
}

/// What is wanted of one response.
struct Wish {
    speaks: bool,
    metadata: Value,
    update: SessionUpdate,
}

impl Wish {
    fn read(response: &Value, served: &OpenAiServed) -> Result<Self, Refusal> {
        let mut wish =
            Self { speaks: served.settings.speaks, metadata: Value::Null, update: SessionUpdate::default() };
        if response.is_null() {
            return Ok(wish);
        }
        let known = [
            "instructions",
            "output_modalities",
            "tools",
            "tool_choice",
            "metadata",
            "conversation",
            "input",
            "audio",
            "max_output_tokens",
            "parallel_tool_calls",
            "prompt",
            "reasoning",
        ];
        for (key, value) in fields(response, "response", &known)? {
            let path = format!("response.{key}");
            match key.as_str() {
                "instructions" => {
                    wish.update.instructions = Some(super::refusal::text(value, &path)?.to_owned());
                }
                "output_modalities" => wish.speaks = settings::modalities(value, &path)?,
                "tools" => {
                    wish.update.tools = Some(settings::functions(&settings::tools(value, &path)?));
                }
                "tool_choice" if !settings::tool_choice(value, &path)? => {
                    wish.update.tools = Some(Vec::new());
                }
                "metadata" => wish.metadata = value.clone(),
                "conversation" if *value != "auto" => {
                    let what =
                        "A response outside of the conversation is not possible: a live model holds one.";
                    return Err(Refusal::unsupported(&path, what));
                }
                "input" => {
                    let what = "A response answers the conversation: put what it is about into it as items.";
                    return Err(Refusal::unsupported(&path, what));
                }
                "prompt" if !value.is_null() => {
                    return Err(Refusal::unsupported(&path, "This server keeps no prompts."));
                }
                _ => {}
            }
        }
        Ok(wish)
    }
}
