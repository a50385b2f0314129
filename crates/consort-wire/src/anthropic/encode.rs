//! Writes answers as the vendor's stream of events.
//!
//! The vendor sends one block after another. Parts may interleave, so what comes for a later block waits here
//! until the ones before it have ended.
use super::response::{stand_in, write_reason, write_usage};
use super::{ID, blocks, error};
use crate::{Encode, Reply};
use consort_core::{Citation, Delta, Error, Event, Finish, Object, PartKey, PartKind, Usage};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct MessageEncode {
    id: String,
    model: String,
    begun: bool,
    usage: Option<Usage>,
    called: bool,
    /// The index of the next block that is written.
    next: u64,
    /// The blocks that are not wholly written; the first is being written.
    blocks: VecDeque<Block>,
}

/// A block on its way out.
#[derive(Debug)]
struct Block {
    part: PartKey,
    is: Kind,
    /// The number it got when its start was written.
    index: Option<u64>,
    /// Fields of its start beside the usual ones.
    vendor: Object,
    waiting: Vec<Piece<'static>>,
    ended: bool,
}

#[derive(Debug)]
enum Kind {
    Text,
    Thinking,
    /// What it stands for, which its start needs.
    Redacted(String),
    Call {
        id: String,
        name: String,
    },
    /// Its whole value, which its start needs.
    Native(Value),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece<'a> {
    TextDelta { text: Cow<'a, str> },
    ThinkingDelta { thinking: Cow<'a, str> },
    SignatureDelta { signature: Cow<'a, str> },
    InputJsonDelta { partial_json: Cow<'a, str> },
    CitationsDelta { citation: Value },
}

#[derive(Serialize)]
struct BlockDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u64,
    delta: &'a Piece<'a>,
}

impl MessageEncode {
    pub(super) fn new(reply: &Reply) -> Self {
        Self {
            id: reply.id.clone(),
            model: reply.model.clone(),
            begun: false,
            usage: None,
            called: false,
            next: 0,
            blocks: VecDeque::new(),
        }
    }
}

impl Encode for MessageEncode {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Started { model, response_id } => {
                if let Some(model) = model {
                    self.model.clone_from(model);
                }
                if let Some(id) = response_id {
                    self.id.clone_from(id);
                }
            }
            Event::PartStart { part, choice: 0, kind } => self.start(*part, kind, out),
            Event::PartDelta { part, delta } => {
                if let Some(at) = self.blocks.iter().position(|block| block.part == *part) {
                    self.delta(at, delta, out);
                }
            }
            Event::PartEnd { part } => {
                if let Some(block) = self.blocks.iter_mut().find(|block| block.part == *part) {
                    block.ended = true;
                    self.advance(out);
                }
            }
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Finished(finish) => self.finish(finish, out),
            Event::PartStart { .. }
            | Event::BadArguments { .. }
            | Event::Warning(_)
            | Event::Native { .. } => {}
        }
    }

    fn error(&mut self, told: &Error, out: &mut Vec<u8>) {
        write_event("error", &error::write(told).1, out);
    }
}

impl MessageEncode {
    /// The message's start waits for the first part, because usage comes between the two.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let message = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": write_usage(self.usage.as_ref()),
        });
        write_event("message_start", &json!({"type": "message_start", "message": message}), out);
    }

    fn start(&mut self, part: PartKey, kind: &PartKind, out: &mut Vec<u8>) {
        self.begin(out);
        let mut waiting = Vec::new();
        let is = match kind {
            PartKind::Text | PartKind::Refusal => Kind::Text,
            PartKind::Reasoning { redacted: false } => Kind::Thinking,
            PartKind::Reasoning { redacted: true } => Kind::Redacted(String::new()),
            PartKind::ToolCall { id, name } => {
                self.called = true;
                Kind::Call { id: id.clone(), name: name.clone() }
            }
            PartKind::Media { mime } => {
                waiting.push(Piece::TextDelta { text: stand_in(mime).into() });
                Kind::Text
            }
            PartKind::Native { wire, .. } if wire == ID => Kind::Native(Value::Null),
            PartKind::Native { .. } => return,
        };
        let block = Block { part, is, index: None, vendor: Object::new(), waiting, ended: false };
        self.blocks.push_back(block);
        // Calls wait for what is carried with them, which comes before their first piece; others for their end.
        if self.blocks.len() == 1 && !self.blocks[0].waits() {
            self.open(out);
        }
    }

    fn delta(&mut self, at: usize, delta: &Delta, out: &mut Vec<u8>) {
        let block = &mut self.blocks[at];
        let piece = match (&mut block.is, delta) {
            (Kind::Text, Delta::Text(text)) => Piece::TextDelta { text: text.into() },
            (Kind::Text, Delta::Citation(citation)) => match cited(citation) {
                Some(citation) => Piece::CitationsDelta { citation },
                None => return,
            },
            (Kind::Thinking, Delta::Text(text)) => Piece::ThinkingDelta { thinking: text.into() },
            (Kind::Thinking, Delta::Signature(signature)) if signature.wire == ID => {
                Piece::SignatureDelta { signature: signature.value.as_str().into() }
            }
            (Kind::Redacted(data), Delta::Signature(signature)) if signature.wire == ID => {
                data.push_str(&signature.value);
                return;
            }
            (Kind::Call { .. }, Delta::Arguments(json)) => {
                Piece::InputJsonDelta { partial_json: json.into() }
            }
            (Kind::Native(value), Delta::Native(told)) => {
                value.clone_from(told);
                return;
            }
            (_, Delta::Vendor { wire, data }) if wire == ID && block.index.is_none() => {
                block.vendor.extend(data.clone());
                return;
            }
            _ => return,
        };
        if at == 0 {
            if block.index.is_none() {
                self.open(out);
            }
            if let Some(index) = self.blocks[0].index {
                write_piece(index, &piece, out);
            }
        } else {
            block.waiting.push(piece.into_owned());
        }
    }

    /// Writes the first block's start, and what waited for it.
    fn open(&mut self, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.front_mut() else { return };
        if block.index.is_some() {
            return;
        }
        let index = self.next;
        let Some((start, input)) = block.start() else { return };
        self.next += 1;
        block.index = Some(index);
        let told = json!({"type": "content_block_start", "index": index, "content_block": start});
        write_event("content_block_start", &told, out);
        for piece in input.into_iter().chain(std::mem::take(&mut block.waiting)) {
            write_piece(index, &piece, out);
        }
    }

    /// Ends the blocks at the front that have ended, and goes on with the one behind them.
    fn advance(&mut self, out: &mut Vec<u8>) {
        while let Some(block) = self.blocks.front() {
            if block.ended || !block.waits() || !block.waiting.is_empty() {
                self.open(out);
            }
            let Some(block) = self.blocks.front().filter(|block| block.ended) else { return };
            if let Some(index) = block.index {
                let told = json!({"type": "content_block_stop", "index": index});
                write_event("content_block_stop", &told, out);
            }
            self.blocks.pop_front();
        }
    }

    fn finish(&mut self, finish: &Finish, out: &mut Vec<u8>) {
        self.begin(out);
        for block in &mut self.blocks {
            block.ended = true;
        }
        self.advance(out);
        let told = json!({
            "type": "message_delta",
            "delta": {
                "stop_reason": write_reason(finish, self.called),
                "stop_sequence": finish.stop_sequence,
            },
            "usage": write_usage(self.usage.as_ref()),
        });
        write_event("message_delta", &told, out);
        write_event("message_stop", &json!({"type": "message_stop"}), out);
    }
}

impl Block {
    /// Whether its start needs something that comes later.
    fn waits(&self) -> bool {
        !matches!(self.is, Kind::Thinking | Kind::Text)
    }

    /// Its start, and its input where that comes as a piece; nothing for a native block that never got its value.
    fn start(&self) -> Option<(Value, Option<Piece<'static>>)> {
        let mut input = None;
        let mut start = match &self.is {
            Kind::Text => json!({"type": "text", "text": ""}),
            Kind::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
            // Another vendor's: nothing to show.
            Kind::Redacted(data) if data.is_empty() => {
                json!({"type": "thinking", "thinking": "", "signature": ""})
            }
            Kind::Redacted(data) => json!({"type": "redacted_thinking", "data": data}),
            Kind::Call { id, name } => json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
            Kind::Native(value) => {
                let mut block = value.as_object()?.clone();
                if block.contains_key("id")
                    && let Some(told) = block.get_mut("input")
                {
                    let partial_json = told.to_string().into();
                    input = Some(Piece::InputJsonDelta { partial_json });
                    *told = json!({});
                }
                Value::Object(block)
            }
        };
        if let Value::Object(start) = &mut start {
            for (key, value) in &self.vendor {
                start.entry(key.as_str()).or_insert_with(|| value.clone());
            }
        }
        Some((start, input))
    }
}

impl Piece<'_> {
    fn into_owned(self) -> Piece<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::TextDelta { text } => Piece::TextDelta { text: own(text) },
            Self::ThinkingDelta { thinking } => Piece::ThinkingDelta { thinking: own(thinking) },
            Self::SignatureDelta { signature } => Piece::SignatureDelta { signature: own(signature) },
            Self::InputJsonDelta { partial_json } => {
                Piece::InputJsonDelta { partial_json: own(partial_json) }
            }
            Self::CitationsDelta { citation } => Piece::CitationsDelta { citation },
        }
    }
}

fn cited(citation: &Citation) -> Option<Value> {
    blocks::write_citations(std::slice::from_ref(citation)).pop()
}

fn write_piece(index: u64, piece: &Piece<'_>, out: &mut Vec<u8>) {
    write_event("content_block_delta", &BlockDelta { kind: "content_block_delta", index, delta: piece }, out);
}

fn write_event(name: &str, told: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // Writing plain values into memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, told);
    out.extend_from_slice(b"\n\n");
}
