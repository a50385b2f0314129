//! Writes answers as the vendor's stream of events.
use super::response::{stand_in, write_reason, write_usage};
use super::{ID, blocks, error};
use crate::in_order::InOrder;
use crate::{Encode, Reply};
use consort_core::{Delta, Error, Event, Finish, Object, PartKind, Usage};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Debug)]
pub(super) struct MessageEncode {
    order: InOrder,
    writer: Writer,
}

/// Writes parts that come one after another.
#[derive(Debug)]
struct Writer {
    id: String,
    model: String,
    begun: bool,
    usage: Option<Usage>,
    called: bool,
    /// The index of the next block.
    next: u64,
    block: Option<Block>,
}

/// The block that is being written.
#[derive(Debug)]
struct Block {
    is: Kind,
    /// Fields of its start beside the usual ones.
    vendor: Object,
    /// Whether its start is written: that waits for the first piece, or the end, because of what comes between.
    begun: bool,
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
    /// Another vendor's, which is not shown.
    Foreign,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Piece<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: &'a str },
    #[serde(rename = "citations_delta")]
    Citation { citation: &'a Value },
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
        let writer = Writer {
            id: reply.id.clone(),
            model: reply.model.clone(),
            begun: false,
            usage: None,
            called: false,
            next: 0,
            block: None,
        };
        Self { order: InOrder::default(), writer }
    }
}

impl Encode for MessageEncode {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        let writer = &mut self.writer;
        self.order.push(event, &mut |event| writer.event(event, out));
    }

    fn error(&mut self, told: &Error, out: &mut Vec<u8>) {
        write_event("error", &error::write(told).1, out);
    }
}

impl Writer {
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
            Event::PartStart { kind, .. } => self.start(kind, out),
            Event::PartDelta { delta, .. } => self.delta(delta, out),
            Event::PartEnd { .. } => self.stop(out),
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Finished(finish) => self.finish(finish, out),
            Event::BadArguments { .. } | Event::Warning(_) | Event::Attempt(_) | Event::Native { .. } => {}
        }
    }

    /// The message's start waits for the first part, because usage may come between the two.
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

    fn start(&mut self, kind: &PartKind, out: &mut Vec<u8>) {
        self.begin(out);
        let is = match kind {
            PartKind::Text | PartKind::Refusal | PartKind::Media { .. } => Kind::Text,
            PartKind::Reasoning { redacted: false } => Kind::Thinking,
            PartKind::Reasoning { redacted: true } => Kind::Redacted(String::new()),
            PartKind::ToolCall { id, name } => {
                self.called = true;
                Kind::Call { id: id.clone(), name: name.clone() }
            }
            PartKind::Native { wire, .. } if wire == ID => Kind::Native(Value::Null),
            PartKind::Native { .. } => Kind::Foreign,
        };
        self.block = Some(Block { is, vendor: Object::new(), begun: false });
        if let PartKind::Media { mime } = kind {
            self.piece(&Piece::Text { text: &stand_in(mime) }, out);
        }
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        let Some(block) = &mut self.block else { return };
        match (&mut block.is, delta) {
            (Kind::Text, Delta::Text(text)) => self.piece(&Piece::Text { text }, out),
            (Kind::Text, Delta::Citation(citation)) => {
                for citation in &blocks::write_citations(std::slice::from_ref(citation)) {
                    self.piece(&Piece::Citation { citation }, out);
                }
            }
            (Kind::Thinking, Delta::Text(thinking)) => self.piece(&Piece::Thinking { thinking }, out),
            (Kind::Thinking, Delta::Signature(told)) if told.wire == ID => {
                self.piece(&Piece::Signature { signature: &told.value }, out);
            }
            (Kind::Redacted(data), Delta::Signature(told)) if told.wire == ID => data.push_str(&told.value),
            (Kind::Call { .. }, Delta::Arguments(partial_json)) => {
                self.piece(&Piece::Input { partial_json }, out);
            }
            (Kind::Native(value), Delta::Native(told)) => value.clone_from(told),
            (_, Delta::Vendor { wire, data }) if wire == ID => block.vendor.extend(data.clone()),
            _ => {}
        }
    }

    fn piece(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        self.begin_block(out);
        let told = BlockDelta { kind: "content_block_delta", index: self.next, delta: piece };
        write_event("content_block_delta", &told, out);
    }

    fn begin_block(&mut self, out: &mut Vec<u8>) {
        let Some(block) = self.block.as_mut().filter(|block| !block.begun) else { return };
        let Some((start, input)) = block.start() else { return };
        block.begun = true;
        let told = json!({"type": "content_block_start", "index": self.next, "content_block": start});
        write_event("content_block_start", &told, out);
        if let Some(input) = input {
            self.piece(&Piece::Input { partial_json: &input.to_string() }, out);
        }
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        self.begin_block(out);
        if self.block.take().is_some_and(|block| block.begun) {
            let told = json!({"type": "content_block_stop", "index": self.next});
            write_event("content_block_stop", &told, out);
            self.next += 1;
        }
    }

    fn finish(&mut self, finish: &Finish, out: &mut Vec<u8>) {
        self.begin(out);
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
    /// Its start, and its input where that comes as a piece; nothing for what has nothing to show.
    fn start(&self) -> Option<(Value, Option<Value>)> {
        let mut input = None;
        let mut start = match &self.is {
            Kind::Text => json!({"type": "text", "text": ""}),
            Kind::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Kind::Redacted(data) if data.is_empty() => return None,
            Kind::Redacted(data) => json!({"type": "redacted_thinking", "data": data}),
            Kind::Call { id, name } => json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
            Kind::Native(value) => {
                let mut block = value.as_object()?.clone();
                if block.contains_key("id")
                    && let Some(told) = block.get_mut("input")
                {
                    input = Some(std::mem::replace(told, json!({})));
                }
                Value::Object(block)
            }
            Kind::Foreign => return None,
        };
        if let Value::Object(start) = &mut start {
            for (key, value) in &self.vendor {
                start.entry(key.as_str()).or_insert_with(|| value.clone());
            }
        }
        Some((start, input))
    }
}

fn write_event(name: &str, told: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // Writing plain values into memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, told);
    out.extend_from_slice(b"\n\n");
}
