//! Reads answers: a stream of events, or one body.
use super::response::{read_reason, read_usage};
use super::{ID, blocks, media};
use crate::decoder::{interrupted, unreadable};
use crate::framing::Frame;
use crate::parts::{self, Parts};
use crate::{Decode, error_body};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Arguments, Body, Delta, Error, Event, Object, Part, PartKey, PartKind};
use serde::Deserialize;
use serde_json::{Value, json};

/// A piece of a block. What is said often is typed; the rest is read as it comes.
#[derive(Deserialize)]
struct Told {
    #[serde(default, rename = "contentBlockIndex")]
    index: Value,
    delta: Option<Piece>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Piece {
    text: Option<String>,
    tool_use: Option<InputPiece>,
    reasoning_content: Option<ThinkingPiece>,
    tool_result: Option<Value>,
    citation: Option<Value>,
    image: Option<Value>,
}

#[derive(Deserialize)]
struct InputPiece {
    input: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThinkingPiece {
    text: Option<String>,
    signature: Option<String>,
    redacted_content: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct ConverseDecode {
    parts: Parts,
    open: Vec<Open>,
    started: bool,
    finished: bool,
    /// The end was announced; usage comes behind it.
    stopped: bool,
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
    Plain,
    Call,
    /// A call that the vendor runs, and the JSON text of its input.
    ServerCall {
        call: Object,
        input: String,
    },
    /// The result of one.
    ServerResult {
        result: Object,
        content: Vec<Value>,
    },
}

impl Decode for ConverseDecode {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        if frame.is_error || frame.name.ends_with("Exception") {
            return Err(error_body::named(frame.name, frame.data));
        }
        if self.finished {
            return Ok(());
        }
        match frame.name {
            "messageStart" => self.start(out),
            "contentBlockDelta" => {
                let told: Told = serde_json::from_slice(frame.data).map_err(|error| unreadable(&error))?;
                self.start(out);
                self.piece(told.index.as_u64().unwrap_or_default(), told.delta.unwrap_or_default(), out);
            }
            "contentBlockStart" => {
                let told = object(frame.data)?;
                self.start(out);
                self.block(index(&told), &told["start"], out);
            }
            "contentBlockStop" => {
                let index = index(&object(frame.data)?);
                if let Some(at) = self.open.iter().position(|open| open.index == index) {
                    let open = self.open.remove(at);
                    self.close(open, out);
                }
            }
            "messageStop" => {
                self.start(out);
                self.reason(&object(frame.data)?);
                self.stopped = true;
            }
            "metadata" => {
                self.start(out);
                out.extend(read_usage(&object(frame.data)?).map(Event::Usage));
                if self.stopped {
                    self.finish(out);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        let body = object(body)?;
        if let Some(error) = error_body::inside(&body) {
            return Err(error);
        }
        let Some(content) = body["output"]["message"]["content"].as_array() else {
            return Err(Error::protocol("the answer holds no message"));
        };
        self.start(out);
        for block in content.iter().filter_map(Value::as_object) {
            self.whole(blocks::read(block, true), out);
        }
        self.reason(&body);
        out.extend(read_usage(&body).map(Event::Usage));
        self.finish(out);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Error> {
        match (self.finished, self.stopped) {
            (true, _) => Ok(()),
            // The message was ended; only its usage is missing.
            (false, true) => {
                self.finish(out);
                Ok(())
            }
            (false, false) => Err(interrupted()),
        }
    }
}

fn object(data: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(data).map_err(|error| unreadable(&error))
}

fn index(told: &Value) -> u64 {
    told["contentBlockIndex"].as_u64().unwrap_or_default()
}

impl ConverseDecode {
    fn start(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            // The vendor names neither the model nor the answer.
            out.push(Event::Started { model: None, response_id: None });
        }
    }

    fn reason(&mut self, told: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.stop_reason = text(&told["stopReason"]);
        self.stop_sequence = text(&told["additionalModelResponseFields"]["stop_sequence"]);
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        for open in std::mem::take(&mut self.open) {
            self.close(open, out);
        }
        self.finished = true;
        let finish = read_reason(self.stop_reason.as_deref(), self.stop_sequence.as_deref());
        out.push(Event::Finished(finish));
    }

    /// A block begins. Blocks of text and thinking begin without a word.
    fn block(&mut self, index: u64, start: &Value, out: &mut Vec<Event>) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (part, is) = if let Some(call) = start["toolUse"].as_object() {
            if call.get("type").is_some_and(|kind| kind == "server_tool_use") {
                let part = self.native("toolUse", out);
                (part, Kind::ServerCall { call: call.clone(), input: String::new() })
            } else {
                let call = &start["toolUse"];
                let kind = PartKind::ToolCall { id: text(&call["toolUseId"]), name: text(&call["name"]) };
                (self.parts.start(0, kind, out), Kind::Call)
            }
        } else if let Some(result) = start["toolResult"].as_object() {
            let part = self.native("toolResult", out);
            (part, Kind::ServerResult { result: result.clone(), content: Vec::new() })
        } else if let Some(mime) = start["image"]["format"].as_str().and_then(media::image_mime) {
            let kind = PartKind::Media { mime: mime.to_owned() };
            (self.parts.start(0, kind, out), Kind::Plain)
        } else {
            return;
        };
        self.replace(Open { index, part, is }, out);
    }

    fn native(&mut self, kind: &str, out: &mut Vec<Event>) -> PartKey {
        let kind = PartKind::Native { wire: ID.to_owned(), kind: kind.to_owned() };
        self.parts.start(0, kind, out)
    }

    /// Opens a block; one of the same index that was never ended ends here.
    fn replace(&mut self, open: Open, out: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().position(|old| old.index == open.index) {
            let old = std::mem::replace(&mut self.open[at], open);
            self.close(old, out);
        } else {
            self.open.push(open);
        }
    }

    fn piece(&mut self, index: u64, piece: Piece, out: &mut Vec<Event>) {
        let at = if let Some(at) = self.open.iter().position(|open| open.index == index) {
            at
        } else {
            let Some(kind) = kind_of(&piece) else { return };
            let part = self.parts.start(0, kind, out);
            self.open.push(Open { index, part, is: Kind::Plain });
            self.open.len() - 1
        };
        let open = &mut self.open[at];
        let part = open.part;
        match &mut open.is {
            Kind::ServerCall { input, .. } => {
                input.push_str(&piece.tool_use.and_then(|piece| piece.input).unwrap_or_default());
            }
            Kind::ServerResult { content, .. } => match piece.tool_result {
                Some(Value::Array(items)) => content.extend(items),
                Some(item @ Value::Object(_)) => content.push(item),
                _ => {}
            },
            Kind::Call => {
                let input = piece.tool_use.and_then(|piece| piece.input).unwrap_or_default();
                self.parts.arguments(part, &input, out);
            }
            Kind::Plain => plain_piece(part, piece, out),
        }
    }

    fn close(&mut self, open: Open, out: &mut Vec<Event>) {
        let part = open.part;
        let value = match open.is {
            Kind::Plain | Kind::Call => None,
            Kind::ServerCall { mut call, input } => {
                let read = if input.is_empty() { Ok(json!({})) } else { serde_json::from_str(&input) };
                call.insert("input".into(), read.unwrap_or(Value::String(input)));
                Some(blocks::block("toolUse", call))
            }
            Kind::ServerResult { mut result, content } => {
                result.insert("content".into(), content.into());
                Some(blocks::block("toolResult", result))
            }
        };
        if let Some(value) = value {
            out.push(Event::PartDelta { part, delta: Delta::Native(value) });
        }
        self.parts.end(part, out);
    }

    /// A part of an answer that came whole.
    fn whole(&mut self, part: Part, out: &mut Vec<Event>) {
        let (kind, mut deltas) = match part.body {
            Body::Text { text, citations } => {
                let cited = citations.into_iter().map(|citation| Delta::Citation(Box::new(citation)));
                (PartKind::Text, std::iter::once(Delta::Text(text)).chain(cited).collect())
            }
            Body::Refusal { text } => (PartKind::Refusal, vec![Delta::Text(text)]),
            Body::Reasoning { text, redacted } => (PartKind::Reasoning { redacted }, vec![Delta::Text(text)]),
            Body::ToolCall(call) => {
                let arguments = match call.arguments.raw() {
                    "{}" => Arguments::default(),
                    _ => call.arguments,
                };
                let kind = PartKind::ToolCall { id: call.id, name: call.name };
                (kind, vec![Delta::Arguments(arguments.raw().to_owned())])
            }
            Body::Media(media) => (PartKind::Media { mime: media.mime }, media_deltas(media.source)),
            Body::Native { wire, kind, value } => {
                (PartKind::Native { wire, kind }, vec![Delta::Native(value)])
            }
            // Results in an answer are native parts.
            Body::ToolResult(_) => return,
        };
        deltas.retain(|delta| !matches!(delta, Delta::Text(text) if text.is_empty()));
        deltas.extend(part.signature.map(Delta::Signature));
        let call = matches!(kind, PartKind::ToolCall { .. });
        if let Some(data) = part.vendor.of(ID) {
            let mut data = data.clone();
            // The usual type, which requests do not take.
            if call && data.get("type").is_some_and(|kind| kind == "tool_use") {
                data.shift_remove("type");
            }
            if !data.is_empty() {
                deltas.push(Delta::Vendor { wire: ID.to_owned(), data });
            }
        }
        self.parts.whole(0, kind, deltas, out);
    }
}

fn media_deltas(source: consort_core::MediaSource) -> Vec<Delta> {
    match source {
        consort_core::MediaSource::Bytes(bytes) => vec![Delta::Media(bytes)],
        consort_core::MediaSource::Url(url) => vec![Delta::Url(url)],
        _ => Vec::new(),
    }
}

/// What a block is whose first piece this is.
fn kind_of(piece: &Piece) -> Option<PartKind> {
    if let Some(thinking) = &piece.reasoning_content {
        return Some(PartKind::Reasoning { redacted: thinking.redacted_content.is_some() });
    }
    (piece.text.is_some() || piece.citation.is_some()).then_some(PartKind::Text)
}

fn plain_piece(part: PartKey, piece: Piece, out: &mut Vec<Event>) {
    parts::text(part, piece.text.unwrap_or_default(), out);
    if let Some(thinking) = piece.reasoning_content {
        parts::text(part, thinking.text.unwrap_or_default(), out);
        let state = thinking.signature.or(thinking.redacted_content);
        if let Some(state) = state.filter(|state| !state.is_empty()) {
            parts::signature(part, ID, state, out);
        }
    }
    if let Some(citation) = piece.citation.as_ref().and_then(blocks::citation) {
        out.push(Event::PartDelta { part, delta: Delta::Citation(Box::new(citation)) });
    }
    let bytes =
        piece.image.as_ref().and_then(|image| STANDARD.decode(image["source"]["bytes"].as_str()?).ok());
    if let Some(bytes) = bytes {
        out.push(Event::PartDelta { part, delta: Delta::Media(bytes.into()) });
    }
}
