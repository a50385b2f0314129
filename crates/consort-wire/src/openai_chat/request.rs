//! Writes a request as a Chat Completions body.
use super::ID;
use super::normalise::audio_format;
use crate::json::{merge, set};
use crate::quirks::{Quirks, ReasoningRequest, ToolChoiceWord};
use crate::{WireRequest, json};
use consort_core::{
    Body, Cache, Effort, Error, Media, MediaSource, Message, Modality, Object, Output, Part, Request, Role,
    ToolChoice, ToolSpec,
};
use serde_json::{Value, json};

/// The name under which most vendors show thinking.
pub(super) const USUAL_REASONING_FIELD: &str = "reasoning_content";

pub(super) fn write(request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
    let mut body = Object::new();
    // Some hosts name the model in the path alone.
    if !request.model.is_empty() {
        body.insert("model".into(), json!(request.model));
    }
    body.insert("messages".into(), messages(request, quirks)?);
    if request.stream {
        body.insert("stream".into(), json!(true));
        if quirks.stream_usage {
            body.insert("stream_options".into(), json!({"include_usage": true}));
        }
    }
    tools(request, quirks, &mut body);
    match &request.output {
        Output::Text => {}
        Output::Json => drop(body.insert("response_format".into(), json!({"type": "json_object"}))),
        Output::Schema { name, description, schema, strict } => {
            let mut format = Object::new();
            if !name.is_empty() {
                format.insert("name".into(), json!(name));
            }
            set(&mut format, "description", description.clone());
            format.insert("schema".into(), schema.clone());
            set(&mut format, "strict", *strict);
            body.insert("response_format".into(), json!({"type": "json_schema", "json_schema": format}));
        }
    }
    sampling(request, quirks, &mut body);
    reasoning(request, quirks, &mut body);
    merge(&mut body, &quirks.body);
    if let Some(native) = request.native.of(ID) {
        merge(&mut body, native);
    }
    let path = quirks.path.as_deref().unwrap_or("chat/completions").replace("{model}", &request.model);
    Ok(WireRequest::post(path, &Value::Object(body)))
}

fn sampling(request: &Request, quirks: &Quirks, body: &mut Object) {
    let sampling = &request.sampling;
    set(body, quirks.max_tokens_field.as_str(), sampling.max_tokens);
    set(body, "temperature", sampling.temperature);
    set(body, "top_p", sampling.top_p);
    set(body, "top_k", sampling.top_k);
    set(body, &quirks.seed_field, sampling.seed);
    set(body, "presence_penalty", sampling.presence_penalty);
    set(body, "frequency_penalty", sampling.frequency_penalty);
    set(body, "n", sampling.choices);
    if !sampling.stop.is_empty() {
        body.insert("stop".into(), json!(sampling.stop));
    }
}

fn reasoning(request: &Request, quirks: &Quirks, body: &mut Object) {
    let reasoning = &request.reasoning;
    match quirks.reasoning_request {
        ReasoningRequest::Effort => set(body, "reasoning_effort", reasoning.effort.map(Effort::as_str)),
        ReasoningRequest::Object => {
            let mut object = Object::new();
            set(&mut object, "effort", reasoning.effort.map(Effort::as_str));
            set(&mut object, "max_tokens", reasoning.budget_tokens);
            if !object.is_empty() {
                body.insert("reasoning".into(), object.into());
            }
        }
        ReasoningRequest::Thinking => {
            if let Some(effort) = reasoning.effort {
                let word = if effort == Effort::None { "disabled" } else { "enabled" };
                body.insert("thinking".into(), json!({"type": word}));
            }
        }
        ReasoningRequest::None => {}
    }
}

fn tools(request: &Request, quirks: &Quirks, body: &mut Object) {
    if !request.tools.is_empty() {
        body.insert("tools".into(), request.tools.iter().map(tool).collect());
    }
    let choice = match &request.tool_choice {
        ToolChoice::Unset => None,
        ToolChoice::Auto => Some(json!("auto")),
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required if quirks.tool_choice == ToolChoiceWord::Any => Some(json!("any")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Named(name) => Some(json!({"type": "function", "function": {"name": name}})),
    };
    set(body, "tool_choice", choice);
    set(body, "parallel_tool_calls", request.parallel_tools);
}

fn tool(tool: &ToolSpec) -> Value {
    let spec = match tool {
        ToolSpec::Native { value, .. } => return value.clone(),
        ToolSpec::Function(spec) => spec,
    };
    let mut function = Object::new();
    function.insert("name".into(), json!(spec.name));
    if !spec.description.is_empty() {
        function.insert("description".into(), json!(spec.description));
    }
    if !spec.parameters.is_null() {
        function.insert("parameters".into(), spec.parameters.clone());
    }
    set(&mut function, "strict", spec.strict);
    if let Some(Value::Object(extra)) = spec.vendor.get(ID, "function") {
        merge(&mut function, extra);
    }
    let mut whole = Object::new();
    whole.insert("type".into(), json!("function"));
    whole.insert("function".into(), function.into());
    mark(&mut whole, spec.cache.as_ref());
    if let Some(Value::Object(extra)) = spec.vendor.get(ID, "tool") {
        merge(&mut whole, extra);
    }
    whole.into()
}

fn messages(request: &Request, quirks: &Quirks) -> Result<Value, Error> {
    let mut out = Vec::new();
    if let Some(first) = request.instructions.first() {
        let role = first.vendor.text(ID, "role").unwrap_or(&quirks.system_role);
        let mut message = start(role);
        message.insert("content".into(), content(&request.instructions)?);
        out.push(message.into());
    }
    for message in &request.messages {
        match message.role {
            Role::Tool => {
                for part in &message.parts {
                    out.push(tool_message(part)?);
                }
            }
            Role::Assistant => out.push(assistant(message, quirks)?),
            Role::User => out.push(plain(message, "user")?),
            Role::System => out.push(plain(message, message.vendor.text(ID, "role").unwrap_or("system"))?),
        }
    }
    Ok(Value::Array(out))
}

fn start(role: &str) -> Object {
    let mut message = Object::new();
    message.insert("role".into(), json!(role));
    message
}

/// The fields that only this format knows of a message.
fn finish(mut message: Object, from: &Message) -> Value {
    set(&mut message, "name", from.name.clone());
    if let Some(extra) = from.vendor.of(ID) {
        let extra: Object = extra.iter().filter(|(key, _)| *key != "role").map(own).collect();
        merge(&mut message, &extra);
    }
    message.into()
}

fn own((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

fn plain(message: &Message, role: &str) -> Result<Value, Error> {
    let mut out = start(role);
    out.insert("content".into(), content(&message.parts)?);
    Ok(finish(out, message))
}

fn assistant(message: &Message, quirks: &Quirks) -> Result<Value, Error> {
    let mut out = start("assistant");
    let mut shown: Vec<Part> = Vec::new();
    let mut calls = Vec::new();
    let mut thoughts = Vec::new();
    for part in &message.parts {
        match &part.body {
            Body::Reasoning { text, .. } => thoughts.extend(thinking(part, text, quirks, &mut out)),
            Body::Refusal { text } => drop(out.insert("refusal".into(), json!(text))),
            Body::ToolCall(call) => calls.push(tool_call(part, call)),
            Body::Native { kind, value, .. } if kind == "function_call" => {
                out.insert("function_call".into(), value.clone());
            }
            _ => shown.push(part.clone()),
        }
    }
    if thoughts.is_empty() {
        let nothing = shown.is_empty();
        let value = if nothing { Value::Null } else { content(&shown)? };
        out.insert("content".into(), value);
    } else {
        for part in &shown {
            thoughts.push(content_part(part)?);
        }
        out.insert("content".into(), thoughts.into());
    }
    if !calls.is_empty() {
        out.insert("tool_calls".into(), calls.into());
    }
    Ok(finish(out, message))
}

/// Puts thinking under the name that the vendor uses; some want it inside the content instead.
fn thinking(part: &Part, text: &str, quirks: &Quirks, out: &mut Object) -> Option<Value> {
    if let Some(details) = part.vendor.get(ID, "details") {
        out.insert("reasoning_details".into(), details.clone());
    }
    match part.vendor.text(ID, "field").unwrap_or(&quirks.reasoning_field) {
        "" | "details" => {}
        "content" => return Some(json!({"type": "thinking", "thinking": [{"type": "text", "text": text}]})),
        _ if text.is_empty() => {}
        "both" => {
            out.insert("reasoning".into(), json!(text));
            out.insert("reasoning_content".into(), json!(text));
        }
        field => drop(out.insert(field.to_owned(), json!(text))),
    }
    None
}

fn tool_call(part: &Part, call: &consort_core::ToolCall) -> Value {
    let mut out = Object::new();
    out.insert("id".into(), json!(call.id));
    let custom = part.vendor.text(ID, "type") == Some("custom");
    if custom {
        let input = call.arguments.value().ok().and_then(|value| value.as_str().map(str::to_owned));
        out.insert("type".into(), json!("custom"));
        out.insert("custom".into(), json!({"name": call.name, "input": input.unwrap_or_default()}));
    } else {
        out.insert("type".into(), json!("function"));
        out.insert("function".into(), json!({"name": call.name, "arguments": call.arguments.json_text()}));
    }
    mark(&mut out, part.cache.as_ref());
    if let Some(extra) = part.vendor.of(ID) {
        json::merge(&mut out, extra);
    }
    out.into()
}

fn tool_message(part: &Part) -> Result<Value, Error> {
    let Body::ToolResult(result) = &part.body else {
        return Err(Error::unsupported("a tool message can only hold tool results"));
    };
    let mut out = start("tool");
    out.insert("tool_call_id".into(), json!(result.call_id));
    out.insert("content".into(), content(&result.content)?);
    mark(&mut out, part.cache.as_ref());
    if let Some(extra) = part.vendor.of(ID) {
        merge(&mut out, extra);
    }
    Ok(out.into())
}

/// One plain text is a string, which every dialect reads; anything else is a list.
fn content(parts: &[Part]) -> Result<Value, Error> {
    match parts {
        [] => Ok(json!("")),
        [part] if part.cache.is_none() && plain_vendor(part) => match &part.body {
            Body::Text { text, .. } => Ok(json!(text)),
            _ => Ok(json!([content_part(part)?])),
        },
        parts => parts.iter().map(content_part).collect(),
    }
}

fn plain_vendor(part: &Part) -> bool {
    part.vendor.of(ID).is_none_or(|data| data.keys().all(|key| key == "role"))
}

fn content_part(part: &Part) -> Result<Value, Error> {
    let mut out = match &part.body {
        Body::Text { text, .. } => object(json!({"type": "text", "text": text})),
        Body::Media(media) => object(media_part(media)?),
        Body::Native { value, .. } => object(value.clone()),
        _ => return Err(Error::unsupported("this part cannot stand in a message of this format")),
    };
    mark(&mut out, part.cache.as_ref());
    if let Some(extra) = part.vendor.of(ID) {
        let extra: Object = extra.iter().filter(|(key, _)| *key != "role").map(own).collect();
        merge(&mut out, &extra);
    }
    Ok(out.into())
}

fn media_part(media: &Media) -> Result<Value, Error> {
    let url =
        || media.to_url().ok_or_else(|| Error::unsupported("an attached file was not read before sending"));
    if let MediaSource::File { id, .. } = &media.source {
        return Ok(json!({"type": "file", "file": {"file_id": id}}));
    }
    Ok(match Modality::of_mime(&media.mime) {
        Modality::Audio => {
            let data =
                media.base64().ok_or_else(|| Error::unsupported("sound cannot be sent by its address"))?;
            json!({"type": "input_audio", "input_audio": {"data": data, "format": audio_format(&media.mime)}})
        }
        Modality::Video => json!({"type": "video_url", "video_url": {"url": url()?}}),
        Modality::Image => json!({"type": "image_url", "image_url": {"url": url()?}}),
        Modality::Pdf | Modality::Text | Modality::File => {
            let name = media.name.as_deref().unwrap_or("document");
            json!({"type": "file", "file": {"filename": name, "file_data": url()?}})
        }
    })
}

fn mark(out: &mut Object, cache: Option<&Cache>) {
    if let Some(cache) = cache {
        let mut mark = object(json!({"type": "ephemeral"}));
        set(&mut mark, "ttl", cache.ttl.clone());
        out.insert("cache_control".into(), mark.into());
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}
