//! Reads answers: a stream of events, or one message.
use super::response::{explanation, is_unmeasured, read_reason, read_usage};
use super::{ID, blocks};
use crate::decoder::{interrupted, unreadable};
use crate::framing::Frame;
use crate::parts::{self, Parts};
use crate::{Decode, error_body, json};
use consort_core::{Arguments, Delta, Error, Event, Object, PartKey, PartKind, Warning};
use serde::Deserialize;
use serde_json::Value;

/// One event. What is said often is typed; the rest is read as it comes.
#[derive(Deserialize)]
struct Told {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    index: Value,
    delta: Option<Piece>,
    content_block: Option<Object>,
    message: Option<Object>,
    usage: Option<Object>,
}

/// A piece of a block, or of the message itself.
#[derive(Deserialize)]
struct Piece {
    #[serde(default, rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
    signature: Option<String>,
    citation: Option<Value>,
    stop_reason: Option<Value>,
    stop_sequence: Option<Value>,
    stop_details: Option<Value>,
}

/// A delta whose fields are not known beforehand.
#[derive(Deserialize)]
struct Untold {
    delta: Object,
}

#[derive(Debug, Default)]
pub(super) struct MessageDecode {
    parts: Parts,
    open: Vec<Open>,
    started: bool,
    finished: bool,
    usage: Object,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

/// A block that is not ended.
#[derive(Debug)]
struct Open {
    index: u64,
    part: PartKey,
    is: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Text, or thinking.
    Text,
    /// A tool call; the input that stood at its start, which counts when no piece follows.
    Call { input: Value },
    /// A block that only this wire knows, and the JSON text of its input.
    Native { block: Object, input: String },
}

impl Decode for MessageDecode {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        if self.finished {
            return Ok(());
        }
        let mut told: Told = match serde_json::from_slice(frame.data) {
            Ok(told) => told,
            Err(error) => return untyped(frame, &error),
        };
        if told.kind.is_empty() {
            frame.name.clone_into(&mut told.kind);
        }
        let index = told.index.as_u64().unwrap_or_default();
        match told.kind.as_str() {
            "message_start" => self.start(told.message.unwrap_or_default(), out),
            "content_block_start" => {
                if let Some(block) = told.content_block {
                    self.start(Object::new(), out);
                    self.block(index, block, out);
                }
            }
            "content_block_delta" => {
                if let Some(piece) = told.delta {
                    self.start(Object::new(), out);
                    self.piece(index, piece, frame.data, out);
                }
            }
            "content_block_stop" => {
                if let Some(at) = self.open.iter().position(|open| open.index == index) {
                    let open = self.open.remove(at);
                    self.close(open, out);
                }
            }
            "message_delta" => {
                if let Some(piece) = told.delta {
                    let told = [&piece.stop_reason, &piece.stop_sequence, &piece.stop_details];
                    self.reason(told.map(Option::as_ref), out);
                }
                self.count(told.usage, out);
            }
            "message_stop" => self.finish(out),
            "error" => return Err(told_error(frame.data)),
            // Pings, and what will be invented.
            _ => {}
        }
        Ok(())
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        let value: Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        if let Some(error) = error_body::inside(&value) {
            return Err(error);
        }
        let Value::Object(mut message) = value else {
            return Err(Error::protocol("the answer is not a message"));
        };
        let Some(Value::Array(content)) = message.shift_remove("content") else {
            return Err(Error::protocol("the answer is a message without content"));
        };
        let mut take = |key: &str| message.shift_remove(key);
        let usage = take("usage");
        let told = [take("stop_reason"), take("stop_sequence"), take("stop_details")];
        self.start(message, out);
        for (index, block) in content.into_iter().enumerate() {
            if let Value::Object(block) = block {
                self.block(index as u64, block, out);
                while let Some(open) = self.open.pop() {
                    self.close(open, out);
                }
            }
        }
        self.reason(told.each_ref().map(Option::as_ref), out);
        self.count(usage.and_then(object), out);
        self.finish(out);
        Ok(())
    }

    fn end(&mut self, _out: &mut Vec<Event>) -> Result<(), Error> {
        if self.finished { Ok(()) } else { Err(interrupted()) }
    }
}

fn object(value: Value) -> Option<Object> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

fn told_error(data: &[u8]) -> Error {
    error_body::from_value(&serde_json::from_slice(data).unwrap_or_default())
}

/// A frame that has not the usual types: an error if it matters.
fn untyped(frame: Frame<'_>, error: &serde_json::Error) -> Result<(), Error> {
    const KNOWN: [&str; 6] = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    // Vendors that copied the format may have kept another one's end mark.
    if frame.data.trim_ascii() == b"[DONE]" {
        return Ok(());
    }
    let value: Value = serde_json::from_slice(frame.data).map_err(|error| unreadable(&error))?;
    if let Some(told) = error_body::inside(&value) {
        return Err(told);
    }
    let kind = value["type"].as_str().unwrap_or(frame.name);
    if KNOWN.contains(&kind) { Err(unreadable(error)) } else { Ok(()) }
}

impl MessageDecode {
    fn start(&mut self, mut message: Object, out: &mut Vec<Event>) {
        if self.started {
            return;
        }
        self.started = true;
        out.push(Event::Started {
            model: json::take_text(&mut message, "model"),
            response_id: json::take_text(&mut message, "id"),
        });
        self.count(message.shift_remove("usage").and_then(object), out);
        // A vendor may put the first blocks here.
        if let Some(Value::Array(content)) = message.shift_remove("content") {
            for (index, block) in content.into_iter().enumerate() {
                if let Value::Object(block) = block {
                    self.block(index as u64, block, out);
                }
            }
        }
    }

    /// Usage comes twice: what is told later counts, and what only the first told stays.
    fn count(&mut self, usage: Option<Object>, out: &mut Vec<Event>) {
        let Some(mut usage) = usage else { return };
        usage.retain(|_, value| !value.is_null());
        json::merge(&mut self.usage, &usage);
        if !is_unmeasured(&self.usage) {
            out.push(Event::Usage(read_usage(&self.usage)));
        }
    }

    /// Why it ended: the word, the stop sequence that was met, and the details.
    fn reason(&mut self, [word, sequence, details]: [Option<&Value>; 3], out: &mut Vec<Event>) {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        self.stop_reason = text(word).or(self.stop_reason.take());
        self.stop_sequence = text(sequence).or(self.stop_sequence.take());
        if let Some(words) = details.and_then(explanation) {
            out.push(Event::Warning(Warning::new("vendor", words)));
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        self.start(Object::new(), out);
        for open in std::mem::take(&mut self.open) {
            self.close(open, out);
        }
        self.finished = true;
        let finish = read_reason(self.stop_reason.as_deref(), self.stop_sequence.as_deref());
        out.push(Event::Finished(finish));
    }

    /// A block begins, with what it holds already.
    fn block(&mut self, index: u64, mut block: Object, out: &mut Vec<Event>) {
        // An index that is used again means a new block.
        if let Some(at) = self.open.iter().position(|open| open.index == index) {
            let open = self.open.remove(at);
            self.close(open, out);
        }
        let mut text = |key: &str| json::take_text(&mut block, key).unwrap_or_default();
        let kind = text("type");
        let (part, is) = match kind.as_str() {
            "text" => {
                let words = text("text");
                let part = self.parts.start(0, PartKind::Text, out);
                parts::text(part, words, out);
                if let Some(Value::Array(citations)) = block.shift_remove("citations") {
                    citations.iter().for_each(|told| cite(part, told, out));
                }
                (part, Kind::Text)
            }
            "thinking" => {
                let (words, signature) = (text("thinking"), text("signature"));
                let part = self.parts.start(0, PartKind::Reasoning { redacted: false }, out);
                parts::text(part, words, out);
                sign(part, signature, out);
                (part, Kind::Text)
            }
            "redacted_thinking" => {
                let data = text("data");
                let part = self.parts.start(0, PartKind::Reasoning { redacted: true }, out);
                sign(part, data, out);
                (part, Kind::Text)
            }
            "tool_use" => {
                let kind = PartKind::ToolCall { id: text("id"), name: text("name") };
                let part = self.parts.start(0, kind, out);
                let input = block.shift_remove("input").unwrap_or_default();
                (part, Kind::Call { input })
            }
            _ => {
                block.insert("type".into(), kind.as_str().into());
                let part = self.parts.start(0, PartKind::Native { wire: ID.to_owned(), kind }, out);
                let block = std::mem::take(&mut block);
                (part, Kind::Native { block, input: String::new() })
            }
        };
        block.retain(|_, value| !value.is_null());
        parts::vendor(part, ID, block, out);
        self.open.push(Open { index, part, is });
    }

    fn piece(&mut self, index: u64, piece: Piece, frame: &[u8], out: &mut Vec<Event>) {
        let Some(at) = self.open.iter().position(|open| open.index == index) else {
            // Some vendors that copied the format leave out the start.
            let kind = match piece.kind.as_str() {
                "text_delta" => PartKind::Text,
                "thinking_delta" => PartKind::Reasoning { redacted: false },
                _ => return,
            };
            let part = self.parts.start(0, kind, out);
            self.open.push(Open { index, part, is: Kind::Text });
            return self.piece(index, piece, frame, out);
        };
        let open = &mut self.open[at];
        let part = open.part;
        match &mut open.is {
            Kind::Native { block, input } => match piece.partial_json {
                Some(json) => input.push_str(&json),
                None => native_piece(block, frame),
            },
            Kind::Call { .. } => {
                self.parts.arguments(part, piece.partial_json.as_deref().unwrap_or_default(), out);
            }
            Kind::Text => {
                parts::text(part, piece.text.or(piece.thinking).unwrap_or_default(), out);
                sign(part, piece.signature.unwrap_or_default(), out);
                if let Some(citation) = &piece.citation {
                    cite(part, citation, out);
                }
            }
        }
    }

    fn close(&mut self, open: Open, out: &mut Vec<Event>) {
        let part = open.part;
        match open.is {
            Kind::Text => {}
            Kind::Call { input } => {
                let whole = input.as_object().is_some_and(|input| !input.is_empty());
                if whole && self.parts.arguments_of(part).is_empty() {
                    self.parts.arguments(part, Arguments::from(input).raw(), out);
                }
            }
            Kind::Native { mut block, input } => {
                if !input.is_empty() {
                    let read = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    block.insert("input".into(), read);
                }
                out.push(Event::PartDelta { part, delta: Delta::Native(Value::Object(block)) });
            }
        }
        self.parts.end(part, out);
    }
}

fn sign(part: PartKey, signature: String, out: &mut Vec<Event>) {
    if !signature.is_empty() {
        parts::signature(part, ID, signature, out);
    }
}

fn cite(part: PartKey, told: &Value, out: &mut Vec<Event>) {
    if let Some(citation) = blocks::citation(told) {
        out.push(Event::PartDelta { part, delta: Delta::Citation(Box::new(citation)) });
    }
}

/// A piece of a native block: of any field that is a text, or a new field.
fn native_piece(block: &mut Object, frame: &[u8]) {
    let Ok(Untold { delta }) = serde_json::from_slice(frame) else { return };
    for (key, value) in delta.into_iter().filter(|(key, value)| key != "type" && !value.is_null()) {
        match (block.get_mut(&key), value) {
            (Some(Value::String(old)), Value::String(new)) => old.push_str(&new),
            (_, value) => {
                block.insert(key, value);
            }
        }
    }
}
