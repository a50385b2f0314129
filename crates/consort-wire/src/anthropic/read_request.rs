//! Reads requests, from any client of the format.
use super::request::{BETA, BODY_VERSION};
use super::{ID, blocks, output, rules, thinking};
use crate::normalise::name_results;
use crate::{WireRequest, json, path_segment};
use consort_core::{
    Body, Error, ErrorKind, FunctionSpec, Message, Object, Part, Request, Role, ToolChoice, ToolSpec,
};
use serde_json::Value;

pub(super) fn read(request: &WireRequest) -> Result<Request, Error> {
    let Value::Object(mut body) = request.json()? else {
        return Err(invalid("the request body is not an object"));
    };
    let mut read = Request {
        model: json::take_text(&mut body, "model")
            .or_else(|| model_of_path(request.path_only()))
            .unwrap_or_default(),
        ..Request::default()
    };
    read.instructions = match body.shift_remove("system") {
        None | Some(Value::Null) => Vec::new(),
        Some(system) => blocks::read_content(&system)
            .ok_or_else(|| invalid("`system` must be a text or a list of text blocks"))?,
    };
    match body.shift_remove("messages") {
        Some(Value::Array(messages)) => {
            for message in messages {
                read_message(message, &mut read.messages)?;
            }
        }
        _ => return Err(invalid("`messages` must be a list")),
    }
    name_results(&mut read.messages, false);
    match body.shift_remove("tools") {
        Some(Value::Array(tools)) => read.tools = tools.into_iter().map(read_tool).collect(),
        None | Some(Value::Null) => {}
        Some(_) => return Err(invalid("`tools` must be a list")),
    }
    read_options(&mut body, &mut read);
    if !body.contains_key(BODY_VERSION)
        && let Some(betas) = request.header("anthropic-beta")
    {
        let words = betas.split(',').map(str::trim).filter(|word| !word.is_empty());
        body.insert(BETA.into(), words.collect::<Vec<_>>().into());
    }
    read.native.merge(ID, body);
    Ok(read)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

/// The model in a path such as `publishers/anthropic/models/claude-x@1:rawPredict`.
fn model_of_path(path: &str) -> Option<String> {
    let (_, rest) = path.rsplit_once("models/")?;
    let segment = rest.split('/').next().unwrap_or_default();
    let name = segment.rsplit_once(':').map_or(segment, |(name, _)| name);
    Some(path_segment::decode(name))
}

/// Reads one message. The user's tool results stand apart, as messages of their own.
fn read_message(message: Value, messages: &mut Vec<Message>) -> Result<(), Error> {
    let Value::Object(mut message) = message else { return Err(invalid("a message must be an object")) };
    let word = json::take_text(&mut message, "role").unwrap_or_default();
    let role = match word.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(invalid(format!("a message has the role `{word}`; user or assistant is expected"))),
    };
    let content = message.shift_remove("content").unwrap_or_default();
    let parts = blocks::read_content(&content)
        .ok_or_else(|| invalid("a message's `content` must be a text or a list of blocks"))?;
    if role == Role::System {
        // Kept, for the vendor takes this role only from those who know that it does.
        message.insert("role".into(), word.into());
    }
    for part in parts {
        let role = if role == Role::User && is_result(&part) { Role::Tool } else { role };
        push(part, role, &message, messages);
    }
    Ok(())
}

fn is_result(part: &Part) -> bool {
    matches!(part.body, Body::ToolResult(_))
}

/// Adds a part to the last message, where that is of the same role and data.
fn push(part: Part, role: Role, rest: &Object, messages: &mut Vec<Message>) {
    let mut message = Message::new(role, vec![part]);
    if role != Role::Tool {
        message.vendor.merge(ID, rest.clone());
    }
    match messages.last_mut() {
        Some(last) if last.role == role && last.vendor == message.vendor => last.parts.extend(message.parts),
        _ => messages.push(message),
    }
}

fn read_tool(tool: Value) -> ToolSpec {
    let Value::Object(mut object) = tool else {
        return ToolSpec::Native { wire: ID.to_owned(), value: tool };
    };
    let tool = Value::Object(object.clone());
    if rules::is_native_tool(&tool) {
        return ToolSpec::Native { wire: ID.to_owned(), value: tool };
    }
    let mut function = FunctionSpec::new(
        json::take_text(&mut object, "name").unwrap_or_default(),
        json::take_text(&mut object, "description").unwrap_or_default(),
        object.shift_remove("input_schema").unwrap_or_default(),
    );
    function.strict = json::take(&mut object, "strict");
    function.cache = blocks::take_cache(&mut object);
    object.retain(|_, value| !value.is_null());
    function.vendor.merge(ID, object);
    ToolSpec::Function(function)
}

/// Reads the options that Consort has words for, and takes them out of the body.
pub(super) fn read_options(body: &mut Object, request: &mut Request) {
    const OPTIONS: [&str; 9] = [
        "stream",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "tool_choice",
        "output_format",
        "output_config",
    ];
    body.retain(|key, value| !value.is_null() || !OPTIONS.contains(&key.as_str()));
    request.stream = json::take(body, "stream").unwrap_or(request.stream);
    let sampling = &mut request.sampling;
    sampling.max_tokens = json::take(body, "max_tokens").or(sampling.max_tokens);
    sampling.temperature = json::take(body, "temperature").or(sampling.temperature);
    sampling.top_p = json::take(body, "top_p").or(sampling.top_p);
    sampling.top_k = json::take(body, "top_k").or(sampling.top_k);
    if let Some(stop) = json::take(body, "stop_sequences") {
        sampling.stop = stop;
    }
    if let Some((choice, parallel)) = body.get("tool_choice").and_then(read_choice) {
        request.tool_choice = choice;
        request.parallel_tools = parallel.or(request.parallel_tools);
        body.shift_remove("tool_choice");
    }
    thinking::read(body, &mut request.reasoning);
    output::read(body, &mut request.output);
}

fn read_choice(choice: &Value) -> Option<(ToolChoice, Option<bool>)> {
    let object = choice.as_object()?;
    let known = |key: &String| matches!(key.as_str(), "type" | "name" | "disable_parallel_tool_use");
    if !object.keys().all(known) {
        return None;
    }
    let read = match object.get("type")?.as_str()? {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" => ToolChoice::Required,
        "tool" => ToolChoice::Named(object.get("name")?.as_str()?.to_owned()),
        _ => return None,
    };
    let parallel = match object.get("disable_parallel_tool_use") {
        None | Some(Value::Null) => None,
        Some(disable) => Some(!disable.as_bool()?),
    };
    Some((read, parallel))
}
