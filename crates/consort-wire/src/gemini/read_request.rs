//! Reads a request of any client that speaks Gemini.
use super::{ID, config, keys, part, path, tools};
use crate::WireRequest;
use crate::json;
use crate::pairing::Pairing;
use consort_core::{Body, Error, ErrorKind, Message, Object, Part, Request, Role};
use serde_json::Value;

pub(super) fn read(wire: &WireRequest) -> Result<Request, Error> {
    let (model, method) = path::read(wire.path_only());
    let Value::Object(body) = wire.json()? else {
        return Err(Error::new(ErrorKind::InvalidRequest, "the request body must be a JSON object"));
    };
    let mut body = unwrapped(body);
    let named = json::take_text(&mut body, "model").unwrap_or_default();
    let model = if model.is_empty() { path::bare(&named).to_owned() } else { model };
    let mut request = Request { model, stream: method == path::STREAM, ..Request::default() };
    if let Some(instruction) = body.shift_remove("systemInstruction") {
        instructions(instruction, &mut body, &mut request);
    }
    request.messages = messages(body.shift_remove("contents"));
    if let Some(listed) = body.shift_remove("tools") {
        request.tools = tools::read(listed);
    }
    config::read(&mut body, &mut request);
    request.native.merge(ID, body);
    Ok(request)
}

/// The request itself; counting tokens may wrap it.
fn unwrapped(mut body: Object) -> Object {
    keys::clean(&mut body);
    match body.shift_remove("generateContentRequest") {
        Some(Value::Object(mut inner)) => {
            keys::clean(&mut inner);
            inner
        }
        _ => body,
    }
}

/// The instructions; what else stands beside their parts goes back to where it was.
fn instructions(instruction: Value, body: &mut Object, request: &mut Request) {
    let mut content = match instruction {
        Value::Object(content) => content,
        Value::String(text) => {
            request.instructions.push(Part::text(text));
            return;
        }
        _ => return,
    };
    keys::clean(&mut content);
    request.instructions = parts(content.shift_remove("parts"))
        .into_iter()
        .filter(|part| part.as_text().is_some_and(|text| !text.is_empty()))
        .collect();
    if !request.instructions.is_empty() && !content.is_empty() {
        body.insert("systemInstruction".into(), Value::Object(content));
    }
}

fn messages(contents: Option<Value>) -> Vec<Message> {
    let contents = match contents {
        Some(Value::Array(contents)) => contents,
        Some(Value::String(text)) => return vec![Message::user(text)],
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    let mut pairing = Pairing::default();
    let mut messages = Vec::new();
    for content in contents {
        if let Value::Object(content) = content {
            read_content(content, &mut pairing, &mut messages);
        }
    }
    messages
}

/// One content. Results stand apart from what else a user says.
fn read_content(mut content: Object, pairing: &mut Pairing, messages: &mut Vec<Message>) {
    keys::clean(&mut content);
    let role = match content.get("role").and_then(Value::as_str) {
        Some("model" | "assistant") => Role::Assistant,
        // A role that nobody knows is kept as it is: the vendor says what is wrong with it.
        _ => Role::User,
    };
    if content.get("role").and_then(Value::as_str).is_none_or(is_known_role) {
        content.shift_remove("role");
    }
    let parts = parts(content.shift_remove("parts"));
    let first = messages.len();
    for mut part in parts {
        pairing.identify(&mut part);
        let role = match &part.body {
            Body::ToolResult(_) if role == Role::User => Role::Tool,
            _ => role,
        };
        match messages[first..].last_mut() {
            Some(last) if last.role == role => last.parts.push(part),
            _ => {
                let mut message = Message::new(role, vec![part]);
                if role != Role::Tool {
                    message.vendor.merge(ID, content.clone());
                }
                messages.push(message);
            }
        }
    }
}

pub(super) fn is_known_role(role: &str) -> bool {
    matches!(role, "user" | "model" | "function" | "tool" | "assistant")
}

/// Parts; a single one may stand without its list, or be a bare text.
fn parts(parts: Option<Value>) -> Vec<Part> {
    let parts = match parts {
        Some(Value::Array(parts)) => parts,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let read = |part| match part {
        Value::String(text) => Some(Part::text(text)),
        part => part::read(part),
    };
    parts.into_iter().filter_map(read).collect()
}
