//! Reads requests, from any client of the format.
use super::{EXTRA, ID, blocks, extra};
use crate::normalise::name_results;
use crate::{WireRequest, json, path_segment};
use consort_core::{
    Body, Error, ErrorKind, FunctionSpec, Message, Object, Output, Request, Role, ToolChoice, ToolSpec,
};
use serde_json::Value;

pub(super) fn read(request: &WireRequest) -> Result<Request, Error> {
    let Value::Object(mut body) = request.json()? else {
        return Err(invalid("the request body is not an object"));
    };
    let (model, method) = model_and_method(request.path_only());
    let mut read = Request { model, stream: method.ends_with("-stream"), ..Request::default() };
    match body.shift_remove("system") {
        None | Some(Value::Null) => {}
        Some(Value::Array(system)) => read.instructions = blocks::read_all(&system, false),
        Some(_) => return Err(invalid("`system` must be a list")),
    }
    match body.shift_remove("messages") {
        None | Some(Value::Null) => {}
        Some(Value::Array(messages)) => {
            for message in messages {
                read_message(&message, &mut read.messages)?;
            }
        }
        Some(_) => return Err(invalid("`messages` must be a list")),
    }
    name_results(&mut read.messages, false);
    read_tools(&mut body, &mut read);
    read_options(&mut body, &mut read);
    read_extra(&mut body, &mut read);
    read.native.merge(ID, body);
    Ok(read)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

/// `model/us.anthropic.claude%3A0/converse-stream` is a model and a method.
fn model_and_method(path: &str) -> (String, &str) {
    let (head, method) = path.rsplit_once('/').unwrap_or(("", path));
    let model = head.split_once("model/").map_or("", |(_, model)| model);
    (path_segment::decode(model), method)
}

fn read_message(message: &Value, messages: &mut Vec<Message>) -> Result<(), Error> {
    let assistant = match message["role"].as_str() {
        Some("user") => false,
        Some("assistant") => true,
        _ => return Err(invalid("a message's role must be user or assistant")),
    };
    let content = message["content"]
        .as_array()
        .ok_or_else(|| invalid("a message's `content` must be a list of blocks"))?;
    for part in blocks::read_all(content, assistant) {
        let role = match part.body {
            _ if assistant => Role::Assistant,
            Body::ToolResult(_) => Role::Tool,
            _ => Role::User,
        };
        match messages.last_mut() {
            Some(last) if last.role == role => last.parts.push(part),
            _ => messages.push(Message::new(role, vec![part])),
        }
    }
    Ok(())
}

fn read_tools(body: &mut Object, request: &mut Request) {
    let Some(Value::Object(mut config)) = body.shift_remove("toolConfig") else { return };
    if let Some(Value::Array(tools)) = config.shift_remove("tools") {
        for tool in tools {
            read_tool(tool, &mut request.tools);
        }
    }
    if let Some(choice) = config.get("toolChoice").and_then(read_choice) {
        request.tool_choice = choice;
        config.shift_remove("toolChoice");
    }
    config.retain(|_, value| !value.is_null());
    if !config.is_empty() {
        body.insert("toolConfig".into(), config.into());
    }
}

fn read_tool(tool: Value, tools: &mut Vec<ToolSpec>) {
    if let Some(cache) = blocks::read_cache_point(&tool)
        && let Some(ToolSpec::Function(function)) = tools.last_mut()
        && function.cache.is_none()
    {
        function.cache = Some(cache);
        return;
    }
    let Some(spec) = tool["toolSpec"].as_object() else {
        tools.push(ToolSpec::Native { wire: ID.to_owned(), value: tool });
        return;
    };
    let mut spec = spec.clone();
    let mut function = FunctionSpec::new(
        json::take_text(&mut spec, "name").unwrap_or_default(),
        json::take_text(&mut spec, "description").unwrap_or_default(),
        spec.shift_remove("inputSchema").and_then(|schema| schema.get("json").cloned()).unwrap_or_default(),
    );
    function.strict = json::take(&mut spec, "strict");
    spec.retain(|_, value| !value.is_null());
    function.vendor.merge(ID, spec);
    tools.push(ToolSpec::Function(function));
}

fn read_choice(choice: &Value) -> Option<ToolChoice> {
    let (word, told) = choice.as_object()?.iter().find(|(_, told)| !told.is_null())?;
    match word.as_str() {
        "auto" => Some(ToolChoice::Auto),
        "any" => Some(ToolChoice::Required),
        "tool" => Some(ToolChoice::Named(told["name"].as_str()?.to_owned())),
        _ => None,
    }
}

/// Reads the options that Consort has words for, and takes them out of the body.
pub(super) fn read_options(body: &mut Object, request: &mut Request) {
    if let Some(Value::Object(mut inference)) = body.shift_remove("inferenceConfig") {
        let sampling = &mut request.sampling;
        sampling.max_tokens = json::take(&mut inference, "maxTokens").or(sampling.max_tokens);
        sampling.temperature = json::take(&mut inference, "temperature").or(sampling.temperature);
        sampling.top_p = json::take(&mut inference, "topP").or(sampling.top_p);
        if let Some(stop) = json::take(&mut inference, "stopSequences") {
            sampling.stop = stop;
        }
        inference.retain(|_, value| !value.is_null());
        if !inference.is_empty() {
            body.insert("inferenceConfig".into(), inference.into());
        }
    }
    if let Some(output) = body.get("outputConfig").and_then(read_output) {
        request.output = output;
        body.shift_remove("outputConfig");
    }
}

/// Reads what only one family of models knows.
pub(super) fn read_extra(body: &mut Object, request: &mut Request) {
    if let Some(Value::Object(mut fields)) = body.shift_remove(EXTRA) {
        extra::read(&mut fields, request);
        if !fields.is_empty() {
            body.insert(EXTRA.into(), fields.into());
        }
    }
}

fn read_output(config: &Value) -> Option<Output> {
    let config = config.as_object().filter(|config| config.len() == 1)?;
    let format = config.get("textFormat")?;
    let told = format["structure"]["jsonSchema"].as_object()?;
    let known = told.keys().all(|key| matches!(key.as_str(), "schema" | "name" | "description"));
    if !known || format["type"] != "json_schema" {
        return None;
    }
    let text = |key: &str| told.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Output::Schema {
        name: text("name").unwrap_or_default(),
        description: text("description"),
        schema: serde_json::from_str(told.get("schema")?.as_str()?).ok()?,
        strict: None,
    })
}
