//! Bodies into requests.
use super::request::custom_parameters;
use super::{ID, read_items};
use crate::http::WireRequest;
use crate::{json, normalise};
use consort_core::{
    Body, Effort, Error, ErrorKind, FunctionSpec, Message, Object, Output, Part, Request, Role, ToolChoice,
    ToolSpec,
};
use serde_json::Value;

/// Reads a request from any client.
pub(super) fn read(request: &WireRequest) -> Result<Request, Error> {
    match request.json()? {
        Value::Object(body) => Ok(read_body(body)),
        _ => Err(Error::new(ErrorKind::InvalidRequest, "the request body is not a JSON object")),
    }
}

/// Reads a body. What Consort has no word for stays the vendor's own.
pub(super) fn read_body(mut body: Object) -> Request {
    body.retain(|_, value| !value.is_null());
    let mut request = Request {
        model: json::take_text(&mut body, "model").unwrap_or_default(),
        stream: json::take(&mut body, "stream").unwrap_or(false),
        parallel_tools: json::take(&mut body, "parallel_tool_calls"),
        ..Request::default()
    };
    request.sampling.max_tokens = json::take(&mut body, "max_output_tokens");
    request.sampling.temperature = json::take(&mut body, "temperature");
    request.sampling.top_p = json::take(&mut body, "top_p");
    request.tool_choice = take_choice(&mut body);
    request.output = take_output(&mut body);
    take_reasoning(&mut body, &mut request);
    if let Some(instructions) = json::take_text(&mut body, "instructions")
        && !instructions.is_empty()
    {
        request.instructions.push(Part::text(instructions));
    }
    request.messages = take_input(&mut body);
    hoist(&mut request);
    normalise::name_results(&mut request.messages, false);
    if let Some(Value::Array(tools)) = take_array(&mut body, "tools") {
        request.tools = tools.into_iter().map(read_tool).collect();
    }
    request.native.merge(ID, body);
    request
}

fn take_array(body: &mut Object, key: &str) -> Option<Value> {
    if body.get(key)?.is_array() { body.shift_remove(key) } else { None }
}

fn take_input(body: &mut Object) -> Vec<Message> {
    match body.get("input") {
        Some(Value::String(text)) => {
            let messages = if text.is_empty() { Vec::new() } else { vec![Message::user(text.as_str())] };
            body.shift_remove("input");
            messages
        }
        Some(Value::Array(_)) => match body.shift_remove("input") {
            Some(Value::Array(items)) => read_items::read_conversation(items),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Instructions at the start of the input are the request's. A mark on them says where they stood.
pub(super) fn hoist(request: &mut Request) {
    let count = request.messages.iter().take_while(|message| is_plain_instruction(message)).count();
    for message in request.messages.drain(..count) {
        let role = message.vendor.text(ID, "role").unwrap_or("system").to_owned();
        for mut part in message.parts {
            part.vendor.set(ID, "role", role.as_str());
            request.instructions.push(part);
        }
    }
}

fn is_plain_instruction(message: &Message) -> bool {
    let bare = |fields: &Object| fields.keys().all(|key| key == "role");
    message.role == Role::System
        && message.vendor.of(ID).is_none_or(bare)
        && message.parts.iter().all(|part| matches!(part.body, Body::Text { .. }))
}

fn take_choice(body: &mut Object) -> ToolChoice {
    let choice = match body.get("tool_choice") {
        Some(Value::String(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return ToolChoice::Unset,
        },
        Some(Value::Object(object)) => {
            let kind = object.get("type").and_then(Value::as_str);
            match (kind, object.get("name").and_then(Value::as_str)) {
                (Some("function" | "custom"), Some(name)) if object.len() == 2 => {
                    ToolChoice::Named(name.to_owned())
                }
                _ => return ToolChoice::Unset,
            }
        }
        _ => return ToolChoice::Unset,
    };
    body.shift_remove("tool_choice");
    choice
}

/// Takes the answer's format out of `text`, whose other fields stay.
fn take_output(body: &mut Object) -> Output {
    let Some(Value::Object(text)) = body.get_mut("text") else { return Output::Text };
    if !text.get("format").is_some_and(Value::is_object) {
        return Output::Text;
    }
    let Some(Value::Object(mut format)) = text.shift_remove("format") else { return Output::Text };
    let output = match format.get("type").and_then(Value::as_str) {
        Some("text") => Output::Text,
        Some("json_object") => Output::Json,
        Some("json_schema") => Output::Schema {
            name: json::take_text(&mut format, "name").unwrap_or_default(),
            description: json::take_text(&mut format, "description"),
            schema: format.shift_remove("schema").unwrap_or_default(),
            strict: json::take(&mut format, "strict"),
        },
        _ => {
            text.insert("format".into(), Value::Object(format));
            return Output::Text;
        }
    };
    format.retain(|key, value| key != "type" && !value.is_null());
    if !format.is_empty() {
        text.insert("format".into(), Value::Object(format));
    }
    if text.is_empty() {
        body.shift_remove("text");
    }
    output
}

fn take_reasoning(body: &mut Object, request: &mut Request) {
    let Some(Value::Object(reasoning)) = body.get_mut("reasoning") else { return };
    reasoning.retain(|_, value| !value.is_null());
    if let Some(effort) = reasoning.get("effort").and_then(Value::as_str).and_then(Effort::parse) {
        request.reasoning.effort = Some(effort);
        reasoning.shift_remove("effort");
    }
    match reasoning.get("summary").and_then(Value::as_str) {
        Some("auto") => {
            request.reasoning.show = Some(true);
            reasoning.shift_remove("summary");
        }
        // A finer word for the same wish.
        Some(_) => request.reasoning.show = Some(true),
        None => {}
    }
    if reasoning.is_empty() {
        body.shift_remove("reasoning");
    }
}

/// Reads a tool: a function of the caller's, or one that the vendor runs.
pub(super) fn read_tool(tool: Value) -> ToolSpec {
    let named = tool.get("name").is_some_and(Value::is_string);
    let kind = tool.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_custom = kind == "custom";
    match tool {
        Value::Object(mut object) if named && (is_custom || kind == "function") => {
            let name = json::take_text(&mut object, "name").unwrap_or_default();
            let description = json::take_text(&mut object, "description").unwrap_or_default();
            let mut function = if is_custom {
                FunctionSpec::new(name, description, custom_parameters())
            } else {
                object.shift_remove("type");
                let parameters = object.shift_remove("parameters").unwrap_or_default();
                let mut function = FunctionSpec::new(name, description, parameters);
                function.strict = json::take(&mut object, "strict");
                function
            };
            object.retain(|_, value| !value.is_null());
            function.vendor.merge(ID, object);
            ToolSpec::Function(function)
        }
        value => ToolSpec::Native { wire: ID.to_owned(), value },
    }
}
