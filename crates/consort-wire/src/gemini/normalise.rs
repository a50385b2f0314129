//! What Gemini carries of a request, after the rules that all wires share.
use super::{CARRIES, Gemini, ID, config, keys, part, path, read_request, tools};
use crate::{Normalised, Quirks, pairing};
use consort_core::{
    Arguments, Body, Effort, Media, MediaSource, Message, Part, Request, Role, ToolResult, VendorData,
    Warning,
};
use serde_json::Value;

pub(super) fn normalise(wire: &Gemini, request: &Request, quirks: &Quirks) -> Normalised {
    let mut request = request.clone();
    let has_options = !request.options.is_empty();
    lift_native(&mut request);
    let mut done = CARRIES.apply(wire, &request, quirks);
    if has_options {
        // Options that stand in the vendor's part of the body may be ones that Consort has words for.
        lift_native(&mut done.request);
        let again = CARRIES.apply(wire, &done.request, quirks);
        done.request = again.request;
        done.warnings.extend(again.warnings);
    }
    let mut work = Work { warnings: done.warnings };
    let mut request = done.request;
    request.model = path::bare(&request.model).to_owned();
    request.instructions.iter_mut().for_each(beside);
    request.messages.iter_mut().for_each(|message| work.message(message));
    drop_empty(&mut request.messages);
    pairing::identify(&mut request.messages);
    work.tools(&mut request);
    work.reasoning(&mut request);
    Normalised { request, warnings: work.warnings }
}

/// What vendor data says in words that Consort has too is read like a body: it wins.
fn lift_native(request: &mut Request) {
    if let Some(mut native) = request.native.of(ID).cloned() {
        keys::clean(&mut native);
        config::read(&mut native, request);
        request.native = VendorData::default();
        request.native.merge(ID, native);
    }
}

struct Work {
    warnings: Vec<Warning>,
}

impl Work {
    fn warn(&mut self, code: &str, message: &str) {
        let warning = Warning::new(code, message);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn message(&mut self, message: &mut Message) {
        tidy_message(message);
        let parts = std::mem::take(&mut message.parts);
        message.parts = parts.into_iter().filter_map(|part| self.part(part)).collect();
    }

    fn part(&mut self, mut part: Part) -> Option<Part> {
        match &mut part.body {
            Body::Reasoning { text, redacted } => {
                *redacted = false;
                // Hidden thinking of another vendor.
                if text.is_empty() && part.signature.is_none() {
                    return None;
                }
            }
            Body::ToolCall(call) if !matches!(call.arguments.value(), Ok(Value::Object(_))) => {
                self.warn("changed", "arguments that are not a JSON object are sent inside one");
                call.arguments = Arguments::from(Value::Object(part::arguments(&call.arguments)));
            }
            Body::ToolResult(told) => result(told),
            Body::Media(media) => settle(media),
            _ => {}
        }
        beside(&mut part);
        if matches!(part.body, Body::Native { .. }) && !reads_back(&part) {
            self.warn("dropped", "an item of this vendor's own is not one that it would understand");
            return None;
        }
        Some(part)
    }

    fn tools(&mut self, request: &mut Request) {
        let (functions, own) = request.tools.drain(..).partition::<Vec<_>, _>(tools::is_function);
        let before = own.len();
        request.tools = functions.into_iter().chain(own).collect();
        request.tools.retain_mut(tools::normalise);
        let kept = request.tools.iter().filter(|tool| !tools::is_function(tool)).count();
        if kept != before {
            self.warn("dropped", "a tool of this vendor's own is not one that it would understand");
        }
    }

    /// The second generation takes budgets, later ones take levels; none takes both.
    fn reasoning(&mut self, request: &mut Request) {
        let second = request.model.contains("gemini-2");
        let pro = request.model.contains("-pro");
        let reasoning = &mut request.reasoning;
        let Some(effort) = reasoning.effort else { return };
        if reasoning.budget_tokens.is_some() {
            self.warn("dropped", "the thinking budget is sent; how hard to think is left out");
            request.reasoning.effort = None;
            return;
        }
        if second {
            reasoning.effort = None;
            reasoning.budget_tokens = Some(match effort {
                Effort::None if pro => 128,
                Effort::None => 0,
                Effort::Minimal | Effort::Low => 1024,
                Effort::Medium => 8192,
                Effort::High | Effort::XHigh | Effort::Max => 24_576,
            });
            return;
        }
        let level = match effort {
            Effort::None => Effort::Minimal,
            Effort::XHigh | Effort::Max => Effort::High,
            level => level,
        };
        if level != effort {
            self.warn("changed", "how hard to think is brought to the nearest level of this vendor");
            request.reasoning.effort = Some(level);
        }
    }
}

/// One text, then everything else.
fn result(result: &mut ToolResult) {
    let content = std::mem::take(&mut result.content);
    let (texts, others): (Vec<Part>, Vec<Part>) =
        content.into_iter().partition(|part| part.as_text().is_some());
    let texts: Vec<&str> = texts.iter().filter_map(Part::as_text).collect();
    if !texts.is_empty() {
        result.content.push(Part::text(texts.join("\n")));
    }
    for mut part in others {
        if let Body::Media(media) = &mut part.body {
            settle(media);
        }
        beside(&mut part);
        if reads_back(&hollow(&part)) {
            result.content.push(part);
        }
    }
}

/// Vendor data beside a part: spelled as it would be read, and nothing that would change the part.
fn beside(part: &mut Part) {
    let Some(mut told) = part.vendor.of(ID).cloned() else {
        part.vendor = VendorData::default();
        return;
    };
    keys::clean(&mut told);
    told.retain(|key, _| !part::OF_ANSWER.contains(&key.as_str()));
    part.vendor = VendorData::default();
    part.vendor.merge(ID, told);
    if !part.vendor.is_empty() && !matches!(part.body, Body::Native { .. }) && !reads_back(&hollow(part)) {
        part.vendor = VendorData::default();
    }
}

/// Drops messages without parts, and joins what then stands beside each other.
fn drop_empty(messages: &mut Vec<Message>) {
    messages.retain(|message| !message.parts.is_empty());
    messages.dedup_by(|next, last| {
        let joins = last.role == next.role && last.vendor == next.vendor;
        if joins {
            last.parts.append(&mut next.parts);
        }
        joins
    });
}

/// A message's vendor data: not what the message itself says. A role that nobody knows stays the user's.
fn tidy_message(message: &mut Message) {
    let Some(mut beside) = message.vendor.of(ID).cloned() else {
        message.vendor = VendorData::default();
        return;
    };
    keys::clean(&mut beside);
    beside.shift_remove("parts");
    let role = beside.get("role").and_then(Value::as_str);
    if message.role != Role::User || role.is_none_or(read_request::is_known_role) {
        beside.shift_remove("role");
    }
    message.vendor = VendorData::default();
    message.vendor.merge(ID, beside);
}

/// The vendor's own files are known by their address.
fn settle(media: &mut Media) {
    let uri = match &media.source {
        MediaSource::Url(uri) | MediaSource::File { id: uri, .. } => uri.clone(),
        MediaSource::Bytes(_) | MediaSource::Path(_) => return,
    };
    media.source = part::source(uri);
}

/// The part without its payload, which costs too much to write only to look at it.
fn hollow(part: &Part) -> Part {
    let mut hollow = part.clone();
    if let Body::Media(media) = &mut hollow.body
        && let MediaSource::Bytes(_) | MediaSource::Path(_) = media.source
    {
        media.source = MediaSource::Bytes(bytes::Bytes::new());
    }
    if let Body::ToolResult(result) = &mut hollow.body {
        result.content.clear();
    }
    hollow
}

fn reads_back(part: &Part) -> bool {
    part::write(part, true).and_then(|object| part::read(Value::Object(object))).as_ref() == Some(part)
}
