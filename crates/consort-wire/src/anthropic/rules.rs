//! The rules of this wire that a table cannot say.
use super::read_request::read_options;
use super::{ID, blocks, media, thinking};
use crate::Normalised;
use crate::normalise::name_results;
use consort_core::{
    Arguments, Body, Message, Object, Part, Request, Role, ToolChoice, ToolSpec, VendorData, Warning,
};
use serde_json::{Value, json};

/// What an answer may be long where nobody said: every model can.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// The header that uploaded files need.
const FILES_BETA: &str = "files-api-2025-04-14";

pub(super) fn apply(normalised: Normalised) -> Normalised {
    let Normalised { mut request, mut warnings } = normalised;
    if let Some(mut native) = request.native.of(ID).cloned() {
        read_options(&mut native, &mut request);
        request.native = VendorData::default();
        request.native.merge(ID, native);
    }
    request.instructions.retain_mut(|instruction| !is_space(instruction) && part(instruction));
    messages(&mut request, &mut warnings);
    tools(&mut request, &mut warnings);
    sampling(&mut request, &mut warnings);
    Normalised { request, warnings }
}

fn messages(request: &mut Request, warnings: &mut Vec<Warning>) {
    let mut joined: Vec<Message> = Vec::new();
    let mut has_files = false;
    for mut message in std::mem::take(&mut request.messages) {
        role(&mut message, warnings);
        let said = message.role == Role::Assistant;
        message.parts.retain_mut(|words| (said || !is_space(words)) && part(words));
        has_files |= message.parts.iter().any(has_file);
        if message.parts.is_empty() {
            continue;
        }
        match joined.last_mut() {
            Some(last) if last.role == message.role && last.vendor == message.vendor => {
                last.parts.extend(message.parts);
            }
            _ => joined.push(message),
        }
    }
    name_results(&mut joined, false);
    request.messages = joined;
    if has_files && request.native.get(ID, "anthropic_beta").is_none() {
        request.native.set(ID, "anthropic_beta", json!([FILES_BETA]));
    }
}

/// Only a client of this very format may put instructions inside a conversation: few models take them there.
fn role(message: &mut Message, warnings: &mut Vec<Warning>) {
    let said_so = message.vendor.text(ID, "role") == Some("system");
    message.vendor.remove(ID, "content");
    message.vendor.remove(ID, "role");
    if message.role != Role::System {
        return;
    }
    if said_so {
        message.vendor.set(ID, "role", "system");
    } else {
        message.role = Role::User;
        let warning =
            Warning::new("changed", "instructions inside the conversation are sent as the user's words");
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

/// The vendor refuses text that is only space, except its own.
fn is_space(part: &Part) -> bool {
    part.as_text().is_some_and(|text| text.trim().is_empty())
}

/// Brings one part to what the format can hold; false when nothing is left.
fn part(part: &mut Part) -> bool {
    if !matches!(part.body, Body::Reasoning { .. }) {
        part.signature = None;
    }
    match &mut part.body {
        Body::Text { citations, .. } => {
            *citations = citations
                .iter()
                .filter(|citation| blocks::is_own(citation))
                .filter_map(|citation| blocks::citation(&Value::Object(citation.vendor.of(ID)?.clone())))
                .collect();
        }
        Body::Reasoning { text, redacted } => {
            part.cache = None;
            if *redacted {
                text.clear();
            }
        }
        Body::Media(media) => media::normalise(media),
        Body::ToolCall(call) => {
            call.id = tidy_id(&call.id);
            if !matches!(call.arguments.value(), Ok(Value::Object(_))) {
                call.arguments = Arguments::from(blocks::input(&call.arguments));
            }
        }
        Body::ToolResult(result) => {
            result.call_id = tidy_id(&result.call_id);
            result.content.retain_mut(|words| !is_space(words) && self::part(words));
        }
        Body::Refusal { .. } => {}
        Body::Native { kind, value, .. } => return native(kind, value, &mut part.cache, &mut part.vendor),
    }
    own_keys(&mut part.vendor, blocks::keys(&part.body));
    true
}

/// A native part must be what a reader would make of its value.
fn native(
    kind: &mut String,
    value: &mut Value,
    cache: &mut Option<consort_core::Cache>,
    vendor: &mut VendorData,
) -> bool {
    let Value::Object(block) = value else { return false };
    if !kind.is_empty() || block.get("type").is_some_and(|kind| !kind.is_string()) {
        block.insert("type".into(), kind.as_str().into());
    }
    for (key, value) in std::mem::take(vendor).of(ID).into_iter().flatten() {
        block.entry(key.as_str()).or_insert_with(|| value.clone());
    }
    if cache.is_some() {
        block.shift_remove("cache_control");
    }
    let read = blocks::read(block.clone());
    let Body::Native { kind: read_kind, value: read_value, .. } = read.body else { return false };
    *kind = read_kind;
    *value = read_value;
    *cache = cache.take().or(read.cache);
    true
}

/// Drops what would stand where the writer puts its own, and nulls, which say nothing.
fn own_keys(vendor: &mut VendorData, owned: &[&str]) {
    let Some(data) = vendor.of(ID) else { return };
    let kept: Object = data
        .iter()
        .filter(|(key, value)| !value.is_null() && *key != "cache_control" && !owned.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    *vendor = VendorData::default();
    vendor.merge(ID, kept);
}

/// The vendor takes letters, digits, `_` and `-` in ids.
fn tidy_id(id: &str) -> String {
    let tidy = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    if id.is_empty() { "_".to_owned() } else { id.chars().map(tidy).collect() }
}

fn has_file(part: &Part) -> bool {
    match &part.body {
        Body::Media(media) => matches!(media.source, consort_core::MediaSource::File { .. }),
        Body::ToolResult(result) => result.content.iter().any(has_file),
        _ => false,
    }
}

fn tools(request: &mut Request, warnings: &mut Vec<Warning>) {
    request.tools.retain_mut(|tool| match tool {
        ToolSpec::Function(function) => {
            let custom = function.vendor.text(ID, "type") == Some("custom");
            own_keys(&mut function.vendor, &["type", "name", "description", "input_schema", "strict"]);
            if custom {
                function.vendor.set(ID, "type", "custom");
            }
            // A schema must say that it is of an object.
            if function.parameters.as_object().is_none_or(Object::is_empty) {
                function.parameters = json!({"type": "object"});
            }
            true
        }
        ToolSpec::Native { value, .. } => {
            let known = is_native_tool(value);
            if !known {
                warnings.push(Warning::new("dropped", "a tool of the vendor's own must have a type"));
            }
            known
        }
    });
    if request.tools.is_empty() && !request.native.get(ID, "tools").is_some_and(Value::is_array) {
        // The vendor refuses a choice among no tools.
        request.tool_choice = ToolChoice::Unset;
        request.parallel_tools = None;
    }
    match request.tool_choice {
        ToolChoice::None => request.parallel_tools = None,
        // The format says it inside the choice.
        ToolChoice::Unset if request.parallel_tools.is_some() => request.tool_choice = ToolChoice::Auto,
        _ => {}
    }
}

/// Whether a tool is one that the vendor knows, and not a function of the caller.
pub(super) fn is_native_tool(tool: &Value) -> bool {
    tool["type"].as_str().is_some_and(|kind| kind != "custom")
}

fn sampling(request: &mut Request, warnings: &mut Vec<Warning>) {
    // A client of this format may have asked for an effort alone, without the word for thinking.
    if request.native.get(ID, "thinking").is_none() {
        thinking::normalise(&mut request.reasoning, &request.model, warnings);
    }
    let sampling = &mut request.sampling;
    if let Some(temperature) = &mut sampling.temperature
        && *temperature > 1.0
    {
        *temperature = 1.0;
        warnings.push(Warning::new("changed", "this vendor's highest temperature is 1"));
    }
    let budget = request.reasoning.budget_tokens.unwrap_or(0);
    sampling.max_tokens.get_or_insert(budget.saturating_add(DEFAULT_MAX_TOKENS));
    thinking::make_room(sampling, &request.reasoning, warnings);
}
