//! What this wire cannot carry beyond what its table says.
use super::ID;
use super::content;
use super::layout::{self, PART, THINKING, is_type, item_fields, own, part_fields, without};
use super::read_items::{self, custom_arguments, is_callers, is_empty_text, read_item};
use super::read_request::{hoist, read_body, read_tool};
use super::request::{custom_parameters, head, instruction_role, is_custom_tool};
use super::write_items::{custom_input, is_item};
use crate::json;
use crate::normalise::{Normalised, name_results};
use crate::quirks::Quirks;
use consort_core::{Body, Message, Object, Output, Part, Request, Role, ToolSpec, VendorData, Warning};
use serde_json::Value;

/// Applies this wire's own rules, after its table was applied.
pub(super) fn settle(normalised: &mut Normalised, quirks: &Quirks) {
    let request = &mut normalised.request;
    settle_native(request);
    settle_instructions(request);
    settle_messages(normalised, quirks);
    let request = &mut normalised.request;
    hoist(request);
    join_instructions(request);
    name_results(&mut request.messages, false);
    request.tools.iter_mut().for_each(settle_tool);
    settle_output(&mut request.output);
    // That thinking is not wanted is said by not asking for it.
    request.reasoning.show.take_if(|show| !*show);
}

/// Vendor fields that Consort has a word for are read as such: what is said twice is said once.
fn settle_native(request: &mut Request) {
    let Some(native) = request.native.of(ID) else { return };
    let mut body = head(request);
    json::merge(&mut body, native);
    let replaced = |key: &str| native.get(key).is_some_and(|value| !value.is_null());
    let (input, tools, instructions) = (replaced("input"), replaced("tools"), replaced("instructions"));
    let read = read_body(body);
    let mut settled = Request { native: read.native.clone(), ..std::mem::take(request) };
    settled.model = read.model;
    settled.stream = read.stream;
    settled.tool_choice = read.tool_choice;
    settled.parallel_tools = read.parallel_tools;
    settled.sampling = read.sampling;
    settled.output = read.output;
    settled.reasoning.effort = read.reasoning.effort;
    settled.reasoning.show = read.reasoning.show;
    if input {
        settled.messages = read.messages;
    }
    if tools {
        settled.tools = read.tools;
    }
    if instructions {
        settled.instructions = read.instructions;
    }
    *request = settled;
}

/// Plain instructions are one text in a field of its own; those with a role stand at the start of the input.
fn settle_instructions(request: &mut Request) {
    for part in &mut request.instructions {
        part.signature = None;
        match instruction_role(part).map(str::to_owned) {
            Some(role) if role == "developer" || role == "system" => {
                content::settle(part);
                let fields = part_fields(&part.vendor).cloned();
                part.vendor = VendorData::default();
                part.vendor.set(ID, "role", role);
                if let Some(fields) = fields {
                    part.vendor.set(ID, PART, Value::Object(fields));
                }
            }
            _ => part.vendor = VendorData::default(),
        }
    }
}

fn join_instructions(request: &mut Request) {
    let all = std::mem::take(&mut request.instructions);
    let (plain, marked): (Vec<Part>, Vec<Part>) =
        all.into_iter().partition(|part| instruction_role(part).is_none());
    let plain: Vec<&str> = plain.iter().filter_map(Part::as_text).collect();
    if !plain.is_empty() {
        request.instructions.push(Part::text(plain.join("\n\n")));
    }
    request.instructions.extend(marked);
}

fn settle_messages(normalised: &mut Normalised, quirks: &Quirks) {
    let mut messages: Vec<Message> = Vec::new();
    let stored = normalised.request.native.get(ID, "store") != Some(&Value::Bool(false));
    for mut message in std::mem::take(&mut normalised.request.messages) {
        if message.role == Role::Assistant {
            let (parts, dropped) = keep_thinking(std::mem::take(&mut message.parts), stored);
            message.parts = parts;
            if dropped {
                warn(normalised, "earlier thinking is not sent back: this vendor cannot read it");
            }
        }
        settle_message_fields(&mut message, quirks);
        for (role, parts) in runs(std::mem::take(&mut message.parts), message.role) {
            let joins = matches!(role, Role::Assistant | Role::Tool);
            match messages.last_mut() {
                Some(last) if joins && last.role == role => last.parts.extend(parts),
                _ => {
                    let mut run = Message::new(role, parts);
                    if role == message.role && run.parts.iter().all(|part| !is_item(part)) {
                        run.vendor = message.vendor.clone();
                    }
                    messages.push(run);
                }
            }
        }
    }
    mark_custom_results(&mut messages);
    normalised.request.messages = messages;
}

fn warn(normalised: &mut Normalised, message: &str) {
    let warning = Warning::new("dropped", message);
    if !normalised.warnings.contains(&warning) {
        normalised.warnings.push(warning);
    }
}

/// Only thinking of this wire can be sent back, and it must be found again: by its encrypted content, its text,
/// or its id where the vendor stores answers. What followed dropped thinking may not name its own id either:
/// the vendor would look for the thinking that belongs to it.
fn keep_thinking(parts: Vec<Part>, stored: bool) -> (Vec<Part>, bool) {
    let id_of = |part: &Part| part.vendor.text(ID, "id").map(str::to_owned);
    let is_thinking = |part: &Part| matches!(part.body, Body::Reasoning { .. });
    let has_text = |part: &Part| matches!(&part.body, Body::Reasoning { text, .. } if !text.is_empty());
    let signed: Vec<String> = parts
        .iter()
        .filter(|part| is_thinking(part) && part.signature_for(ID).is_some_and(|value| !value.is_empty()))
        .filter_map(id_of)
        .collect();
    let mut kept = Vec::new();
    let (mut dropped, mut orphaned) = (false, false);
    for mut part in parts {
        if is_thinking(&part) {
            let signature = part.signature_for(ID).is_some_and(|value| !value.is_empty());
            let found = signature
                || id_of(&part).is_some_and(|id| signed.contains(&id))
                || layout::is_content(&part) && has_text(&part)
                || stored && (id_of(&part).is_some() || part.vendor.of(ID).is_some() && has_text(&part));
            orphaned = !found;
            dropped |= orphaned;
            if orphaned {
                continue;
            }
        } else if orphaned {
            part.vendor.remove(ID, "id");
        }
        kept.push(part);
    }
    (kept, dropped)
}

fn settle_message_fields(message: &mut Message, quirks: &Quirks) {
    let Some(fields) = message.vendor.of(ID).cloned() else {
        return mark_developer(message, None, quirks);
    };
    let role = fields.get("role").and_then(Value::as_str).map(str::to_owned);
    message.vendor = VendorData::default();
    if matches!(message.role, Role::User | Role::System) {
        message.vendor.merge(ID, without(fields, layout::MESSAGE));
    }
    mark_developer(message, role.as_deref(), quirks);
}

fn mark_developer(message: &mut Message, role: Option<&str>, quirks: &Quirks) {
    let developer = role == Some("developer") || role.is_none() && quirks.system_role == "developer";
    if message.role == Role::System && developer {
        message.vendor.set(ID, "role", "developer");
    }
}

/// The parts of a message by who says them: an item that only this wire knows tells that itself.
fn runs(parts: Vec<Part>, role: Role) -> Vec<(Role, Vec<Part>)> {
    let mut runs: Vec<(Role, Vec<Part>)> = Vec::new();
    let settled = parts.into_iter().flat_map(|part| settle_part(part, role));
    for part in settled.filter(|part| role != Role::Assistant || !is_empty_text(part)) {
        let (role, alone) = match &part.body {
            Body::Native { value, .. } if is_item(&part) && is_callers(value) => (Role::User, true),
            Body::Native { .. } if is_item(&part) => (Role::Assistant, false),
            Body::ToolCall(_) | Body::Reasoning { .. } => (Role::Assistant, false),
            _ => (role, false),
        };
        let after_item = runs.last().and_then(|(_, parts)| parts.last()).is_some_and(is_item);
        match runs.last_mut() {
            Some((last, parts)) if *last == role && !alone && (role != Role::User || !after_item) => {
                parts.push(part);
            }
            _ => runs.push((role, vec![part])),
        }
    }
    runs
}

/// A part as it is after being written and read.
fn settle_part(mut part: Part, role: Role) -> Vec<Part> {
    if !matches!(part.body, Body::Reasoning { .. }) {
        part.signature = None;
    }
    part.cache = None;
    let item = item_fields(&part.vendor);
    match &mut part.body {
        Body::Text { .. } | Body::Refusal { .. } | Body::Media(_) => {
            content::settle(&mut part);
            let fields = part_fields(&part.vendor).cloned().unwrap_or_default();
            part.vendor = VendorData::default();
            let item = if role == Role::Assistant { without(item, layout::MESSAGE) } else { Object::new() };
            part = own(part, &item, fields);
        }
        Body::Reasoning { text, redacted } => {
            *redacted = false;
            let empty = text.is_empty();
            part.signature.take_if(|signature| signature.value.is_empty());
            let list = if layout::is_content(&part) && !empty { "content" } else { "summary" };
            keep(&mut part, item, layout::REASONING);
            part.vendor.set(ID, THINKING, list);
        }
        Body::ToolCall(call) => {
            let custom = is_type(&part.vendor, layout::CUSTOM_CALL_TYPE);
            if custom && custom_input(call).is_none() {
                call.arguments = custom_arguments(call.arguments.raw());
            }
            keep(&mut part, item, if custom { layout::CUSTOM_CALL } else { layout::CALL });
        }
        Body::ToolResult(result) => {
            let content = std::mem::take(&mut result.content);
            result.content = content.into_iter().filter_map(settle_result_part).collect();
            let custom = is_type(&part.vendor, layout::CUSTOM_RESULT_TYPE);
            keep(&mut part, item, if custom { layout::CUSTOM_RESULT } else { layout::RESULT });
        }
        Body::Native { .. } => return settle_native_part(part, item, role),
    }
    vec![part]
}

/// A part of a tool's result as it is after being written and read.
fn settle_result_part(mut part: Part) -> Option<Part> {
    if let Body::Native { value, .. } = part.body {
        return content::read_part(value, content::Side::Result, &Object::new());
    }
    content::settle(&mut part);
    let fields = part_fields(&part.vendor).cloned().unwrap_or_default();
    Some(own(
        Part { vendor: VendorData::default(), signature: None, cache: None, ..part },
        &Object::new(),
        fields,
    ))
}

fn keep(part: &mut Part, item: Object, said: &[&str]) {
    part.vendor = VendorData::default();
    part.vendor.merge(ID, without(item, said));
}

/// A native part whose item Consort has words for is read as what it is.
fn settle_native_part(part: Part, item: Object, role: Role) -> Vec<Part> {
    let within = !is_item(&part);
    let Body::Native { value, .. } = part.body else { return Vec::new() };
    if within {
        let side = if role == Role::Assistant { content::Side::Output } else { content::Side::Input };
        let item = if role == Role::Assistant { without(item, layout::MESSAGE) } else { Object::new() };
        return content::read_part(value, side, &item).into_iter().collect();
    }
    let is_answer = value["type"] == "message" && value["role"] == "assistant";
    if !value.is_object() || value.get("role").is_some() && !is_answer {
        return Vec::new();
    }
    if is_callers(&value) {
        return vec![read_items::native(value)];
    }
    read_item(value).into_iter().map(|piece| piece.part).collect()
}

/// The result of a call with free text says so too.
fn mark_custom_results(messages: &mut [Message]) {
    let mut calls: Vec<(String, bool)> = Vec::new();
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &part.body {
            Body::ToolCall(call) => {
                let custom = is_type(&part.vendor, layout::CUSTOM_CALL_TYPE);
                calls.push((call.id.clone(), custom));
            }
            Body::ToolResult(result) => match calls.iter().rev().find(|(id, _)| *id == result.call_id) {
                Some((_, true)) => part.vendor.set(ID, "type", layout::CUSTOM_RESULT_TYPE),
                Some((_, false)) => drop(part.vendor.remove(ID, "type")),
                None => {}
            },
            _ => {}
        }
    }
}

fn settle_tool(tool: &mut ToolSpec) {
    match tool {
        ToolSpec::Native { value, .. } => *tool = read_tool(std::mem::take(value)),
        ToolSpec::Function(function) => {
            function.cache = None;
            let Some(fields) = function.vendor.of(ID) else { return };
            let custom = is_custom_tool(function);
            let said: &[&str] = if custom {
                &["name", "description"]
            } else {
                &["type", "name", "description", "parameters", "strict"]
            };
            let mut fields = without(fields.clone(), said);
            fields.retain(|_, value| !value.is_null());
            function.vendor = VendorData::default();
            function.vendor.merge(ID, fields);
            if custom {
                function.parameters = custom_parameters();
                function.strict = None;
            }
        }
    }
}

/// The vendor wants a name for a schema, of few kinds of characters.
fn settle_output(output: &mut Output) {
    const LONGEST: usize = 64;
    let Output::Schema { name, .. } = output else { return };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() {
        name.push_str("answer");
    } else if name.len() > LONGEST || !name.chars().all(allowed) {
        *name = name.chars().take(LONGEST).map(|c| if allowed(c) { c } else { '_' }).collect();
    }
}
