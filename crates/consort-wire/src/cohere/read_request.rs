//! Reads a request that a client wrote in this format.
use super::{ID, message};
use crate::{WireRequest, json, normalise};
use consort_core::{
    Effort, Error, FunctionSpec, Message, Object, Output, Request, Role, ToolChoice, ToolSpec,
};
use serde_json::Value;

pub(super) fn read(request: &WireRequest) -> Result<Request, Error> {
    let Value::Object(mut object) = request.json()? else {
        return Err(message::invalid("the request body is not an object"));
    };
    let mut request = Request::default();
    if let Some(Value::Array(messages)) = object.shift_remove("messages") {
        for value in messages {
            push(&mut request, message::read(value)?);
        }
    }
    normalise::name_results(&mut request.messages, false);
    if let Some(Value::Array(tools)) = object.shift_remove("tools") {
        request.tools = tools.into_iter().map(read_tool).collect();
    }
    absorb(&mut object, &mut request);
    request.native.merge(ID, object);
    Ok(request)
}

/// Adds a message: instructions stand apart, and results of one round stand together.
pub(super) fn push(request: &mut Request, message: Message) {
    if request.messages.is_empty() && is_instruction(&message) {
        request.instructions.extend(message.parts);
        return;
    }
    match request.messages.last_mut() {
        Some(last) if last.role == Role::Tool && message.role == Role::Tool => {
            last.parts.extend(message.parts);
        }
        _ => request.messages.push(message),
    }
}

/// Whether a message at the start is nothing but instructions.
fn is_instruction(message: &Message) -> bool {
    message.role == Role::System
        && message.vendor.is_empty()
        && message.parts.iter().all(|part| part.as_text().is_some())
}

/// Takes the fields that Consort has words for out of a body. What is null is as good as absent.
pub(super) fn absorb(object: &mut Object, request: &mut Request) {
    if let Some(model) = json::take_text(object, "model") {
        request.model = model;
    }
    if let Some(stream) = json::take(object, "stream") {
        request.stream = stream;
    }
    let sampling = &mut request.sampling;
    sampling.max_tokens = json::take(object, "max_tokens").or(sampling.max_tokens);
    sampling.temperature = json::take(object, "temperature").or(sampling.temperature);
    sampling.top_p = json::take(object, "p").or(sampling.top_p);
    sampling.top_k = json::take(object, "k").or(sampling.top_k);
    sampling.seed = json::take(object, "seed").or(sampling.seed);
    sampling.presence_penalty = json::take(object, "presence_penalty").or(sampling.presence_penalty);
    sampling.frequency_penalty = json::take(object, "frequency_penalty").or(sampling.frequency_penalty);
    if let Some(stop) = json::take(object, "stop_sequences") {
        sampling.stop = stop;
    }
    let choice = match object.get("tool_choice").and_then(Value::as_str) {
        Some("REQUIRED") => Some(ToolChoice::Required),
        Some("NONE") => Some(ToolChoice::None),
        _ => None,
    };
    if let Some(choice) = choice {
        object.shift_remove("tool_choice");
        request.tool_choice = choice;
    }
    if let Some(output) = object.get("response_format").and_then(read_output) {
        object.shift_remove("response_format");
        request.output = output;
    }
    read_thinking(object, request);
    let has_functions = request.functions().next().is_some();
    if has_functions && object.get("strict_tools").is_some_and(|strict| strict == &Value::Bool(true)) {
        object.shift_remove("strict_tools");
        for tool in &mut request.tools {
            if let ToolSpec::Function(function) = tool {
                function.strict = Some(true);
            }
        }
    }
    object.retain(|_, value| !value.is_null());
}

/// The shape of the answer, if it is said in words that are known here.
fn read_output(format: &Value) -> Option<Output> {
    let format = format.as_object()?;
    let kind = format.get("type")?.as_str()?;
    let schema = format.get("json_schema").filter(|schema| !schema.is_null());
    let known = format.keys().all(|key| matches!(key.as_str(), "type" | "json_schema"));
    match (kind, schema) {
        _ if !known => None,
        ("text", None) => Some(Output::Text),
        ("json_object", None) => Some(Output::Json),
        ("json_object", Some(schema)) => Some(Output::Schema {
            name: String::new(),
            description: None,
            schema: schema.clone(),
            strict: None,
        }),
        _ => None,
    }
}

/// Thinking is on, off, or held to a budget. On and nothing more is read as a medium effort.
fn read_thinking(object: &mut Object, request: &mut Request) {
    let Some(Value::Object(thinking)) = object.get("thinking") else { return };
    let known = thinking.keys().all(|key| matches!(key.as_str(), "type" | "token_budget"));
    let budget = thinking.get("token_budget").filter(|budget| !budget.is_null());
    let (effort, budget) = match (thinking.get("type").and_then(Value::as_str), budget) {
        _ if !known => return,
        (Some("disabled"), None) => (Some(Effort::None), None),
        (Some("enabled"), None) => (Some(Effort::Medium), None),
        (Some("enabled"), Some(budget)) if budget.is_u64() => (None, budget.as_u64()),
        _ => return,
    };
    object.shift_remove("thinking");
    request.reasoning.effort = effort;
    request.reasoning.budget_tokens = budget;
}

/// Reads a tool; what is not a function is kept whole.
pub(super) fn read_tool(value: Value) -> ToolSpec {
    let native = |value| ToolSpec::Native { wire: ID.to_owned(), value };
    if value["function"]["name"].as_str().is_none()
        || value["type"].as_str().is_some_and(|kind| kind != "function")
    {
        return native(value);
    }
    let Value::Object(mut object) = value else { return native(value) };
    object.shift_remove("type");
    let Some(Value::Object(mut function)) = object.shift_remove("function") else {
        return native(Value::Object(object));
    };
    let name = json::take_text(&mut function, "name").unwrap_or_default();
    let description = json::take_text(&mut function, "description").unwrap_or_default();
    let parameters = function.shift_remove("parameters").unwrap_or_default();
    if !function.is_empty() {
        object.insert("function".into(), Value::Object(function));
    }
    let mut spec = FunctionSpec::new(name, description, parameters);
    spec.vendor.merge(ID, object);
    ToolSpec::Function(spec)
}
