//! Writes answers of any vendor, as lines or as one body, and errors.
use super::request;
use crate::in_order::InOrder;
use crate::{Encode, Reply, json};
use consort_core::{
    Accumulator, Body, Date, Delta, Error, Event, Finish, FinishReason, Media, Object, Part, PartKey,
    PartKind, Response, Usage,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Parts one after another: a reader of this format takes what it is told as one text and a list of calls.
#[derive(Debug)]
pub(super) struct OllamaEncode {
    order: InOrder,
    writer: Writer,
}

#[derive(Debug)]
struct Writer {
    model: String,
    created: String,
    usage: Option<Usage>,
    open: BTreeMap<PartKey, Open>,
}

/// A part of the first answer that is being written; the format has no others.
#[derive(Debug)]
enum Open {
    Text,
    Thinking,
    /// Everything else goes out whole.
    Other(Box<Accumulator>),
}

impl OllamaEncode {
    pub(super) fn new(reply: &Reply) -> Self {
        let writer = Writer {
            model: reply.model.clone(),
            created: timestamp(reply.created),
            usage: None,
            open: BTreeMap::new(),
        };
        Self { order: InOrder::default(), writer }
    }
}

impl Writer {
    fn line(&self, message: Object, rest: Object, done: bool, out: &mut Vec<u8>) {
        let mut line = head(&self.model, &self.created, message, done);
        line.extend(rest);
        out.extend_from_slice(Value::Object(line).to_string().as_bytes());
        out.push(b'\n');
    }

    fn delta(&mut self, key: PartKey, delta: &Delta, out: &mut Vec<u8>) {
        match (self.open.get_mut(&key), delta) {
            (Some(Open::Text), Delta::Text(text)) => self.line(message(text), Object::new(), false, out),
            (Some(Open::Thinking), Delta::Text(text)) => {
                let mut message = message("");
                message.insert("thinking".into(), json!(text));
                self.line(message, Object::new(), false, out);
            }
            (Some(Open::Other(fold)), delta) => {
                fold.push(Event::PartDelta { part: key, delta: delta.clone() });
            }
            _ => {}
        }
    }

    fn end(&mut self, key: PartKey, out: &mut Vec<u8>) {
        if let Some(Open::Other(fold)) = self.open.remove(&key) {
            let mut message = message("");
            let before = message.len();
            attach(&mut message, &fold.partial().parts);
            if message.len() > before {
                self.line(message, Object::new(), false, out);
            }
        }
    }

    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Started { model: Some(model), .. } => self.model.clone_from(model),
            Event::PartStart { part, choice: 0, kind } => {
                let open = match kind {
                    PartKind::Text | PartKind::Refusal => Open::Text,
                    PartKind::Reasoning { .. } => Open::Thinking,
                    kind => {
                        let mut fold = Box::<Accumulator>::default();
                        fold.push(Event::PartStart { part: *part, choice: 0, kind: kind.clone() });
                        Open::Other(fold)
                    }
                };
                self.open.insert(*part, open);
            }
            Event::PartDelta { part, delta } => self.delta(*part, delta, out),
            Event::PartEnd { part } => self.end(*part, out),
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Finished(finish) => {
                for key in self.open.keys().copied().collect::<Vec<_>>() {
                    self.end(key, out);
                }
                self.line(message(""), last(finish, self.usage.as_ref()), true, out);
            }
            Event::Started { .. }
            | Event::PartStart { .. }
            | Event::BadArguments { .. }
            | Event::Warning(_)
            | Event::Attempt(_)
            | Event::Native { .. } => {}
        }
    }
}

impl Encode for OllamaEncode {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        let writer = &mut self.writer;
        self.order.push(event, &mut |event| writer.event(event, out));
    }

    fn error(&mut self, failure: &Error, out: &mut Vec<u8>) {
        out.extend_from_slice(error(failure).1.to_string().as_bytes());
        out.push(b'\n');
    }
}

/// A whole answer as one body.
pub(super) fn response(response: &Response, reply: &Reply) -> Value {
    let said = response.parts.iter().filter_map(|part| match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } => Some(text.as_str()),
        _ => None,
    });
    let mut message = message(&said.collect::<String>());
    let thinking = response.reasoning();
    json::set(&mut message, "thinking", (!thinking.is_empty()).then_some(thinking));
    attach(&mut message, &response.parts);
    let model = response.resolved_model.as_deref().unwrap_or(&reply.model);
    let mut body = head(model, &timestamp(reply.created), message, true);
    body.extend(last(&response.finish, response.usage.as_ref()));
    Value::Object(body)
}

pub(super) fn error(error: &Error) -> (u16, Value) {
    (error.kind().http_status(), json!({"error": error.message()}))
}

/// Calls and images.
fn attach(message: &mut Object, parts: &[Part]) {
    let calls: Vec<Value> = parts.iter().filter_map(|part| request::call(part, true)).collect();
    if !calls.is_empty() {
        message.insert("tool_calls".into(), Value::Array(calls));
    }
    let images: Vec<Value> = parts
        .iter()
        .filter_map(|part| match &part.body {
            Body::Media(media) if media.family() == "image" => Media::base64(media).map(Value::from),
            _ => None,
        })
        .collect();
    if !images.is_empty() {
        message.insert("images".into(), Value::Array(images));
    }
}

fn message(text: &str) -> Object {
    Object::from_iter([("role".to_owned(), json!("assistant")), ("content".to_owned(), json!(text))])
}

fn head(model: &str, created: &str, message: Object, done: bool) -> Object {
    Object::from_iter([
        ("model".to_owned(), json!(model)),
        ("created_at".to_owned(), json!(created)),
        ("message".to_owned(), Value::Object(message)),
        ("done".to_owned(), json!(done)),
    ])
}

/// Why it ended, and the counts: the vendor's own, or any vendor's in its words.
fn last(finish: &Finish, usage: Option<&Usage>) -> Object {
    const OWN: [&str; 4] = ["stop", "length", "load", "unload"];
    let own = finish.vendor_reason.as_deref().filter(|word| OWN.contains(word));
    // It has no word for a filter; another vendor's word is better than that all went well.
    let word = own.unwrap_or(match finish.reason {
        FinishReason::Length => "length",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::Other => finish.vendor_reason.as_deref().unwrap_or("stop"),
        _ => "stop",
    });
    let mut rest = Object::from_iter([("done_reason".to_owned(), json!(word))]);
    let Some(usage) = usage else { return rest };
    match usage.vendor.as_deref().and_then(Value::as_object) {
        Some(own) if own.contains_key("eval_count") || own.contains_key("eval_duration") => {
            rest.extend(own.clone());
        }
        _ => {
            json::set(&mut rest, "prompt_eval_count", usage.all_input());
            json::set(&mut rest, "eval_count", usage.all_output());
        }
    }
    rest
}

/// Seconds since 1970 as `2026-08-05T08:11:04Z`.
fn timestamp(seconds: u64) -> String {
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", Date::of_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn timestamps_are_dates() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_785_917_464, "2026-08-05T08:11:04Z"),
        ] {
            assert_eq!(timestamp(seconds), date);
        }
    }
}
