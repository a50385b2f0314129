//! Reads an answer: a stream of typed events, or a single body.
use super::{CITATION, ID, PLAN, citation, finish, message, read_usage};
use crate::decoder::{interrupted, unreadable};
use crate::parts::{self, Parts};
use crate::{Decode, Frame, error_body};
use consort_core::{Body, Delta, Error, Event, Object, Part, PartKey, PartKind, Warning};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

#[derive(Debug, Default)]
pub(super) struct Decoder {
    parts: Parts,
    started: bool,
    finished: bool,
    /// The content that is being written. It stays open after its end: citations may still come.
    open: Option<Content>,
    /// The calls that are open, by their index.
    calls: Vec<(u64, PartKey)>,
    calls_seen: usize,
    /// The plan so far. It becomes a part when something else begins.
    plan: String,
}

#[derive(Debug, Clone, Copy)]
struct Content {
    index: u64,
    part: PartKey,
    thinking: bool,
}

/// A piece of content, plan or arguments: nearly all events of a stream are one, and are read without a copy.
#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    index: u64,
    #[serde(borrow)]
    delta: PieceDelta<'a>,
}

#[derive(Deserialize)]
struct PieceDelta<'a> {
    #[serde(borrow)]
    message: PieceMessage<'a>,
}

#[derive(Deserialize)]
struct PieceMessage<'a> {
    #[serde(default, borrow)]
    content: Option<PieceContent<'a>>,
    #[serde(default, borrow)]
    tool_plan: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    tool_calls: Option<PieceCall<'a>>,
}

#[derive(Deserialize)]
struct PieceContent<'a> {
    #[serde(default, borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    thinking: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct PieceCall<'a> {
    #[serde(borrow)]
    function: PieceFunction<'a>,
}

#[derive(Deserialize)]
struct PieceFunction<'a> {
    #[serde(default, borrow)]
    arguments: Option<Cow<'a, str>>,
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        if self.finished || frame.data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        if let Ok(piece) = serde_json::from_slice::<Piece<'_>>(frame.data)
            && piece.kind.ends_with("-delta")
        {
            self.piece(&piece, out);
            return Ok(());
        }
        let value = serde_json::from_slice(frame.data).map_err(|error| unreadable(&error))?;
        if let Some(error) = error_body::inside(&value) {
            self.flush_plan(out);
            return Err(error);
        }
        self.event(frame.name, &value, out)
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        let mut value: Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        if let Some(error) = error_body::inside(&value) {
            return Err(error);
        }
        if value["message"].is_string() {
            return Err(error_body::from_value(&value));
        }
        let said = value.get_mut("message").map(Value::take);
        let Some(Value::Object(mut said)) = said else {
            return Err(Error::protocol("the answer has no message"));
        };
        self.start(&value, out);
        for part in message::read_assistant(&mut said) {
            self.whole(part, out);
        }
        self.finish(&value, out);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Error> {
        if self.finished {
            return Ok(());
        }
        self.flush_plan(out);
        Err(interrupted())
    }
}

impl Decoder {
    fn piece(&mut self, piece: &Piece<'_>, out: &mut Vec<Event>) {
        let message = &piece.delta.message;
        match &*piece.kind {
            "content-delta" => {
                let Some(content) = &message.content else { return };
                self.content(piece.index, content.text.as_deref(), content.thinking.as_deref(), out);
            }
            "tool-plan-delta" => self.plan.push_str(message.tool_plan.as_deref().unwrap_or_default()),
            "tool-call-delta" => {
                let arguments =
                    message.tool_calls.as_ref().and_then(|call| call.function.arguments.as_deref());
                self.arguments(piece.index, arguments.unwrap_or_default(), out);
            }
            _ => {}
        }
    }

    /// Any event that is not a piece, and pieces that are written in an unusual way.
    fn event(&mut self, name: &str, value: &Value, out: &mut Vec<Event>) -> Result<(), Error> {
        let index = value["index"].as_u64().unwrap_or_default();
        let message = &value["delta"]["message"];
        match value["type"].as_str().unwrap_or(name) {
            "message-start" => self.start(value, out),
            "content-start" => self.start_content(index, &message["content"], out),
            "content-delta" => {
                let content = &message["content"];
                self.content(index, content["text"].as_str(), content["thinking"].as_str(), out);
            }
            "tool-plan-delta" => self.plan.push_str(message["tool_plan"].as_str().unwrap_or_default()),
            "tool-call-start" => self.start_call(index, &message["tool_calls"], out),
            "tool-call-delta" => {
                let arguments = message["tool_calls"]["function"]["arguments"].as_str();
                self.arguments(index, arguments.unwrap_or_default(), out);
            }
            "tool-call-end" => self.end_call(index, out),
            "citation-start" => match &message["citations"] {
                Value::Object(object) => self.cite(object.clone(), out),
                Value::Array(items) => {
                    items.iter().filter_map(Value::as_object).for_each(|item| self.cite(item.clone(), out));
                }
                _ => {}
            },
            "message-end" => self.finish(&value["delta"], out),
            "" if value["message"].is_string() => return Err(error_body::from_value(value)),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, value: &Value, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            let response_id = value["id"].as_str().map(str::to_owned);
            out.push(Event::Started { model: None, response_id });
        }
    }

    /// Something begins: what went before is over.
    fn begin(&mut self, out: &mut Vec<Event>) {
        self.start(&Value::Null, out);
        if let Some(content) = self.open.take() {
            self.parts.end(content.part, out);
        }
        self.flush_plan(out);
    }

    fn flush_plan(&mut self, out: &mut Vec<Event>) {
        if !self.plan.is_empty() {
            self.start(&Value::Null, out);
            let plan = std::mem::take(&mut self.plan);
            self.native(PLAN, Value::String(plan), out);
        }
    }

    fn native(&mut self, kind: &str, value: Value, out: &mut Vec<Event>) {
        let kind = PartKind::Native { wire: ID.to_owned(), kind: kind.to_owned() };
        self.parts.whole(0, kind, [Delta::Native(value)], out);
    }

    fn start_content(&mut self, index: u64, content: &Value, out: &mut Vec<Event>) {
        let (text, thinking) = (content["text"].as_str(), content["thinking"].as_str());
        match content["type"].as_str() {
            Some("text") | None => self.open_content(index, thinking.is_some(), out),
            Some("thinking") => self.open_content(index, true, out),
            Some(other) => {
                self.begin(out);
                self.native(other, content.clone(), out);
                return;
            }
        }
        self.content(index, text, thinking, out);
    }

    fn open_content(&mut self, index: u64, thinking: bool, out: &mut Vec<Event>) {
        self.begin(out);
        let kind = if thinking { PartKind::Reasoning { redacted: false } } else { PartKind::Text };
        let part = self.parts.start(0, kind, out);
        self.open = Some(Content { index, part, thinking });
    }

    fn content(&mut self, index: u64, text: Option<&str>, thinking: Option<&str>, out: &mut Vec<Event>) {
        for (piece, is_thinking) in [(thinking, true), (text, false)] {
            let Some(piece) = piece.filter(|piece| !piece.is_empty()) else { continue };
            let fits = |open: &Content| open.index == index && open.thinking == is_thinking;
            if !self.open.as_ref().is_some_and(fits) {
                self.open_content(index, is_thinking, out);
            }
            if let Some(open) = self.open {
                parts::text(open.part, piece, out);
            }
        }
    }

    fn cite(&mut self, object: Object, out: &mut Vec<Event>) {
        if let Some(Content { part, thinking: false, .. }) = self.open {
            let citation = Box::new(citation::read(object));
            out.push(Event::PartDelta { part, delta: Delta::Citation(citation) });
            return;
        }
        self.start(&Value::Null, out);
        self.native(CITATION, Value::Object(object), out);
    }

    fn start_call(&mut self, index: u64, call: &Value, out: &mut Vec<Event>) {
        self.begin(out);
        let id = call["id"].as_str().map_or_else(|| format!("call_{}", self.calls_seen), str::to_owned);
        let name = call["function"]["name"].as_str().unwrap_or_default().to_owned();
        self.calls_seen += 1;
        let part = self.parts.start(0, PartKind::ToolCall { id, name }, out);
        self.calls.push((index, part));
        self.arguments(index, call["function"]["arguments"].as_str().unwrap_or_default(), out);
    }

    fn arguments(&mut self, index: u64, piece: &str, out: &mut Vec<Event>) {
        if let Some((_, part)) = self.calls.iter().rev().find(|(call, _)| *call == index) {
            self.parts.arguments(*part, piece, out);
        }
    }

    fn end_call(&mut self, index: u64, out: &mut Vec<Event>) {
        if let Some(at) = self.calls.iter().rposition(|(call, _)| *call == index) {
            let (_, part) = self.calls.remove(at);
            self.parts.end(part, out);
        }
    }

    /// A part of a single body.
    fn whole(&mut self, part: Part, out: &mut Vec<Event>) {
        let vendor = part.vendor.of(ID).map(|data| Delta::Vendor { wire: ID.to_owned(), data: data.clone() });
        let (kind, mut deltas) = match part.body {
            Body::Text { text, citations } => {
                let cited = citations.into_iter().map(|citation| Delta::Citation(Box::new(citation)));
                (PartKind::Text, std::iter::once(Delta::Text(text)).chain(cited).collect())
            }
            Body::Reasoning { text, redacted } => (PartKind::Reasoning { redacted }, vec![Delta::Text(text)]),
            Body::ToolCall(call) => {
                let arguments = Delta::Arguments(call.arguments.raw().to_owned());
                (PartKind::ToolCall { id: call.id, name: call.name }, vec![arguments])
            }
            Body::Native { wire, kind, value } => {
                (PartKind::Native { wire, kind }, vec![Delta::Native(value)])
            }
            Body::Media(media) => {
                let url = media.to_url().map(Delta::Url);
                (PartKind::Media { mime: media.mime }, url.into_iter().collect::<Vec<_>>())
            }
            Body::Refusal { .. } | Body::ToolResult(_) => return,
        };
        deltas.retain(|delta| !matches!(delta, Delta::Text(text) if text.is_empty()));
        deltas.extend(vendor);
        self.parts.whole(0, kind, deltas, out);
    }

    /// The end, told by an object with the reason and the usage.
    fn finish(&mut self, told: &Value, out: &mut Vec<Event>) {
        self.begin(out);
        for (_, part) in std::mem::take(&mut self.calls) {
            self.parts.end(part, out);
        }
        out.extend(read_usage(&told["usage"]).map(Event::Usage));
        if let Some(error) = told["error"].as_str().filter(|error| !error.is_empty()) {
            out.push(Event::Warning(Warning::new("vendor", error)));
        }
        out.push(Event::Finished(finish(told["finish_reason"].as_str())));
        self.finished = true;
    }
}
