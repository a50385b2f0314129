//! The client's messages.
use super::super::ears::{Ears, Model, Turn};
use super::super::entry::Entry;
use super::super::{HEARD_PIECE, Reply};
use super::setup::{self, field, known, list};
use super::speech::Said;
use super::{GeminiServed, turns};
use crate::audio::{Format, Reader, unbase64};
use consort_core::{Body, Media, Message, Role, SessionInput};
use serde_json::{Value, json};
use std::time::Duration;

/// The rate of sound whose type says none.
const USUAL_RATE: u32 = 16_000;

impl GeminiServed {
    /// Reads a message, or says why it cannot be.
    pub(super) fn hear(&mut self, message: &[u8], at: Duration, reply: &mut Reply) -> Result<(), String> {
        let message: Value =
            serde_json::from_slice(message).map_err(|error| format!("the message is not JSON: {error}"))?;
        known(&message, &["setup", "realtimeInput", "clientContent", "toolResponse"], "the message")?;
        let part = |name| Some(field(&message, name)).filter(|value| !value.is_null());
        if let Some(wanted) = part("setup") {
            return self.set_up(wanted, reply);
        }
        if self.setup.is_none() {
            return Err("the first message must be a setup".into());
        }
        if let Some(content) = part("clientContent") {
            self.content(content, at, reply)?;
        }
        if let Some(input) = part("realtimeInput") {
            self.live(input, at, reply)?;
        }
        if let Some(response) = part("toolResponse") {
            self.results(response, at, reply)?;
        }
        Ok(())
    }

    fn set_up(&mut self, wanted: &Value, reply: &mut Reply) -> Result<(), String> {
        if self.setup.is_some() {
            return Err("a connection is set up once".into());
        }
        let setup = setup::read(wanted)?;
        reply.find = Some(setup.model.clone());
        reply.send(json!({"setupComplete": {"sessionId": self.session}}));
        if setup.resumes {
            // It asked for it, and is told that there is no way back.
            reply.send(json!({"sessionResumptionUpdate": {"resumable": false}}));
        }
        self.ears = Some(Ears::new(setup.hearing));
        self.is_seeding = setup.seeds;
        self.setup = Some(setup);
        Ok(())
    }

    /// Turns in words and pictures. They cut what is being answered, unless they are what was said before.
    fn content(&mut self, content: &Value, at: Duration, reply: &mut Reply) -> Result<(), String> {
        known(content, &["turns", "turnComplete"], "clientContent")?;
        let turns = match &content["turns"] {
            Value::Array(turns) => turns.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        let turns = turns::read(turns)?;
        let is_asked =
            field(content, "turnComplete") == &json!(true) && !std::mem::take(&mut self.is_seeding);
        if is_asked {
            // Who writes cuts what is being made. What was sent whole is played to its end: clients write as soon as they have it.
            if self.answer.is_some() {
                self.cut(at, reply);
            }
            // What was said before it waits no longer: there is nothing left that it could cut.
            self.hand_on_now(reply);
        }
        for message in turns {
            let entry = self.entry(message, false)?;
            self.past.push(entry);
        }
        if is_asked {
            self.ears.iter_mut().for_each(Ears::writes);
            self.ask_now(reply);
        }
        Ok(())
    }

    /// What was said, as far as there is room for it.
    fn entry(&self, message: Message, told: bool) -> Result<Entry, String> {
        let entry = Entry::new("", Value::Null, Some(message), told);
        if !self.past.has_room(entry.size + self.speech.size()) {
            return Err("the conversation holds no more".into());
        }
        Ok(entry)
    }

    fn live(&mut self, input: &Value, at: Duration, reply: &mut Reply) -> Result<(), String> {
        let names =
            ["audio", "video", "text", "activityStart", "activityEnd", "audioStreamEnd", "mediaChunks"];
        known(input, &names, "realtimeInput")?;
        self.is_seeding = false;
        for chunk in list(field(input, "mediaChunks"), "mediaChunks")? {
            self.media(chunk, at, reply)?;
        }
        for name in ["audio", "video"] {
            if !input[name].is_null() {
                self.media(&input[name], at, reply)?;
            }
        }
        if let Some(text) = input["text"].as_str() {
            let entry = self.entry(Message::user(text), false)?;
            self.ears.iter_mut().for_each(Ears::writes);
            self.say_in_words(entry, reply);
        }
        let says_so = self.ears.as_ref().is_some_and(Ears::is_told_by_the_client);
        let marks = !field(input, "activityStart").is_null() || !field(input, "activityEnd").is_null();
        if marks && !says_so {
            return Err("activity is only marked where automaticActivityDetection is disabled".into());
        }
        if !field(input, "activityStart").is_null() {
            self.ready_to_hear(reply);
            self.speech.began(self.heard());
            if self.interrupts() {
                self.cut(at, reply);
            }
        }
        if !field(input, "activityEnd").is_null() || field(input, "audioStreamEnd") == &json!(true) {
            self.end_turn(at, reply);
        }
        Ok(())
    }

    pub(super) fn interrupts(&self) -> bool {
        self.setup.as_ref().is_some_and(|setup| setup.interrupts)
    }

    /// The user is done, as far as the client knows.
    fn end_turn(&mut self, at: Duration, reply: &mut Reply) {
        if !self.is_open {
            return;
        }
        if let Some(ears) = &mut self.ears {
            ears.end();
        }
        self.say_aloud(self.heard(), SessionInput::Commit, at, reply);
        self.speech.ended(false);
    }

    fn media(&mut self, blob: &Value, at: Duration, reply: &mut Reply) -> Result<(), String> {
        known(blob, &["data", "mimeType"], "the media")?;
        let mime = field(blob, "mimeType").as_str().unwrap_or_default();
        let data = blob["data"].as_str().ok_or("media without data")?;
        let bytes = unbase64(data).map_err(|error| error.message().to_owned())?;
        if mime.starts_with("image/") {
            self.ready_to_hear(reply);
            reply.inputs.push(SessionInput::Video { media: Media::bytes(mime, bytes) });
            return Ok(());
        }
        if mime.starts_with("video/") {
            return Err(format!("`{mime}` cannot be shown: send it as pictures, such as image/jpeg"));
        }
        let format = Format::from_mime(mime, USUAL_RATE).map_err(|error| super::super::said(&error))?;
        self.ready_to_hear(reply);
        let reader = match &mut self.reader {
            Some(reader) if reader.format() == format => reader,
            other => other.insert(Reader::new(format)),
        };
        let pcm = reader.push(&bytes).to_pcm();
        for piece in pcm.into_pieces(HEARD_PIECE) {
            let heard = self.heard();
            let turns = match &mut self.ears {
                Some(ears) => ears.hear(&piece, at).map_err(|error| super::super::said(&error))?,
                None => Vec::new(),
            };
            self.say_aloud(heard, SessionInput::Audio(piece), at, reply);
            for turn in turns {
                self.turn(turn, at, reply);
            }
        }
        Ok(())
    }

    /// A turn of the user began or ended.
    pub(super) fn turn(&mut self, turn: Turn, at: Duration, reply: &mut Reply) {
        let began = matches!(turn, Turn::Began { .. });
        if self.setup.as_ref().is_some_and(|setup| setup.tells_voice) {
            let word = if began { "ACTIVITY_START" } else { "ACTIVITY_END" };
            reply.send(json!({"voiceActivity": {"voiceActivityType": word}}));
        }
        match turn {
            Turn::Began { at: since } => {
                self.speech.began(since);
                if self.interrupts() {
                    self.cut(at, reply);
                }
            }
            Turn::Ended { model, .. } => {
                let (untold, is_unheard) = (model == Model::IsToBeTold, self.speech.waits());
                if untold {
                    self.say_aloud(self.heard(), SessionInput::Commit, at, reply);
                } else if is_unheard {
                    self.speech.wait(Said::Over);
                }
                self.speech.ended(!untold && !is_unheard);
            }
        }
    }

    fn results(&mut self, response: &Value, at: Duration, reply: &mut Reply) -> Result<(), String> {
        known(response, &["functionResponses"], "toolResponse")?;
        for given in list(field(response, "functionResponses"), "functionResponses")? {
            let text = |key: &str| given[key].as_str().filter(|text| !text.is_empty());
            let (id, name) = (text("id"), text("name"));
            let is_it =
                |(call, tool): &(String, String)| id.map_or(name == Some(tool.as_str()), |id| call == id);
            let Some(place) = self.calls.iter().position(is_it) else {
                self.was_called(id, name)?;
                // One that was cancelled, or is of a session that is gone, is wanted by nobody.
                continue;
            };
            let (id, name) = self.calls.remove(place);
            let part = turns::result(id, name, &given["response"]);
            if let Body::ToolResult(result) = &part.body {
                let input = SessionInput::ToolResult { result: result.clone() };
                if let Some(ears) = &mut self.ears {
                    ears.give(std::slice::from_ref(&input), at);
                }
                reply.inputs.push(input);
            }
            let entry = self.entry(Message::new(Role::Tool, vec![part]), true)?;
            self.past.push(entry);
        }
        if let Some(answer) = self.answer.as_mut().filter(|_| self.calls.is_empty()) {
            // It goes on.
            answer.waits = None;
        }
        Ok(())
    }

    /// Whether there ever was such a call: what answers none would be waited for in vain, on the other side.
    fn was_called(&self, id: Option<&str>, name: Option<&str>) -> Result<(), String> {
        if self.past.calls().any(|call| id.map_or(name == Some(call.name.as_str()), |id| call.id == id)) {
            return Ok(());
        }
        Err(match (id, name) {
            (Some(id), _) => format!("no toolCall has the id \"{id}\" that a functionResponse answers"),
            (None, Some(name)) => {
                format!("no toolCall of \"{name}\" was made that a functionResponse answers")
            }
            (None, None) => "a functionResponse has the `id` of its call, or its `name`".to_owned(),
        })
    }
}
