//! Reads a request of any client that speaks Ollama's chat format.
use super::{ID, options};
use crate::pairing::Pairing;
use crate::{WireRequest, json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consort_core::{
    Arguments, Body, Error, ErrorKind, FunctionSpec, Media, Message, Object, Part, Request, Role, ToolCall,
    ToolResult, ToolSpec,
};
use serde_json::{Value, json};

pub(super) fn read(wire: &WireRequest) -> Result<Request, Error> {
    let Value::Object(mut body) = wire.json()? else {
        return Err(Error::new(ErrorKind::InvalidRequest, "the request body must be a JSON object"));
    };
    body.retain(|_, value| !value.is_null());
    let mut request = Request {
        model: json::take_text(&mut body, "model").unwrap_or_default(),
        // What says nothing about it is streamed.
        stream: json::take(&mut body, "stream").unwrap_or(true),
        ..Request::default()
    };
    let mut pairing = Pairing::default();
    for message in list(body.shift_remove("messages")) {
        if let Value::Object(message) = message {
            read_message(message, &mut pairing, &mut request);
        }
    }
    request.tools = list(body.shift_remove("tools")).into_iter().filter_map(tool).collect();
    options::read(&mut body, &mut request);
    request.native.merge(ID, body);
    Ok(request)
}

/// One message. System messages at the start are the instructions; results that follow each other are one.
fn read_message(mut object: Object, pairing: &mut Pairing, request: &mut Request) {
    object.retain(|_, value| !value.is_null());
    let role = match json::take_text(&mut object, "role").as_deref() {
        Some("system") if request.messages.is_empty() => {
            let text = json::take_text(&mut object, "content").unwrap_or_default();
            if !text.is_empty() {
                let mut part = Part::text(text);
                part.vendor.merge(ID, object);
                request.instructions.push(part);
            }
            return;
        }
        Some("system") => Role::System,
        Some("assistant") => Role::Assistant,
        Some("tool") => return read_result(object, pairing, &mut request.messages),
        _ => Role::User,
    };
    let mut parts = Vec::new();
    if let Some(thinking) = json::take_text(&mut object, "thinking").filter(|text| !text.is_empty()) {
        parts.push(Part::reasoning(thinking));
    }
    if let Some(text) = json::take_text(&mut object, "content").filter(|text| !text.is_empty()) {
        parts.push(Part::text(text));
    }
    parts.extend(list(object.shift_remove("images")).iter().filter_map(image));
    for call in list(object.shift_remove("tool_calls")) {
        if let Some(mut part) = read_call(call) {
            pairing.identify(&mut part);
            parts.push(part);
        }
    }
    let mut message = Message::new(role, parts);
    message.vendor.merge(ID, object);
    request.messages.push(message);
}

fn read_result(mut object: Object, pairing: &mut Pairing, messages: &mut Vec<Message>) {
    let text = json::take_text(&mut object, "content").filter(|text| !text.is_empty());
    let mut part = Part::from(Body::ToolResult(ToolResult {
        call_id: json::take_text(&mut object, "tool_call_id").unwrap_or_default(),
        name: json::take_text(&mut object, "tool_name").unwrap_or_default(),
        content: text.map(Part::text).into_iter().collect(),
        is_error: false,
    }));
    part.vendor.merge(ID, object);
    pairing.identify(&mut part);
    match messages.last_mut() {
        Some(last) if last.role == Role::Tool => last.parts.push(part),
        _ => messages.push(Message::new(Role::Tool, vec![part])),
    }
}

/// A call, of a request or an answer. Without an id it has an empty one.
pub(super) fn read_call(call: Value) -> Option<Part> {
    let Value::Object(mut call) = call else { return None };
    call.retain(|_, value| !value.is_null());
    let Some(Value::Object(mut function)) = call.shift_remove("function") else { return None };
    let arguments = match function.shift_remove("arguments") {
        None | Some(Value::Null) => Arguments::default(),
        // Some servers that speak this format send text.
        Some(Value::String(text)) => Arguments::new(text),
        Some(value) => Arguments::from(value),
    };
    let mut part = Part::from(Body::ToolCall(ToolCall {
        id: json::take_text(&mut call, "id").unwrap_or_default(),
        name: json::take_text(&mut function, "name").unwrap_or_default(),
        arguments,
    }));
    if !function.is_empty() {
        call.insert("function".into(), Value::Object(function));
    }
    part.vendor.merge(ID, call);
    Some(part)
}

/// An image in base64, or as the `data:` URL that some clients send.
pub(super) fn image(value: &Value) -> Option<Part> {
    let text = value.as_str()?;
    let payload = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(',').map_or(rest, |(_, payload)| payload),
        None => text,
    };
    let bytes = STANDARD.decode(payload.trim()).ok()?;
    Some(Part::media(Media::bytes(sniff(&bytes), bytes)))
}

/// What an image is, by its first bytes; the format does not say.
pub(super) fn sniff(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'B', b'M', ..] => "image/bmp",
        _ => "image/png",
    }
}

pub(super) fn tool(tool: Value) -> Option<ToolSpec> {
    let Value::Object(mut object) = tool else { return None };
    let Some(Value::Object(_)) = object.get("function") else {
        return Some(ToolSpec::Native { wire: ID.to_owned(), value: Value::Object(object) });
    };
    let Some(Value::Object(mut inner)) = object.shift_remove("function") else { return None };
    inner.retain(|_, value| !value.is_null());
    let name = json::take_text(&mut inner, "name").unwrap_or_default();
    let description = json::take_text(&mut inner, "description").unwrap_or_default();
    let parameters = inner.shift_remove("parameters").unwrap_or_else(no_parameters);
    let mut function = FunctionSpec::new(name, description, parameters);
    function.vendor.merge(ID, inner);
    Some(ToolSpec::Function(function))
}

pub(super) fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}})
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}
