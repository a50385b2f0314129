//! Turns in words, pictures, calls and what those gave: what was said before, and what is said now.
use super::setup::{field, known, list};
use crate::audio::unbase64;
use consort_core::{Arguments, Body, Media, Message, Part, Role};
use serde_json::Value;

/// The turns as messages, in their order. What calls gave stands in messages of its own.
pub(super) fn read(turns: &[Value]) -> Result<Vec<Message>, String> {
    let (mut messages, mut calls) = (Vec::new(), Calls::default());
    for turn in turns {
        known(turn, &["role", "parts"], "a turn")?;
        let role = match turn["role"].as_str() {
            Some("model") => Role::Assistant,
            // Some libraries give what a function gave a role of its own.
            None | Some("user" | "function" | "tool") => Role::User,
            Some(other) => return Err(format!("a turn of \"{other}\": turns are of user and model")),
        };
        let (mut said, mut given) = (Vec::new(), Vec::new());
        for value in list(&turn["parts"], "parts")? {
            let part = part(value, &mut calls)?;
            if matches!(part.body, Body::ToolResult(_)) { given.push(part) } else { said.push(part) }
        }
        let is_empty = given.is_empty();
        messages.extend((!is_empty).then(|| Message::new(Role::Tool, given)));
        messages.extend((is_empty || !said.is_empty()).then(|| Message::new(role, said)));
    }
    Ok(messages)
}

/// The calls of these turns: what a function gave says which it answers by a name, where it has no id.
#[derive(Default)]
struct Calls {
    waiting: Vec<(String, String)>,
    named: usize,
}

impl Calls {
    fn called(&mut self, id: Option<&str>, name: &str) -> String {
        self.named += 1;
        let id = id.map_or_else(|| format!("call-{}", self.named), str::to_owned);
        self.waiting.push((id.clone(), name.to_owned()));
        id
    }

    /// The id of the call that is answered.
    fn answered(&mut self, id: Option<&str>, name: &str) -> Result<String, String> {
        let is_it = |(call, tool): &(String, String)| id.map_or(tool == name, |id| call == id);
        match (self.waiting.iter().position(is_it), id) {
            (Some(at), _) => Ok(self.waiting.remove(at).0),
            // It may be one of an earlier message.
            (None, Some(id)) => Ok(id.to_owned()),
            (None, None) => {
                Err(format!("a functionResponse of \"{name}\" that no functionCall before it asked for"))
            }
        }
    }
}

fn part(part: &Value, calls: &mut Calls) -> Result<Part, String> {
    if let Some(text) = part["text"].as_str() {
        return Ok(Part::text(text));
    }
    let named = |value: &Value| value["name"].as_str().map(str::to_owned).ok_or("a function without a name");
    let call = field(part, "functionCall");
    if call.is_object() {
        let name = named(call)?;
        let id = calls.called(call["id"].as_str(), &name);
        let arguments = if call["args"].is_null() { "{}".to_owned() } else { call["args"].to_string() };
        return Ok(Part::tool_call(id, name, Arguments::new(arguments)));
    }
    let given = field(part, "functionResponse");
    if given.is_object() {
        let name = named(given)?;
        let id = calls.answered(given["id"].as_str(), &name)?;
        return Ok(result(id, name, &given["response"]));
    }
    let data = field(part, "inlineData");
    let mime = field(data, "mimeType").as_str().unwrap_or_default();
    if let (Some(base64), true) = (data["data"].as_str(), mime.starts_with("image/")) {
        let bytes = unbase64(base64).map_err(|error| error.message().to_owned())?;
        return Ok(Part::media(Media::bytes(mime, bytes)));
    }
    Err("a turn holds texts, pictures, calls and what those gave: speak by realtimeInput".into())
}

/// What a function gave.
pub(super) fn result(id: String, name: String, response: &Value) -> Part {
    let (text, is_error) = output(response);
    let mut part = Part::tool_result(id, name, text);
    if let Body::ToolResult(result) = &mut part.body {
        result.is_error = is_error;
    }
    part
}

/// It as text: its `output` where that is all, else the object as it is.
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
