//! Writes requests.
use super::{ID, VERSION, blocks, output, thinking};
use crate::quirks::Quirks;
use crate::{WireRequest, json, path_segment};
use consort_core::{Error, FunctionSpec, Message, Object, Request, Role, ToolChoice, ToolSpec, VendorData};
use serde_json::{Value, json};

/// The field that says: the model is in the path, and the version is here.
pub(super) const BODY_VERSION: &str = "anthropic_version";
/// The header, and the field, for what the vendor is trying out.
pub(super) const BETA: &str = "anthropic_beta";

pub(super) fn write(request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
    let mut body = write_body(request)?;
    json::merge(&mut body, &quirks.body);
    if let Some(native) = request.native.of(ID) {
        json::merge(&mut body, native);
    }
    // A null says that the word is left out on purpose.
    if body.get("thinking").is_some_and(Value::is_null) {
        body.shift_remove("thinking");
    }
    Ok(address(body, request, quirks))
}

/// Whether the version stands in the body.
pub(super) fn is_versioned(request: &Request, quirks: &Quirks) -> bool {
    quirks.body.contains_key(BODY_VERSION) || request.native.get(ID, BODY_VERSION).is_some()
}

/// Gives a body its path and headers.
fn address(mut body: Object, request: &Request, quirks: &Quirks) -> WireRequest {
    let versioned = body.contains_key(BODY_VERSION);
    let usual = if versioned { "models/{model}:rawPredict" } else { "v1/messages" };
    let mut path = quirks.path.as_deref().unwrap_or(usual).to_owned();
    if versioned || path.contains("{model}") {
        body.shift_remove("model");
        path = path.replace("{model}", &path_segment::encode(&request.model));
        // Vertex has two methods; which one is meant follows from the request.
        if let Some(start) = path.strip_suffix(":rawPredict").or(path.strip_suffix(":streamRawPredict")) {
            path = format!("{start}:{}", if request.stream { "streamRawPredict" } else { "rawPredict" });
        }
    }
    let betas = if versioned { None } else { body.shift_remove(BETA) };
    let mut written = WireRequest::post(path, &Value::Object(body));
    if !versioned {
        written.headers.push(("anthropic-version".into(), VERSION.into()));
    }
    if let Some(betas) = betas.as_ref().and_then(beta_words) {
        written.headers.push(("anthropic-beta".into(), betas));
    }
    written
}

fn beta_words(betas: &Value) -> Option<String> {
    let words = match betas {
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        _ => return None,
    };
    (!words.is_empty()).then_some(words)
}

/// The body that asks for a count: what is said of the answer does not belong there.
pub(super) fn write_count(request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
    const COUNTED: [&str; 8] =
        ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "mcp_servers"];
    let mut written = write(request, quirks)?;
    let mut body = match written.json()? {
        Value::Object(body) => body,
        _ => Object::new(),
    };
    body.retain(|key, _| COUNTED.contains(&key.as_str()));
    written.path = "v1/messages/count_tokens".into();
    written.body = Value::Object(body).to_string().into();
    Ok(written)
}

fn write_body(request: &Request) -> Result<Object, Error> {
    let mut body = Object::new();
    body.insert("model".into(), request.model.as_str().into());
    let sampling = &request.sampling;
    json::set(&mut body, "max_tokens", sampling.max_tokens);
    if request.stream {
        body.insert("stream".into(), true.into());
    }
    if !request.instructions.is_empty() {
        body.insert("system".into(), blocks::write_all(&request.instructions)?.into());
    }
    body.insert("messages".into(), write_messages(&request.messages)?.into());
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request.tools.iter().filter_map(write_tool).collect();
        body.insert("tools".into(), tools.into());
    }
    json::set(&mut body, "tool_choice", write_choice(&request.tool_choice, request.parallel_tools));
    json::set(&mut body, "temperature", sampling.temperature);
    json::set(&mut body, "top_p", sampling.top_p);
    json::set(&mut body, "top_k", sampling.top_k);
    if !sampling.stop.is_empty() {
        body.insert("stop_sequences".into(), sampling.stop.clone().into());
    }
    thinking::write(&request.reasoning, &mut body);
    output::write(&request.output, &mut body);
    Ok(body)
}

/// Tool results are the user's words here: messages of both roles side by side become one.
fn write_messages(messages: &[Message]) -> Result<Vec<Value>, Error> {
    struct Writing<'a> {
        role: &'static str,
        /// The vendor data of the first message that is not of tool results.
        vendor: Option<&'a VendorData>,
        content: Vec<Value>,
    }
    let mut written: Vec<Writing<'_>> = Vec::new();
    for message in messages {
        let role = match message.role {
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
            Role::System => "system",
        };
        let vendor = (message.role != Role::Tool).then_some(&message.vendor);
        let content = blocks::write_all(&message.parts)?;
        match written.last_mut() {
            Some(last)
                if last.role == role
                    && (vendor.is_none() || last.vendor.is_none() || vendor == last.vendor) =>
            {
                last.content.extend(content);
                last.vendor = last.vendor.or(vendor);
            }
            _ => written.push(Writing { role, vendor, content }),
        }
    }
    let finish = |message: Writing<'_>| {
        let mut object = Object::new();
        object.insert("role".into(), message.role.into());
        object.insert("content".into(), message.content.into());
        if let Some(vendor) = message.vendor {
            blocks::add_vendor(&mut object, vendor);
        }
        Value::Object(object)
    };
    Ok(written.into_iter().map(finish).collect())
}

fn write_tool(tool: &ToolSpec) -> Option<Value> {
    match tool {
        ToolSpec::Function(function) => Some(Value::Object(write_function(function))),
        ToolSpec::Native { wire, value } => (wire == ID).then(|| value.clone()),
    }
}

fn write_function(function: &FunctionSpec) -> Object {
    let mut tool = Object::new();
    tool.insert("name".into(), function.name.as_str().into());
    if !function.description.is_empty() {
        tool.insert("description".into(), function.description.as_str().into());
    }
    if !function.parameters.is_null() {
        tool.insert("input_schema".into(), function.parameters.clone());
    }
    json::set(&mut tool, "strict", function.strict);
    blocks::add_cache(&mut tool, function.cache.as_ref());
    blocks::add_vendor(&mut tool, &function.vendor);
    tool
}

fn write_choice(choice: &ToolChoice, parallel: Option<bool>) -> Option<Value> {
    let mut written = match choice {
        ToolChoice::Unset if parallel.is_none() => return None,
        ToolChoice::Unset | ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::None => json!({"type": "none"}),
        ToolChoice::Required => json!({"type": "any"}),
        ToolChoice::Named(name) => json!({"type": "tool", "name": name}),
    };
    if let Some(parallel) = parallel {
        written["disable_parallel_tool_use"] = json!(!parallel);
    }
    Some(written)
}
