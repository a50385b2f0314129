//! Writes a request, and says what of one this format carries beyond the shared table.
use super::{ID, message, read_request};
use crate::{Normalised, Quirks, WireRequest, json};
use consort_core::{
    Body, Effort, Error, Media, MediaSource, Message, Modality, Object, Output, Part, Reasoning, Request,
    Role, ToolChoice, ToolSpec, VendorData, Warning,
};
use serde_json::{Value, json};

/// What the shared table does not say.
pub(super) fn tidy(normalised: &mut Normalised) {
    let Normalised { request, warnings } = normalised;
    request.tools.iter_mut().for_each(tidy_tool);
    if let Some(native) = request.native.of(ID) {
        let mut native = native.clone();
        read_request::absorb(&mut native, request);
        request.native = VendorData::default();
        request.native.merge(ID, native);
    }
    request.instructions.iter_mut().for_each(tidy_part);
    for message in std::mem::take(&mut request.messages) {
        let message = tidy_message(message);
        if !message.parts.is_empty() {
            read_request::push(request, message);
        }
    }
    tidy_strictness(request);
    tidy_choice(request, warnings);
    tidy_thinking(&mut request.reasoning, warnings);
    if matches!(&request.output, Output::Schema { schema, .. } if schema.is_null()) {
        request.output = Output::Json;
    }
}

fn tidy_message(mut message: Message) -> Message {
    if message.role == Role::Assistant {
        return as_read(message);
    }
    for key in ["role", "content"] {
        message.vendor.remove(ID, key);
    }
    for part in &mut message.parts {
        match &mut part.body {
            Body::ToolResult(result) => {
                result.content.iter_mut().for_each(tidy_part);
                result.content.retain(is_carried);
                for key in ["role", "tool_call_id", "content"] {
                    part.vendor.remove(ID, key);
                }
            }
            _ => tidy_part(part),
        }
    }
    message.parts.retain(is_carried);
    message
}

/// An assistant's parts stand in several places, in an order of their own: what is carried is what is read
/// back. Citations that only another vendor understands are not sent.
fn as_read(mut message: Message) -> Message {
    for part in &mut message.parts {
        if let Body::Text { citations, .. } = &mut part.body {
            citations.retain(|citation| citation.vendor.of(ID).is_some());
        }
        if let Body::Reasoning { text, .. } = &part.body
            && text.is_empty()
        {
            part.body = Body::Text { text: String::new(), citations: Vec::new() };
        }
    }
    message.parts.retain(|part| part.as_text() != Some(""));
    let mut object = message::write_assistant(&message.parts);
    if let Some(vendor) = message.vendor.of(ID) {
        json::merge(&mut object, vendor);
    }
    message::read(Value::Object(object)).unwrap_or(message)
}

/// A part of a user's message, of instructions or of a result, as it is read back.
fn tidy_part(part: &mut Part) {
    if let Body::Media(media) = &mut part.body {
        tidy_media(media);
        if !matches!(media.source, MediaSource::Url(_)) && Modality::of_mime(&media.mime) != Modality::Image {
            part.body = Part::text(format!("[{} not shown]", media.mime)).body;
        }
        for key in ["type", "image_url"] {
            let value = part.vendor.remove(ID, key);
            // Other wishes about the image stand beside its address.
            if let Some(Value::Object(mut image)) = value.filter(|_| key == "image_url") {
                image.shift_remove("url");
                if !image.is_empty() {
                    part.vendor.set(ID, key, image);
                }
            }
        }
        return;
    }
    let plain = part.vendor.is_empty() && part.as_text().is_some();
    if !plain
        && is_carried(part)
        && let Ok(written) = message::write_part(part)
    {
        *part = message::read_part(written);
    }
}

/// Whether a native part is one that stands in content.
fn is_carried(part: &Part) -> bool {
    match &part.body {
        Body::Native { value, .. } => value.is_object(),
        _ => true,
    }
}

/// An address tells its own type, and may hold the image itself.
fn tidy_media(media: &mut Media) {
    if let MediaSource::Url(url) = &media.source {
        *media = Media::from_url(url);
    }
}

fn tidy_tool(tool: &mut ToolSpec) {
    let simple = matches!(tool, ToolSpec::Function(function) if function.vendor.is_empty());
    if !simple {
        let strict = match tool {
            ToolSpec::Function(function) => function.strict,
            ToolSpec::Native { .. } => None,
        };
        *tool = read_request::read_tool(write_tool(tool));
        if let ToolSpec::Function(function) = tool {
            function.strict = strict;
        }
    }
}

/// Strictness is said once, for all functions.
fn tidy_strictness(request: &mut Request) {
    let strict = all_strict(request);
    for tool in &mut request.tools {
        if let ToolSpec::Function(function) = tool {
            function.strict = strict.then_some(true);
        }
    }
}

fn all_strict(request: &Request) -> bool {
    let mut functions = request.functions().peekable();
    functions.peek().is_some() && functions.all(|function| function.strict == Some(true))
}

fn tidy_choice(request: &mut Request, warnings: &mut Vec<Warning>) {
    if request.tools.is_empty() || request.tool_choice == ToolChoice::Auto {
        request.tool_choice = ToolChoice::Unset;
    }
    if let ToolChoice::Named(name) = &request.tool_choice {
        let what = format!("this vendor cannot be told to call `{name}`: it is told to call any tool");
        warnings.push(Warning::new("changed", what));
        request.tool_choice = ToolChoice::Required;
    }
}

fn tidy_thinking(reasoning: &mut Reasoning, warnings: &mut Vec<Warning>) {
    match (reasoning.effort, reasoning.budget_tokens) {
        (Some(Effort::None), _) => reasoning.budget_tokens = None,
        (_, Some(_)) => reasoning.effort = None,
        (Some(Effort::Medium) | None, None) => {}
        (Some(_), None) => {
            reasoning.effort = Some(Effort::Medium);
            let what = "this vendor only knows thinking on or off: it is on";
            warnings.push(Warning::new("changed", what));
        }
    }
}

/// Writes a request that is normalised already.
pub(super) fn write(request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
    let mut body = Object::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("stream".into(), request.stream.into());
    body.insert("messages".into(), Value::Array(write_messages(request)?));
    if !request.tools.is_empty() {
        body.insert("tools".into(), request.tools.iter().map(write_tool).collect());
    }
    if all_strict(request) {
        body.insert("strict_tools".into(), true.into());
    }
    match request.tool_choice {
        ToolChoice::Required | ToolChoice::Named(_) => json::set(&mut body, "tool_choice", Some("REQUIRED")),
        ToolChoice::None => json::set(&mut body, "tool_choice", Some("NONE")),
        ToolChoice::Unset | ToolChoice::Auto => {}
    }
    match &request.output {
        Output::Text => {}
        Output::Json => json::set(&mut body, "response_format", Some(json!({"type": "json_object"}))),
        Output::Schema { schema, .. } => {
            let format = json!({"type": "json_object", "json_schema": schema});
            body.insert("response_format".into(), format);
        }
    }
    write_sampling(request, &mut body);
    json::set(&mut body, "thinking", write_thinking(&request.reasoning));
    json::merge(&mut body, &quirks.body);
    if let Some(native) = request.native.of(ID) {
        json::merge(&mut body, native);
    }
    let path = quirks.path.as_deref().unwrap_or("v2/chat").replace("{model}", &request.model);
    Ok(WireRequest::post(path, &Value::Object(body)))
}

fn write_messages(request: &Request) -> Result<Vec<Value>, Error> {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.instructions.is_empty() {
        let content = message::write_content(&request.instructions)?;
        messages.push(json!({"role": "system", "content": content}));
    }
    for message in &request.messages {
        message::write(message, &mut messages)?;
    }
    Ok(messages)
}

fn write_sampling(request: &Request, body: &mut Object) {
    let sampling = &request.sampling;
    json::set(body, "max_tokens", sampling.max_tokens);
    json::set(body, "temperature", sampling.temperature);
    json::set(body, "p", sampling.top_p);
    json::set(body, "k", sampling.top_k);
    json::set(body, "seed", sampling.seed);
    json::set(body, "presence_penalty", sampling.presence_penalty);
    json::set(body, "frequency_penalty", sampling.frequency_penalty);
    if !sampling.stop.is_empty() {
        body.insert("stop_sequences".into(), sampling.stop.clone().into());
    }
}

fn write_thinking(reasoning: &Reasoning) -> Option<Value> {
    match (reasoning.effort, reasoning.budget_tokens) {
        (Some(Effort::None), _) => Some(json!({"type": "disabled"})),
        (_, Some(budget)) => Some(json!({"type": "enabled", "token_budget": budget})),
        (Some(_), None) => Some(json!({"type": "enabled"})),
        (None, None) => None,
    }
}

fn write_tool(tool: &ToolSpec) -> Value {
    let function = match tool {
        ToolSpec::Native { value, .. } => return value.clone(),
        ToolSpec::Function(function) => function,
    };
    let mut inner = Object::new();
    inner.insert("name".into(), function.name.clone().into());
    if !function.description.is_empty() {
        inner.insert("description".into(), function.description.clone().into());
    }
    if !function.parameters.is_null() {
        inner.insert("parameters".into(), function.parameters.clone());
    }
    let mut object = Object::new();
    object.insert("type".into(), "function".into());
    object.insert("function".into(), Value::Object(inner));
    if let Some(vendor) = function.vendor.of(ID) {
        json::merge(&mut object, vendor);
    }
    Value::Object(object)
}
