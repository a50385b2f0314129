//! One message, both ways.
use super::{CITATION, ID, PLAN, citation};
use crate::json;
use consort_core::{
    Body, Error, ErrorKind, Media, MediaSource, Message, Object, Part, Role, ToolCall, ToolResult,
};
use serde_json::{Value, json};

/// Reads a message. A tool's message holds one result.
pub(super) fn read(value: Value) -> Result<Message, Error> {
    let Value::Object(mut object) = value else { return Err(invalid("a message is not an object")) };
    let role = json::take_text(&mut object, "role").unwrap_or_default();
    let message = match role.as_str() {
        "assistant" => {
            let parts = read_assistant(&mut object);
            Message::new(Role::Assistant, parts)
        }
        "tool" => return Ok(Message::new(Role::Tool, vec![read_result(object)])),
        "user" => Message::new(Role::User, read_content(object.shift_remove("content"))),
        "system" => Message::new(Role::System, read_content(object.shift_remove("content"))),
        other => return Err(invalid(&format!("a message has the unknown role `{other}`"))),
    };
    let mut message = message;
    message.vendor.merge(ID, object);
    Ok(message)
}

/// Takes what an assistant said out of its message: content, plan, calls, in this order.
pub(super) fn read_assistant(object: &mut Object) -> Vec<Part> {
    let mut parts = read_content(object.shift_remove("content"));
    let is_text: Vec<bool> = parts.iter().map(|part| part.as_text().is_some()).collect();
    let mut homeless = Vec::new();
    for item in take_list(object, "citations") {
        let Value::Object(item) = item else { continue };
        let home = citation::home(&item, &is_text).and_then(|index| parts.get_mut(index));
        match home.map(|part| &mut part.body) {
            Some(Body::Text { citations, .. }) => citations.push(citation::read(item)),
            _ => homeless.push(Part::native(ID, CITATION, Value::Object(item))),
        }
    }
    if let Some(plan) = json::take_text(object, PLAN).filter(|plan| !plan.is_empty()) {
        parts.push(Part::native(ID, PLAN, Value::String(plan)));
    }
    object.shift_remove(PLAN);
    parts.extend(homeless);
    let calls = take_list(object, "tool_calls");
    parts.extend(calls.into_iter().enumerate().filter_map(|(at, call)| read_call(at, call)));
    parts
}

/// Writes a message; a tool's message becomes one for each result.
pub(super) fn write(message: &Message, out: &mut Vec<Value>) -> Result<(), Error> {
    if message.role == Role::Tool {
        for part in &message.parts {
            if let Body::ToolResult(result) = &part.body {
                out.push(write_result(part, result)?);
            }
        }
        return Ok(());
    }
    let mut object = Object::new();
    if message.role == Role::Assistant {
        object = write_assistant(&message.parts);
        plain(&mut object);
    } else {
        let role = if message.role == Role::System { "system" } else { "user" };
        object.insert("role".into(), role.into());
        object.insert("content".into(), write_content(&message.parts)?);
    }
    add_vendor(&mut object, message.vendor.of(ID));
    out.push(Value::Object(object));
    Ok(())
}

/// What an assistant said, with its content as a list.
pub(super) fn write_assistant(parts: &[Part]) -> Object {
    let is_text: Vec<bool> =
        parts.iter().filter(|part| is_content(part)).map(|part| part.as_text().is_some()).collect();
    let (mut content, mut calls, mut cited) = (Vec::new(), Vec::new(), Vec::new());
    let mut plan = String::new();
    for part in parts {
        match &part.body {
            Body::ToolCall(call) => calls.push(write_call(part, call)),
            Body::Native { wire, kind, value } if wire == ID => match (kind.as_str(), value) {
                (PLAN, value) => plan.push_str(value.as_str().unwrap_or_default()),
                (CITATION, value) => cited.push(value.clone()),
                (_, Value::Object(_)) => content.push(value.clone()),
                _ => {}
            },
            Body::Text { citations, .. } => {
                for citation in citations {
                    let mut object = citation::write(citation);
                    if citation::home(&object, &is_text) != Some(content.len()) {
                        object.insert("content_index".into(), content.len().into());
                    }
                    cited.push(Value::Object(object));
                }
                content.extend(write_part(part).ok());
            }
            _ if is_content(part) => content.extend(write_part(part).ok()),
            _ => {}
        }
    }
    let mut object = Object::new();
    object.insert("role".into(), "assistant".into());
    for (key, list) in [("content", content), ("tool_calls", calls), ("citations", cited)] {
        if !list.is_empty() {
            object.insert(key.into(), Value::Array(list));
        }
    }
    if !plan.is_empty() {
        object.insert(PLAN.into(), plan.into());
    }
    object
}

/// Whether a part of an answer stands in the content.
fn is_content(part: &Part) -> bool {
    match &part.body {
        Body::Text { .. } | Body::Reasoning { .. } | Body::Refusal { .. } => true,
        Body::Native { wire, kind, value } => {
            wire == ID && kind != PLAN && kind != CITATION && value.is_object()
        }
        Body::Media(_) | Body::ToolCall(_) | Body::ToolResult(_) => false,
    }
}

/// Writes parts as a text where one plain text is all there is, else as a list.
pub(super) fn write_content(parts: &[Part]) -> Result<Value, Error> {
    match parts {
        [] => Ok("".into()),
        [part] if part.vendor.of(ID).is_none() && part.as_text().is_some() => {
            Ok(part.as_text().unwrap_or_default().into())
        }
        parts => parts.iter().map(write_part).collect(),
    }
}

/// A single plain text needs no list.
fn plain(object: &mut Object) {
    let Some(Value::Array(content)) = object.get("content") else { return };
    let [Value::Object(only)] = content.as_slice() else { return };
    if only.len() == 2
        && only.get("type").is_some_and(|kind| kind == "text")
        && let Some(text) = only.get("text").cloned()
    {
        object.insert("content".into(), text);
    }
}

/// Writes one part of content.
pub(super) fn write_part(part: &Part) -> Result<Value, Error> {
    let mut object = match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } => typed("text", text.clone().into()),
        Body::Reasoning { text, .. } => typed("thinking", text.clone().into()),
        Body::Media(media) => {
            let url = media.to_url().ok_or_else(|| unread(media))?;
            typed("image_url", json!({"url": url}))
        }
        Body::Native { value, .. } => return Ok(value.clone()),
        Body::ToolCall(_) | Body::ToolResult(_) => {
            return Err(Error::unsupported("a tool call or result cannot stand among content"));
        }
    };
    add_vendor(&mut object, part.vendor.of(ID));
    Ok(Value::Object(object))
}

/// Reads content: a text, or a list of parts.
fn read_content(content: Option<Value>) -> Vec<Part> {
    match content {
        Some(Value::String(text)) if !text.is_empty() => vec![Part::text(text)],
        Some(Value::Array(items)) => items.into_iter().map(read_part).collect(),
        Some(item @ Value::Object(_)) => vec![read_part(item)],
        _ => Vec::new(),
    }
}

/// Reads one part of content; what has no word here is kept whole.
pub(super) fn read_part(value: Value) -> Part {
    let mut object = match value {
        Value::Object(object) => object,
        Value::String(text) => return Part::text(text),
        other => return Part::native(ID, "content", json!({"type": "content", "content": other})),
    };
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let body = match kind.as_str() {
        "text" => json::take_text(&mut object, "text").map(|text| Body::Text { text, citations: Vec::new() }),
        "thinking" => {
            json::take_text(&mut object, "thinking").map(|text| Body::Reasoning { text, redacted: false })
        }
        "image_url" => take_url(&mut object).map(|url| Body::Media(Media::from_url(&url))),
        _ => None,
    };
    let Some(body) = body else { return Part::native(ID, kind, Value::Object(object)) };
    object.shift_remove("type");
    let mut part = Part::from(body);
    part.vendor.merge(ID, object);
    part
}

/// Takes the address of an image, which stands alone or in an object beside other wishes.
fn take_url(object: &mut Object) -> Option<String> {
    if let Some(url) = json::take_text(object, "image_url") {
        return Some(url);
    }
    let image = object.get_mut("image_url")?.as_object_mut()?;
    let url = json::take_text(image, "url")?;
    if image.is_empty() {
        object.shift_remove("image_url");
    }
    Some(url)
}

fn read_call(at: usize, call: Value) -> Option<Part> {
    let Value::Object(mut object) = call else { return None };
    let mut function = match object.shift_remove("function") {
        Some(Value::Object(function)) => function,
        _ => Object::new(),
    };
    let name = json::take_text(&mut function, "name").unwrap_or_default();
    let arguments = match function.shift_remove("arguments") {
        Some(Value::String(raw)) => raw,
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let id = json::take_text(&mut object, "id").unwrap_or_else(|| format!("call_{at}"));
    object.shift_remove("type");
    if !function.is_empty() {
        object.insert("function".into(), Value::Object(function));
    }
    let mut part = Part::tool_call(id, name, arguments.as_str());
    part.vendor.merge(ID, object);
    Some(part)
}

fn write_call(part: &Part, call: &ToolCall) -> Value {
    let mut object = Object::new();
    object.insert("id".into(), call.id.clone().into());
    object.insert("type".into(), "function".into());
    let function = json!({"name": call.name, "arguments": call.arguments.json_text()});
    object.insert("function".into(), function);
    add_vendor(&mut object, part.vendor.of(ID));
    Value::Object(object)
}

fn read_result(mut object: Object) -> Part {
    let call_id = json::take_text(&mut object, "tool_call_id").unwrap_or_default();
    let content = read_content(object.shift_remove("content"));
    let result = ToolResult { call_id, name: String::new(), content, is_error: false };
    let mut part = Part::from(Body::ToolResult(result));
    part.vendor.merge(ID, object);
    part
}

fn write_result(part: &Part, result: &ToolResult) -> Result<Value, Error> {
    let mut object = Object::new();
    object.insert("role".into(), "tool".into());
    object.insert("tool_call_id".into(), result.call_id.clone().into());
    object.insert("content".into(), write_content(&result.content)?);
    add_vendor(&mut object, part.vendor.of(ID));
    Ok(Value::Object(object))
}

fn typed(kind: &str, value: Value) -> Object {
    let mut object = Object::new();
    object.insert("type".into(), kind.into());
    object.insert(kind.into(), value);
    object
}

fn add_vendor(object: &mut Object, vendor: Option<&Object>) {
    if let Some(vendor) = vendor {
        json::merge(object, vendor);
    }
}

/// Takes a list out of an object; anything else under the key is an empty one.
fn take_list(object: &mut Object, key: &str) -> Vec<Value> {
    match object.shift_remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn unread(media: &Media) -> Error {
    let what = match &media.source {
        MediaSource::Path(path) => format!("the file {} was not read", path.display()),
        _ => "an uploaded file cannot be sent".to_owned(),
    };
    Error::new(ErrorKind::InvalidRequest, what)
}

pub(super) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}
