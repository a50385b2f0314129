//! What Ollama carries of a request, after the rules that all wires share.
use super::{CARRIES, ID, Ollama, options, read_request, request};
use crate::normalise::drop_empty;
use crate::{Normalised, Quirks, pairing};
use consort_core::{
    Arguments, Body, Effort, MediaSource, Message, Object, Part, Request, Role, ToolChoice, ToolSpec,
    VendorData, Warning,
};
use serde_json::Value;

pub(super) fn normalise(wire: &Ollama, request: &Request, quirks: &Quirks) -> Normalised {
    let mut request = request.clone();
    let has_options = !request.options.is_empty();
    lift_native(&mut request);
    choose(&mut request);
    let mut done = CARRIES.apply(wire, &request, quirks);
    if has_options {
        // Options that stand in the vendor's part of the body may be ones that Consort has words for.
        lift_native(&mut done.request);
        let again = CARRIES.apply(wire, &done.request, quirks);
        done.request = again.request;
        done.warnings.extend(again.warnings);
    }
    let Normalised { mut request, mut warnings } = done;
    let warn = |warnings: &mut Vec<Warning>, message: &str| {
        let warning = Warning::new("changed", message);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    };
    for message in &mut request.messages {
        if message_as_carried(message) {
            warn(&mut warnings, "arguments that are not a JSON object are sent inside one");
        }
    }
    drop_empty(&mut request.messages);
    lead_with_instructions(&mut request);
    pairing::identify(&mut request.messages);
    request.instructions.iter_mut().for_each(|part| {
        keep_beside(&mut part.vendor, &["role", "content"]);
    });
    request.tools.retain_mut(tool_as_carried);
    if reasoning(&mut request) {
        warn(&mut warnings, "how hard to think is brought to the nearest level of this vendor");
    }
    Normalised { request, warnings }
}

/// What vendor data says in words that Consort has too is read like a body: it wins.
fn lift_native(request: &mut Request) {
    if let Some(mut native) = request.native.of(ID).cloned() {
        native.retain(|_, value| !value.is_null());
        options::read(&mut native, request);
        request.native = VendorData::default();
        request.native.merge(ID, native);
    }
}

/// Choosing is not known here: the default needs no word, and no tool is asked for where none is offered.
fn choose(request: &mut Request) {
    match request.tool_choice {
        ToolChoice::Auto => request.tool_choice = ToolChoice::Unset,
        ToolChoice::None => {
            request.tool_choice = ToolChoice::Unset;
            request.tools.clear();
        }
        _ => {}
    }
}

/// System messages at the start are the instructions.
fn lead_with_instructions(request: &mut Request) {
    let leading = request.messages.iter().take_while(|message| message.role == Role::System).count();
    for message in request.messages.drain(..leading) {
        let beside = message.vendor;
        request
            .instructions
            .extend(message.parts.into_iter().map(|part| Part { vendor: beside.clone(), ..part }));
    }
}

/// Thinking, text, images, calls: one text each. True when arguments had to be changed.
fn message_as_carried(message: &mut Message) -> bool {
    let mut changed = false;
    keep_beside(&mut message.vendor, &["role", "content", "thinking", "images", "tool_calls"]);
    let (mut thinking, mut texts) = (String::new(), Vec::new());
    let (mut images, mut calls) = (Vec::new(), Vec::new());
    for mut part in std::mem::take(&mut message.parts) {
        part.signature = None;
        match &mut part.body {
            Body::Text { text, .. } => texts.push(std::mem::take(text)),
            Body::Reasoning { text, .. } => thinking.push_str(text),
            Body::Media(media) => {
                if let MediaSource::Bytes(bytes) = &media.source {
                    media.mime = read_request::sniff(bytes).to_owned();
                }
                part.vendor = VendorData::default();
                images.push(part);
            }
            Body::ToolCall(call) => {
                if !matches!(call.arguments.value(), Ok(Value::Object(_))) {
                    call.arguments = Arguments::from(request::arguments(&call.arguments));
                    changed = true;
                }
                keep_call(&mut part);
                calls.push(part);
            }
            Body::ToolResult(result) => {
                // The word that says so belongs to the text of the error.
                let between =
                    if result.content.first().and_then(Part::as_text) == Some("Error: ") { "" } else { "\n" };
                let texts: Vec<&str> = result.content.iter().filter_map(Part::as_text).collect();
                let text = texts.join(between);
                result.content = if text.is_empty() { Vec::new() } else { vec![Part::text(text)] };
                keep_beside(&mut part.vendor, &["role", "content", "tool_name", "tool_call_id"]);
                calls.push(part);
            }
            Body::Refusal { .. } | Body::Native { .. } => {}
        }
    }
    // Pieces of an answer belong together; what people say in pieces does not.
    let text = texts.join(if message.role == Role::Assistant { "" } else { "\n" });
    if !thinking.is_empty() {
        message.parts.push(Part::reasoning(thinking));
    }
    if !text.is_empty() {
        message.parts.push(Part::text(text));
    }
    message.parts.extend(images);
    message.parts.extend(calls);
    changed
}

/// A call's vendor data: all but what the call itself says.
fn keep_call(part: &mut Part) {
    if request::call(part, true).and_then(read_request::read_call).as_ref() != Some(part) {
        part.vendor = VendorData::default();
    }
}

fn keep_beside(vendor: &mut VendorData, own: &[&str]) {
    let beside: Object = vendor
        .of(ID)
        .into_iter()
        .flatten()
        .filter(|(key, value)| !own.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    *vendor = VendorData::default();
    vendor.merge(ID, beside);
}

fn tool_as_carried(tool: &mut ToolSpec) -> bool {
    match tool {
        ToolSpec::Function(function) => {
            if function.parameters.is_null() {
                function.parameters = read_request::no_parameters();
            }
            if read_request::tool(request::write_function(function))
                != Some(ToolSpec::Function(function.clone()))
            {
                function.vendor = VendorData::default();
            }
            true
        }
        ToolSpec::Native { value, .. } => {
            value.as_object().is_some_and(|value| !value.get("function").is_some_and(Value::is_object))
        }
    }
}

/// Off, on, or one of three levels. True when the level had to be changed.
fn reasoning(request: &mut Request) -> bool {
    let reasoning = &mut request.reasoning;
    if reasoning.effort.is_some() || reasoning.show == Some(false) {
        reasoning.show = None;
    }
    let level = reasoning.effort.map(|effort| match effort {
        Effort::Minimal => Effort::Low,
        Effort::XHigh | Effort::Max => Effort::High,
        level => level,
    });
    let changed = level != reasoning.effort;
    reasoning.effort = level;
    changed
}
