//! The rules of this wire that a table cannot say.
use super::read_request::{read_extra, read_options};
use super::{EXTRA, ID, blocks, extra, media};
use crate::Normalised;
use crate::normalise::name_results;
use consort_core::{
    Arguments, Body, Message, Object, Output, Part, Request, Role, ToolChoice, ToolSpec, VendorData, Warning,
};
use serde_json::{Value, json};

pub(super) fn apply(normalised: Normalised) -> Normalised {
    let Normalised { mut request, mut warnings } = normalised;
    if let Some(mut native) = request.native.of(ID).cloned() {
        read_options(&mut native, &mut request);
        read_extra(&mut native, &mut request);
        request.native = VendorData::default();
        request.native.merge(ID, native);
    }
    request.instructions.retain_mut(|instruction| part(instruction, false, &mut warnings));
    messages(&mut request, &mut warnings);
    tools(&mut request, &mut warnings);
    if let Output::Schema { strict, .. } = &mut request.output {
        *strict = None;
    }
    // A client may have asked for an effort alone, without the word for thinking.
    let thinking_said = request.native.get(ID, EXTRA).is_some_and(|extra| extra.get("thinking").is_some());
    extra::normalise(&mut request, thinking_said, &mut warnings);
    Normalised { request, warnings }
}

fn messages(request: &mut Request, warnings: &mut Vec<Warning>) {
    let mut joined: Vec<Message> = Vec::new();
    for mut message in std::mem::take(&mut request.messages) {
        // Messages of this format hold nothing beside their content.
        message.vendor = VendorData::default();
        let assistant = message.role == Role::Assistant;
        message.parts.retain_mut(|it| part(it, assistant, warnings));
        message.parts = blocks::fold_cache_points(std::mem::take(&mut message.parts));
        if message.parts.is_empty() {
            continue;
        }
        match joined.last_mut() {
            Some(last) if last.role == message.role => last.parts.extend(message.parts),
            _ => joined.push(message),
        }
    }
    name_results(&mut joined, false);
    request.messages = joined;
}

/// Brings one part to what the format can hold; false when nothing is left.
fn part(part: &mut Part, assistant: bool, warnings: &mut Vec<Warning>) -> bool {
    if !matches!(part.body, Body::Reasoning { .. }) {
        part.signature = None;
    }
    match &mut part.body {
        Body::Text { .. } => text(part),
        Body::Media(media) => {
            let mime = media.mime.clone();
            if !media::normalise(part) {
                *part = Part { cache: part.cache.take(), ..Part::text(super::response::stand_in(&mime)) };
                let what = if mime.is_empty() { "file" } else { &mime };
                warnings.push(Warning::new(
                    "unsupported",
                    format!("this vendor's format cannot carry the attached {what} in this way"),
                ));
            }
        }
        Body::Reasoning { text, redacted } => {
            if *redacted {
                text.clear();
            }
            part.vendor = VendorData::default();
        }
        Body::ToolCall(call) => {
            call.id = tidy_id(&call.id);
            if !matches!(call.arguments.value(), Ok(Value::Object(_))) {
                call.arguments = Arguments::from(blocks::input(&call.arguments));
            }
            own_keys(&mut part.vendor, &["toolUseId", "name", "input"]);
            // That one would be the vendor's to run.
            if part.vendor.text(ID, "type") == Some("server_tool_use") {
                part.vendor.remove(ID, "type");
            }
        }
        Body::ToolResult(result) => {
            result.call_id = tidy_id(&result.call_id);
            result.content.retain_mut(|it| {
                it.cache = None;
                self::part(it, false, warnings)
            });
            own_keys(&mut part.vendor, &["toolUseId", "content", "status"]);
        }
        Body::Refusal { .. } => part.vendor = VendorData::default(),
        Body::Native { kind, value, .. } => {
            part.vendor = VendorData::default();
            return native(kind, value, assistant);
        }
    }
    true
}

/// Text is plain, cited, for a guardrail, or JSON.
fn text(part: &mut Part) {
    let Body::Text { text, citations } = &mut part.body else { return };
    *citations = citations
        .iter()
        .filter_map(|citation| blocks::citation(&Value::Object(citation.vendor.of(ID)?.clone())))
        .collect();
    let guarded = part.vendor.get(ID, blocks::GUARDED).and_then(Value::as_object).cloned();
    let json = part.vendor.get(ID, blocks::AS_JSON).is_some();
    part.vendor = VendorData::default();
    if !citations.is_empty() {
        return;
    }
    if let Some(mut said) = guarded {
        said.shift_remove("text");
        part.vendor.set(ID, blocks::GUARDED, said);
    } else if json && let Ok(value) = serde_json::from_str::<Value>(text) {
        *text = value.to_string();
        part.vendor.set(ID, blocks::AS_JSON, true);
    }
}

/// A native part must be what a reader would make of its value.
fn native(kind: &mut String, value: &mut Value, assistant: bool) -> bool {
    let Some(block) = value.as_object() else { return false };
    let read = blocks::read(block, assistant);
    let Body::Native { kind: read_kind, value: read_value, .. } = read.body else { return false };
    *kind = read_kind;
    *value = read_value;
    !kind.is_empty()
}

/// Drops what would stand where the writer puts its own, and nulls, which say nothing.
fn own_keys(vendor: &mut VendorData, owned: &[&str]) {
    let Some(data) = vendor.of(ID) else { return };
    let kept: Object = data
        .iter()
        .filter(|(key, value)| !value.is_null() && !owned.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    *vendor = VendorData::default();
    vendor.merge(ID, kept);
}

/// The vendor takes letters, digits, `_` and `-` in ids, 64 of them.
fn tidy_id(id: &str) -> String {
    const LONGEST: usize = 64;
    let tidy = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    if id.is_empty() { "_".to_owned() } else { id.chars().map(tidy).take(LONGEST).collect() }
}

fn tools(request: &mut Request, warnings: &mut Vec<Warning>) {
    request.tools.retain_mut(|tool| match tool {
        ToolSpec::Function(function) => {
            own_keys(&mut function.vendor, &["name", "description", "inputSchema", "strict"]);
            if !function.parameters.is_object() {
                function.parameters = json!({"type": "object"});
            }
            true
        }
        ToolSpec::Native { value, .. } => {
            value.as_object().is_some_and(|tool| tool.len() == 1 && !tool.contains_key("toolSpec"))
        }
    });
    let mentioned = request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .any(|part| matches!(part.body, Body::ToolCall(_) | Body::ToolResult(_)));
    if request.tool_choice == ToolChoice::None {
        request.tool_choice = ToolChoice::Unset;
        if mentioned {
            // A conversation that mentions tools must declare them.
            warnings.push(Warning::new("dropped", "this vendor cannot be told to call no tool"));
        } else if !request.tools.is_empty() {
            request.tools.clear();
            warnings.push(Warning::new("changed", "no tool may be called, so none is offered"));
        }
    }
    if request.tools.is_empty() {
        request.tool_choice = ToolChoice::Unset;
    }
}
