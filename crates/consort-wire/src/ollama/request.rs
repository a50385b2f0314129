//! Writes a normalised request.
use super::{ID, options};
use crate::pairing::Pairing;
use crate::{Quirks, files, json};
use consort_core::{
    Arguments, Body, Error, FunctionSpec, Media, Message, Object, Part, Request, Role, ToolSpec,
};
use serde_json::{Value, json};

pub(super) fn write(request: &Request, quirks: &Quirks) -> Result<Object, Error> {
    let mut body = Object::new();
    body.insert("model".into(), json!(request.model));
    body.insert("messages".into(), Value::Array(messages(request)?));
    body.insert("stream".into(), request.stream.into());
    let tools: Vec<Value> = request.tools.iter().filter_map(tool).collect();
    if !tools.is_empty() {
        body.insert("tools".into(), Value::Array(tools));
    }
    options::write(request, &mut body);
    if let Some(native) = request.native.of(ID) {
        json::merge(&mut body, native);
    }
    json::merge(&mut body, &quirks.body);
    Ok(body)
}

/// A tool; nothing for one of another vendor.
fn tool(tool: &ToolSpec) -> Option<Value> {
    match tool {
        ToolSpec::Function(function) => Some(write_function(function)),
        ToolSpec::Native { wire, value } => (wire == ID).then(|| value.clone()),
    }
}

pub(super) fn write_function(function: &FunctionSpec) -> Value {
    let mut inner = Object::new();
    inner.insert("name".into(), json!(function.name));
    if !function.description.is_empty() {
        inner.insert("description".into(), json!(function.description));
    }
    inner.insert("parameters".into(), function.parameters.clone());
    if let Some(vendor) = function.vendor.of(ID) {
        json::merge(&mut inner, vendor);
    }
    json!({"type": "function", "function": inner})
}

/// The arguments as an object, which is all that this wire knows: anything else goes inside one.
pub(super) fn arguments(arguments: &Arguments) -> Value {
    match arguments.value() {
        Ok(object @ Value::Object(_)) => object,
        Ok(other) => json!({ "arguments": other }),
        Err(_) => json!({"arguments": arguments.raw()}),
    }
}

/// A call; its id only where it is needed.
pub(super) fn call(part: &Part, with_id: bool) -> Option<Value> {
    let call = part.as_tool_call()?;
    let mut object = Object::new();
    json::set(&mut object, "id", with_id.then_some(call.id.as_str()));
    object.insert("function".into(), json!({"name": call.name, "arguments": arguments(&call.arguments)}));
    if let Some(vendor) = part.vendor.of(ID) {
        json::merge(&mut object, vendor);
    }
    Some(Value::Object(object))
}

/// Instructions first, one system message each.
fn messages(request: &Request) -> Result<Vec<Value>, Error> {
    let mut out: Vec<Value> = request
        .instructions
        .iter()
        .filter_map(|part| Some((part.as_text()?, part.vendor.of(ID))))
        .map(|(text, beside)| with(said("system", text), beside))
        .collect();
    let mut pairing = Pairing::default();
    for message in &request.messages {
        message.parts.iter().try_for_each(files::check)?;
        match message.role {
            Role::Tool => out.extend(message.parts.iter().filter_map(|part| result(part, &mut pairing))),
            _ => out.push(spoken(message, &mut pairing)),
        }
    }
    Ok(out)
}

fn spoken(message: &Message, pairing: &mut Pairing) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::Assistant => "assistant",
        Role::User | Role::Tool => "user",
    };
    let mut object = said(role, &message.text());
    let thinking: String = message
        .parts
        .iter()
        .filter_map(|part| match &part.body {
            Body::Reasoning { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    json::set(&mut object, "thinking", (!thinking.is_empty()).then_some(thinking));
    let images: Vec<Value> = message
        .parts
        .iter()
        .filter_map(|part| match &part.body {
            Body::Media(media) => Media::base64(media).map(Value::from),
            _ => None,
        })
        .collect();
    if !images.is_empty() {
        object.insert("images".into(), Value::Array(images));
    }
    let calls: Vec<Value> =
        message.parts.iter().filter_map(|part| call(part, pairing.needs_id(part))).collect();
    if !calls.is_empty() {
        object.insert("tool_calls".into(), Value::Array(calls));
    }
    with(object, message.vendor.of(ID))
}

fn result(part: &Part, pairing: &mut Pairing) -> Option<Value> {
    let Body::ToolResult(result) = &part.body else { return None };
    let with_id = pairing.needs_id(part);
    let mut object = said("tool", &result.text());
    json::set(&mut object, "tool_name", (!result.name.is_empty()).then_some(result.name.as_str()));
    json::set(&mut object, "tool_call_id", with_id.then_some(result.call_id.as_str()));
    Some(with(object, part.vendor.of(ID)))
}

fn said(role: &str, text: &str) -> Object {
    Object::from_iter([("role".to_owned(), json!(role)), ("content".to_owned(), json!(text))])
}

fn with(mut object: Object, beside: Option<&Object>) -> Value {
    if let Some(beside) = beside {
        json::merge(&mut object, beside);
    }
    Value::Object(object)
}
