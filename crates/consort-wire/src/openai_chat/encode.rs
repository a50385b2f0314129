//! Writes events as Chat Completions chunks, and whole answers as its single body.
use super::ID;
use crate::json::{merge, set};
use crate::{Encode, Reply};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{
    Body, Citation, Delta, Error, ErrorKind, Event, Finish, FinishReason, MediaSource, Object, Part, PartKey,
    PartKind, Response, Usage,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Writes the stream.
pub(super) struct Chunks {
    reply: Reply,
    parts: Vec<Open>,
    /// How many tool calls each choice has so far. A vendor may number its choices as it likes.
    calls: BTreeMap<u32, u32>,
    usage: Option<Usage>,
    greeted: Vec<u32>,
    /// The choices in which the model said that it declines.
    refused: Vec<u32>,
}

/// A part whose deltas are written.
struct Open {
    key: PartKey,
    choice: u32,
    kind: PartKind,
    /// The number of a tool call within its choice.
    call: u32,
    /// The payload of a media part, which is written whole.
    media: Vec<u8>,
}

impl Chunks {
    pub(super) fn new(reply: &Reply) -> Self {
        Self {
            reply: reply.clone(),
            parts: Vec::new(),
            calls: BTreeMap::new(),
            usage: None,
            greeted: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn write(&self, choices: &Value, usage: Option<Value>, out: &mut Vec<u8>) {
        let mut chunk = head(&self.reply, "chat.completion.chunk");
        chunk.insert("choices".into(), choices.clone());
        if self.reply.stream_usage {
            chunk.insert("usage".into(), usage.unwrap_or_default());
        }
        data(&Value::Object(chunk), out);
    }

    fn delta(&mut self, choice: u32, delta: Value, out: &mut Vec<u8>) {
        let mut delta = match delta {
            Value::Object(delta) => delta,
            _ => Object::new(),
        };
        if !self.greeted.contains(&choice) {
            self.greeted.push(choice);
            delta.insert("role".into(), json!("assistant"));
        }
        self.write(&json!([{"index": choice, "delta": delta, "finish_reason": null}]), None, out);
    }

    fn part(&mut self, key: PartKey, delta: &Delta, out: &mut Vec<u8>) {
        let Some(open) = self.parts.iter_mut().rev().find(|open| open.key == key) else { return };
        let (choice, call) = (open.choice, open.call);
        let written = match (&open.kind, delta) {
            (PartKind::Text, Delta::Text(text)) => json!({"content": text}),
            (PartKind::Refusal, Delta::Text(text)) => json!({"refusal": text}),
            (PartKind::Reasoning { .. }, Delta::Text(text)) => json!({"reasoning_content": text}),
            (PartKind::Reasoning { .. }, Delta::Vendor { wire, data }) if wire == ID => {
                match data.get("details") {
                    Some(details) => json!({"reasoning_details": details}),
                    None => return,
                }
            }
            (PartKind::Text, Delta::Citation(citation)) => json!({"annotations": [annotation(citation)]}),
            (PartKind::ToolCall { .. }, Delta::Arguments(piece)) => {
                json!({"tool_calls": [{"index": call, "function": {"arguments": piece}}]})
            }
            (PartKind::ToolCall { .. }, Delta::Vendor { wire, data }) if wire == ID => {
                let mut written = data.clone();
                written.insert("index".into(), json!(call));
                json!({"tool_calls": [written]})
            }
            (PartKind::Media { .. }, Delta::Media(bytes)) => {
                open.media.extend_from_slice(bytes);
                return;
            }
            // Its id and its words.
            (PartKind::Media { .. }, Delta::Vendor { wire, data }) if wire == ID => match data.get("audio") {
                Some(told) => json!({"audio": told}),
                None => return,
            },
            (PartKind::Media { .. }, Delta::Url(url)) => json!({"images": [image(url)]}),
            _ => return,
        };
        self.delta(choice, written, out);
    }

    fn end_part(&mut self, key: PartKey, out: &mut Vec<u8>) {
        let Some(at) = self.parts.iter().position(|open| open.key == key) else { return };
        let open = self.parts.swap_remove(at);
        if let PartKind::Media { mime } = &open.kind
            && !open.media.is_empty()
        {
            self.delta(open.choice, media(mime, &open.media), out);
        }
    }

    fn finish(&mut self, finish: &Finish, out: &mut Vec<u8>) {
        let refused = std::mem::take(&mut self.refused);
        let last = |choice: u32, reason: FinishReason, word: Option<&str>| {
            let word = finish_word(reason, word, refused.contains(&choice));
            json!([{"index": choice, "delta": {}, "finish_reason": word}])
        };
        if self.greeted.is_empty() {
            self.delta(0, json!({"content": ""}), out);
        }
        self.write(&last(0, finish.reason, finish.vendor_reason.as_deref()), None, out);
        for other in &finish.others {
            self.write(&last(other.choice, other.reason, other.vendor_reason.as_deref()), None, out);
        }
        if self.reply.stream_usage {
            let usage = self.usage.as_ref().map(usage);
            self.write(&json!([]), usage, out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

impl Encode for Chunks {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Started { model, response_id } => {
                adopt(&mut self.reply, model.as_ref(), response_id.as_ref());
            }
            Event::PartStart { part, choice, kind } => {
                let mut call = 0;
                if let PartKind::ToolCall { id, name } = kind {
                    let calls = self.calls.entry(*choice).or_default();
                    call = *calls;
                    *calls += 1;
                    let function = json!({"name": name, "arguments": ""});
                    let start = json!({"tool_calls": [{"index": call, "id": id, "type": "function", "function": function}]});
                    self.delta(*choice, start, out);
                }
                if matches!(kind, PartKind::Refusal) {
                    self.refused.push(*choice);
                }
                self.parts.push(Open {
                    key: *part,
                    choice: *choice,
                    kind: kind.clone(),
                    call,
                    media: Vec::new(),
                });
            }
            Event::PartDelta { part, delta } => self.part(*part, delta, out),
            Event::PartEnd { part } => self.end_part(*part, out),
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Finished(finish) => self.finish(finish, out),
            Event::BadArguments { .. } | Event::Warning(_) | Event::Attempt(_) | Event::Native { .. } => {}
        }
    }

    fn error(&mut self, error: &Error, out: &mut Vec<u8>) {
        data(&error_body(error), out);
    }
}

/// The whole answer as one body.
pub(super) fn whole(response: &Response, reply: &Reply) -> Value {
    let mut reply = reply.clone();
    adopt(&mut reply, response.resolved_model.as_ref(), response.response_id.as_ref());
    let mut body = head(&reply, "chat.completion");
    let finish = &response.finish;
    let first = choice(0, &response.parts, finish.reason, finish.vendor_reason.as_deref());
    let others = response
        .others
        .iter()
        .map(|other| choice(other.index, &other.parts, other.reason, other.vendor_reason.as_deref()));
    body.insert("choices".into(), std::iter::once(first).chain(others).collect());
    set(&mut body, "usage", response.usage.as_ref().map(usage));
    body.into()
}

fn choice(index: u32, parts: &[Part], reason: FinishReason, word: Option<&str>) -> Value {
    let (mut text, mut thinking, mut refusal) = (None::<String>, None::<String>, None::<String>);
    let (mut calls, mut notes, mut images) = (Vec::new(), Vec::new(), Vec::new());
    let mut message = Object::new();
    message.insert("role".into(), json!("assistant"));
    message.insert("content".into(), Value::Null);
    for part in parts {
        match &part.body {
            Body::Text { text: piece, citations } => {
                text.get_or_insert_default().push_str(piece);
                notes.extend(citations.iter().map(annotation));
            }
            Body::Reasoning { text: piece, .. } => {
                thinking.get_or_insert_default().push_str(piece);
                if let Some(details) = part.vendor.get(ID, "details") {
                    message.insert("reasoning_details".into(), details.clone());
                }
            }
            Body::Refusal { text: piece } => refusal.get_or_insert_default().push_str(piece),
            Body::ToolCall(call) => {
                let function = json!({"name": call.name, "arguments": call.arguments.raw()});
                let mut written = Object::from_iter([
                    ("id".to_owned(), json!(call.id)),
                    ("type".to_owned(), json!("function")),
                    ("function".to_owned(), function),
                ]);
                if let Some(extra) = part.vendor.of(ID) {
                    merge(&mut written, extra);
                }
                calls.push(Value::Object(written));
            }
            Body::Media(media) => match &media.source {
                MediaSource::Url(url) => images.push(image(url)),
                MediaSource::Bytes(bytes) => {
                    if let Some(told @ Value::Object(_)) = part.vendor.get(ID, "audio") {
                        merge(&mut message, &Object::from_iter([("audio".to_owned(), told.clone())]));
                    }
                    if let Value::Object(mut written) = self::media(&media.mime, bytes) {
                        match written.shift_remove("images") {
                            Some(Value::Array(more)) => images.extend(more),
                            _ => merge(&mut message, &written),
                        }
                    }
                }
                MediaSource::Path(_) | MediaSource::File { .. } => {}
            },
            Body::ToolResult(_) | Body::Native { .. } => {}
        }
    }
    let word = finish_word(reason, word, refusal.is_some());
    set(&mut message, "content", text);
    set(&mut message, "reasoning_content", thinking.filter(|text| !text.is_empty()));
    message.insert("refusal".into(), refusal.map_or(Value::Null, Value::String));
    for (key, list) in [("annotations", notes), ("images", images), ("tool_calls", calls)] {
        if !list.is_empty() {
            message.insert(key.into(), list.into());
        }
    }
    json!({"index": index, "message": message, "logprobs": null, "finish_reason": word})
}

/// What the answer calls itself goes before what the server would.
fn adopt(reply: &mut Reply, model: Option<&String>, id: Option<&String>) {
    if let Some(model) = model {
        reply.model.clone_from(model);
    }
    if let Some(id) = id {
        reply.id.clone_from(id);
    }
}

fn head(reply: &Reply, object: &str) -> Object {
    Object::from_iter([
        ("id".to_owned(), json!(reply.id)),
        ("object".to_owned(), json!(object)),
        ("created".to_owned(), json!(reply.created)),
        ("model".to_owned(), json!(reply.model)),
    ])
}

fn data(value: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(value.to_string().as_bytes());
    out.extend_from_slice(b"\n\n");
}

fn annotation(citation: &Citation) -> Value {
    if let Some(own) = citation.vendor.of(ID) {
        return Value::Object(own.clone());
    }
    let mut inner = Object::new();
    inner.insert("url".into(), json!(citation.url.as_deref().unwrap_or_default()));
    inner.insert("title".into(), json!(citation.title.as_deref().unwrap_or_default()));
    inner.insert("start_index".into(), json!(citation.start.unwrap_or_default()));
    inner.insert("end_index".into(), json!(citation.end.unwrap_or_default()));
    set(&mut inner, "content", citation.quote.clone());
    json!({"type": "url_citation", "url_citation": inner})
}

fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn media(mime: &str, bytes: &[u8]) -> Value {
    let payload = STANDARD.encode(bytes);
    if mime.starts_with("audio/") {
        return json!({"audio": {"data": payload}});
    }
    json!({"images": [image(&format!("data:{mime};base64,{payload}"))]})
}

/// The word this format has for an end. A word of its own is kept. A model that declines says so in its message;
/// where it did not, the answer was withheld.
fn finish_word(reason: FinishReason, word: Option<&str>, refused: bool) -> &str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Refusal if refused => "stop",
        FinishReason::Refusal => "content_filter",
        FinishReason::Length => "length",
        FinishReason::ToolCalls if word == Some("stop") => "stop",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Pause | FinishReason::Other => word.filter(|word| !word.is_empty()).unwrap_or("stop"),
    }
}

/// The numbers as this format counts them: input with what was cached, output with what was thought.
fn usage(usage: &Usage) -> Value {
    let input = usage.all_input().unwrap_or(0);
    let output = usage.all_output().unwrap_or(0);
    let mut body = json!({
        "prompt_tokens": input,
        "completion_tokens": output,
        "total_tokens": usage.total.unwrap_or(input.saturating_add(output)),
    });
    let mut details = Object::new();
    set(&mut details, "cached_tokens", usage.cached);
    set(&mut details, "cache_write_tokens", usage.cache_write);
    if !details.is_empty() {
        body["prompt_tokens_details"] = details.into();
    }
    if let Some(reasoning) = usage.reasoning {
        body["completion_tokens_details"] = json!({"reasoning_tokens": reasoning});
    }
    body
}

pub(super) fn error_body(error: &Error) -> Value {
    let kind = error.vendor_type().map_or_else(|| error_type(error.kind()).to_owned(), str::to_owned);
    let code = error.vendor_code().map_or_else(|| error.kind().to_string(), str::to_owned);
    json!({"error": {"message": error.message(), "type": kind, "param": null, "code": code}})
}

fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth | ErrorKind::Setup => "authentication_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::Quota => "insufficient_quota",
        ErrorKind::RateLimit => "rate_limit_error",
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextLength
        | ErrorKind::ContentFilter
        | ErrorKind::ModelNotFound => "invalid_request_error",
        _ => "server_error",
    }
}
