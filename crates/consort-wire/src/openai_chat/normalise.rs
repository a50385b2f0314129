//! What Chat Completions cannot carry.
use super::ID;
use crate::Wire;
use crate::normalise::{Carries, Normalised, Thinking};
use crate::quirks::{Quirks, ReasoningRequest};
use consort_core::{
    Body, Effort, MediaSource, Message, Modality, Object, Output, Part, Request, Role, Warning,
};
use serde_json::Value;

const CARRIES: Carries = Carries {
    wire: ID,
    result_names: false,
    result_errors: false,
    urls: &[Modality::Image, Modality::Video],
    citations: false,
    result_media: &[],
    budget: false,
    show_thinking: false,
    empty_text: false,
    ..Carries::ALL
};

pub(super) fn normalise(wire: &dyn Wire, request: &Request, quirks: &Quirks) -> Normalised {
    let mut carries = CARRIES;
    if quirks.reasoning_field.is_empty() {
        carries.thinking = Thinking::No;
    }
    if quirks.reasoning_request == ReasoningRequest::Object {
        carries.budget = true;
    }
    let shown;
    let request = if quirks.tool_result_images {
        carries.result_media = &Modality::ALL;
        request
    } else {
        shown = show_result_media(request);
        shown.as_ref().unwrap_or(request)
    };
    let mut normalised = carries.apply(wire, request, quirks);
    let request = &mut normalised.request;
    if let Output::Schema { name, .. } = &mut request.output
        && name.is_empty()
    {
        "answer".clone_into(name);
    }
    hoist_instructions(request);
    for message in &mut request.messages {
        message.parts.iter_mut().for_each(tidy_part);
        if message.role == Role::Assistant {
            order_assistant(message, quirks);
        }
    }
    request.messages.retain(|message| !message.parts.is_empty());
    if quirks.reasoning_request == ReasoningRequest::Thinking
        && let Some(effort) = &mut request.reasoning.effort
        && !matches!(effort, Effort::None | Effort::Medium)
    {
        *effort = Effort::Medium;
        let message = "this vendor can only be told whether to think, not how much";
        normalised.warnings.push(Warning::new("changed", message));
    }
    normalised
}

/// Tool results hold only text in this format: what they show is moved to a user message behind them.
fn show_result_media(request: &Request) -> Option<Request> {
    let is_media = |part: &Part| matches!(part.body, Body::Media(_));
    let has_media = |part: &Part| match &part.body {
        Body::ToolResult(result) => result.content.iter().any(is_media),
        _ => false,
    };
    if !request.messages.iter().any(|message| message.parts.iter().any(has_media)) {
        return None;
    }
    let mut changed = request.clone();
    changed.messages = Vec::new();
    for message in &request.messages {
        let mut message = message.clone();
        let mut shown = Vec::new();
        for part in &mut message.parts {
            let Body::ToolResult(result) = &mut part.body else { continue };
            let (media, rest): (Vec<Part>, Vec<Part>) = result.content.drain(..).partition(is_media);
            result.content = rest;
            if media.is_empty() {
                continue;
            }
            if result.content.is_empty() {
                result.content.push(Part::text("[shown below]"));
            }
            shown.push(Part::text(format!("[result of the tool call {}]", result.call_id)));
            shown.extend(media);
        }
        changed.messages.push(message);
        if !shown.is_empty() {
            changed.messages.push(Message::new(Role::User, shown));
        }
    }
    Some(changed)
}

/// System messages at the start are the instructions.
fn hoist_instructions(request: &mut Request) {
    let plain = |message: &&Message| {
        message.role == Role::System && message.name.is_none() && message.vendor.is_empty()
    };
    let leading = request.messages.iter().take_while(plain).count();
    for message in request.messages.drain(..leading) {
        request.instructions.extend(message.parts);
    }
}

/// What the format does not say of media.
fn tidy_part(part: &mut Part) {
    part.signature = None;
    match &mut part.body {
        Body::Media(media) => {
            let modality = Modality::of_mime(&media.mime);
            match &media.source {
                MediaSource::File { .. } => {
                    media.mime.clear();
                    media.name = None;
                }
                MediaSource::Url(_) => {
                    media.name = None;
                    let mime = if modality == Modality::Video { "video/*" } else { "image/*" };
                    mime.clone_into(&mut media.mime);
                }
                MediaSource::Bytes(_) | MediaSource::Path(_) => match modality {
                    Modality::Image | Modality::Video => media.name = None,
                    Modality::Audio => {
                        media.name = None;
                        media.mime = audio_mime(audio_format(&media.mime));
                    }
                    Modality::Pdf | Modality::Text | Modality::File => {
                        let end =
                            media.mime.rsplit('/').next().filter(|end| !end.is_empty()).unwrap_or("bin");
                        let name = format!("document.{end}");
                        media.name.get_or_insert(name);
                    }
                },
            }
        }
        Body::ToolResult(result) => result.content.iter_mut().for_each(tidy_part),
        _ => {}
    }
}

/// The format's word for a sort of sound.
pub(super) fn audio_format(mime: &str) -> &str {
    match mime.split('/').next_back().unwrap_or_default() {
        "mpeg" | "mp3" => "mp3",
        "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
        "x-flac" => "flac",
        "x-m4a" | "m4a" | "mp4" => "m4a",
        other => other,
    }
}

pub(super) fn audio_mime(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        "m4a" => "audio/mp4".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// An assistant's message has one place for thinking, then content, a refusal, and calls.
fn order_assistant(message: &mut Message, quirks: &Quirks) {
    let (mut thinking, mut function_call): (Option<Part>, Option<Part>) = (None, None);
    let (mut content, mut refusal, mut calls): (Vec<Part>, Option<Part>, Vec<Part>) = Default::default();
    for part in message.parts.drain(..) {
        match &part.body {
            Body::Reasoning { .. } => merge_thinking(&mut thinking, part, quirks),
            Body::Refusal { text } => match &mut refusal {
                Some(Part { body: Body::Refusal { text: whole }, .. }) => whole.push_str(text),
                _ => refusal = Some(Body::Refusal { text: text.clone() }.into()),
            },
            Body::ToolCall(_) => calls.push(part),
            Body::Native { kind, .. } if kind == "function_call" => function_call = Some(part),
            _ => content.push(part),
        }
    }
    // Nothing to show and nothing to carry back: no thinking.
    let thinking = thinking.filter(|part| {
        let empty = matches!(&part.body, Body::Reasoning { text, .. } if text.is_empty());
        !empty || part.vendor.get(ID, "details").is_some()
    });
    let refusal = refusal.filter(|part| !matches!(&part.body, Body::Refusal { text } if text.is_empty()));
    message
        .parts
        .extend(thinking.into_iter().chain(content).chain(refusal).chain(calls).chain(function_call));
}

fn merge_thinking(whole: &mut Option<Part>, part: Part, quirks: &Quirks) {
    let Body::Reasoning { text, .. } = &part.body else { return };
    let Some(Part { body: Body::Reasoning { text: so_far, .. }, vendor, .. }) = whole else {
        let mut first: Part = Part::reasoning(text.clone());
        let field = part.vendor.text(ID, "field").unwrap_or(&quirks.reasoning_field);
        let mut kept = Object::new();
        if field != super::request::USUAL_REASONING_FIELD {
            kept.insert("field".into(), field.into());
        }
        if let Some(details) = part.vendor.get(ID, "details") {
            kept.insert("details".into(), details.clone());
        }
        first.vendor.merge(ID, kept);
        *whole = Some(first);
        return;
    };
    so_far.push_str(text);
    if let Some(Value::Array(more)) = part.vendor.get(ID, "details") {
        let mut details = match vendor.get(ID, "details") {
            Some(Value::Array(details)) => details.clone(),
            _ => Vec::new(),
        };
        details.extend(more.iter().cloned());
        vendor.set(ID, "details", details);
    }
}
