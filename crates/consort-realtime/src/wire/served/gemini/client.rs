//! The client's messages.
use super::super::Reply;
use super::super::ears::{Ears, Turn};
use super::super::past::Entry;
use super::GeminiServed;
use super::setup::{self, field, known};
use crate::audio::{Format, Reader, unbase64};
use consort_core::{Media, Message, Part, Role, SessionInput};
use serde_json::{Value, json};
use std::time::Duration;

/// A long piece of sound is handed on in pieces of this length.
const PIECE: Duration = Duration::from_millis(500);
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
            self.results(response, reply)?;
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
        self.setup = Some(setup);
        Ok(())
    }

    /// Turns in words and pictures. They cut what is being answered.
    fn content(&mut self, content: &Value, at: Duration, reply: &mut Reply) -> Result<(), String> {
        known(content, &["turns", "turnComplete"], "clientContent")?;
        let turns = match &content["turns"] {
            Value::Array(turns) => turns.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        for turn in turns {
            let entry = Entry::new("", Value::Null, Some(said(turn)?), false);
            if !self.past.has_room(&entry) {
                return Err("the conversation holds no more".into());
            }
            self.past.push(entry);
        }
        if field(content, "turnComplete") == &json!(true) {
            self.cut(at, reply);
            self.ask(reply);
        }
        Ok(())
    }

    /// What was said is to be answered.
    fn ask(&mut self, reply: &mut Reply) {
        let mut plan = self.past.ask(self.is_open, false);
        if let Some(past) = plan.past.take() {
            self.open(past, reply);
        }
        reply.inputs.append(&mut plan.inputs);
    }

    fn live(&mut self, input: &Value, at: Duration, reply: &mut Reply) -> Result<(), String> {
        let names =
            ["audio", "video", "text", "activityStart", "activityEnd", "audioStreamEnd", "mediaChunks"];
        known(input, &names, "realtimeInput")?;
        for chunk in field(input, "mediaChunks").as_array().into_iter().flatten() {
            self.media(chunk, at, reply)?;
        }
        for name in ["audio", "video"] {
            if !input[name].is_null() {
                self.media(&input[name], at, reply)?;
            }
        }
        if let Some(text) = input["text"].as_str() {
            self.past.push(Entry::new("", Value::Null, Some(Message::user(text)), false));
            self.ask(reply);
        }
        let says_so = self.ears.as_ref().is_some_and(|ears| !ears.model_detects());
        let marks = !field(input, "activityStart").is_null() || !field(input, "activityEnd").is_null();
        if marks && !says_so {
            return Err("activity is only marked where automaticActivityDetection is disabled".into());
        }
        if !field(input, "activityStart").is_null() {
            self.ready_to_hear(reply);
            if self.interrupts() {
                self.cut(at, reply);
            }
        }
        if !field(input, "activityEnd").is_null() || field(input, "audioStreamEnd") == &json!(true) {
            self.end_turn(reply);
        }
        Ok(())
    }

    pub(super) fn interrupts(&self) -> bool {
        self.setup.as_ref().is_some_and(|setup| setup.interrupts)
    }

    /// The user is done, as far as the client knows.
    fn end_turn(&mut self, reply: &mut Reply) {
        if !self.is_open {
            return;
        }
        if let Some(ears) = &mut self.ears {
            ears.end();
        }
        reply.inputs.push(SessionInput::Commit);
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
        let format = Format::from_mime(mime, USUAL_RATE).map_err(|error| super::super::said(&error))?;
        self.ready_to_hear(reply);
        let reader = match &mut self.reader {
            Some(reader) if reader.format() == format => reader,
            other => other.insert(Reader::new(format)),
        };
        let pcm = reader.push(&bytes).to_pcm();
        for piece in pcm.pieces(PIECE) {
            let turns = match &mut self.ears {
                Some(ears) => ears.hear(&piece).map_err(|error| super::super::said(&error))?,
                None => Vec::new(),
            };
            reply.inputs.push(SessionInput::Audio(piece));
            for turn in turns {
                self.turn(turn, at, reply);
            }
        }
        Ok(())
    }

    /// A turn of the user began or ended.
    pub(super) fn turn(&mut self, turn: Turn, at: Duration, reply: &mut Reply) {
        let (began, untold) = match turn {
            Turn::Began { .. } => (true, false),
            Turn::Ended { untold, .. } => (false, untold),
        };
        if self.setup.as_ref().is_some_and(|setup| setup.tells_voice) {
            let word = if began { "ACTIVITY_START" } else { "ACTIVITY_END" };
            reply.send(json!({"voiceActivity": {"voiceActivityType": word}}));
        }
        if began && self.interrupts() {
            self.cut(at, reply);
        }
        if untold {
            reply.inputs.push(SessionInput::Commit);
        }
    }

    fn results(&mut self, response: &Value, reply: &mut Reply) -> Result<(), String> {
        known(response, &["functionResponses"], "toolResponse")?;
        for given in field(response, "functionResponses").as_array().into_iter().flatten() {
            let (id, name) = (given["id"].as_str(), given["name"].as_str());
            let at = self
                .calls
                .iter()
                .position(|(call, tool)| id.map_or_else(|| name == Some(tool.as_str()), |id| call == id));
            // One that was cancelled, or is of a session that is gone, is wanted by nobody.
            let Some((id, name)) = at.map(|at| self.calls.remove(at)) else { continue };
            let (text, is_error) = output(&given["response"]);
            let mut part = Part::tool_result(id, name, text);
            if let consort_core::Body::ToolResult(result) = &mut part.body {
                result.is_error = is_error;
                reply.inputs.push(SessionInput::ToolResult { result: result.clone() });
            }
            let told = Entry::new("", Value::Null, Some(Message::new(Role::Tool, vec![part])), true);
            self.past.push(told);
        }
        Ok(())
    }
}

/// What a function gave, as text: its `output` where that is all, else the object as it is.
fn output(response: &Value) -> (String, bool) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if response.as_object().is_some_and(|object| object.len() == 1) {
        if !response["error"].is_null() {
            return (text(&response["error"]), true);
        }
        for key in ["output", "result"] {
            if !response[key].is_null() {
                return (text(&response[key]), false);
            }
        }
    }
    (response.to_string(), false)
}

fn said(turn: &Value) -> Result<Message, String> {
    known(turn, &["role", "parts"], "a turn")?;
    let role = match turn["role"].as_str() {
        Some("model") => Role::Assistant,
        None | Some("user") => Role::User,
        Some(other) => return Err(format!("a turn of \"{other}\": turns are of user and model")),
    };
    let parts = turn["parts"].as_array().into_iter().flatten().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(Message::new(role, parts))
}

fn part(part: &Value) -> Result<Part, String> {
    if let Some(text) = part["text"].as_str() {
        return Ok(Part::text(text));
    }
    let data = field(part, "inlineData");
    let mime = field(data, "mimeType").as_str().unwrap_or_default();
    if let (Some(base64), true) = (data["data"].as_str(), mime.starts_with("image/")) {
        let bytes = unbase64(base64).map_err(|error| error.message().to_owned())?;
        return Ok(Part::media(Media::bytes(mime, bytes)));
    }
    Err("a turn holds texts and pictures: speak by realtimeInput, and give results by toolResponse".into())
}
