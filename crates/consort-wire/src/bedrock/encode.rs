//! Writes answers as the vendor's stream of events.
use super::response::{metrics, stand_in, write_reason, write_usage};
use super::{ID, blocks, error, media};
use crate::Encode;
use crate::framing::write_message;
use crate::in_order::InOrder;
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Delta, Error, Event, Finish, PartKind, Usage};
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(super) struct ConverseEncode {
    order: InOrder,
    writer: Writer,
}

/// Writes parts that come one after another.
#[derive(Debug, Default)]
struct Writer {
    begun: bool,
    usage: Option<Usage>,
    called: bool,
    /// The index of the block that is being written.
    index: u64,
    block: Block,
}

/// The block that is being written.
#[derive(Debug, Default)]
enum Block {
    /// None, or another vendor's, which is not shown.
    #[default]
    None,
    Text,
    Thinking,
    Redacted,
    Call,
    Image,
    /// Its whole value, which its start needs.
    Native(Value),
}

impl Encode for ConverseEncode {
    fn content_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        let writer = &mut self.writer;
        self.order.push(event, &mut |event| writer.event(event, out));
    }

    fn error(&mut self, told: &Error, out: &mut Vec<u8>) {
        let headers = [
            (":exception-type", error::name_in_stream(told)),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ];
        write_message(&headers, json!({"message": told.message()}).to_string().as_bytes(), out);
    }
}

impl Writer {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Started { .. } => self.begin(out),
            Event::PartStart { kind, .. } => self.start(kind, out),
            Event::PartDelta { delta, .. } => self.delta(delta, out),
            Event::PartEnd { .. } => self.stop(out),
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Finished(finish) => self.finish(finish, out),
            Event::BadArguments { .. } | Event::Warning(_) | Event::Attempt(_) | Event::Native { .. } => {}
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            write_event("messageStart", &json!({"role": "assistant"}), out);
        }
    }

    fn start(&mut self, kind: &PartKind, out: &mut Vec<u8>) {
        self.begin(out);
        self.block = match kind {
            PartKind::Text | PartKind::Refusal => Block::Text,
            PartKind::Reasoning { redacted: false } => Block::Thinking,
            PartKind::Reasoning { redacted: true } => Block::Redacted,
            PartKind::ToolCall { id, name } => {
                self.called = true;
                self.begin_block(&json!({"toolUse": {"toolUseId": id, "name": name}}), out);
                Block::Call
            }
            PartKind::Media { mime } => {
                if let Some(format) = media::image_format(mime) {
                    self.begin_block(&json!({"image": {"format": format}}), out);
                    Block::Image
                } else {
                    self.piece(&json!({"text": stand_in(mime)}), out);
                    Block::Text
                }
            }
            PartKind::Native { wire, .. } if wire == ID => Block::Native(Value::Null),
            PartKind::Native { .. } => Block::None,
        };
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        match (&mut self.block, delta) {
            (Block::Text, Delta::Text(text)) => self.piece(&json!({"text": text}), out),
            (Block::Text, Delta::Citation(citation)) => {
                if let Some(citation) = blocks::write_citation(citation) {
                    self.piece(&json!({"citation": citation}), out);
                }
            }
            (Block::Thinking, Delta::Text(text)) => {
                self.piece(&json!({"reasoningContent": {"text": text}}), out);
            }
            (Block::Thinking, Delta::Signature(told)) if told.wire == ID => {
                self.piece(&json!({"reasoningContent": {"signature": told.value}}), out);
            }
            (Block::Redacted, Delta::Signature(told)) if told.wire == ID => {
                self.piece(&json!({"reasoningContent": {"redactedContent": told.value}}), out);
            }
            (Block::Call, Delta::Arguments(input)) => self.piece(&json!({"toolUse": {"input": input}}), out),
            (Block::Image, Delta::Media(bytes)) => {
                self.piece(&json!({"image": {"source": {"bytes": STANDARD.encode(bytes)}}}), out);
            }
            (Block::Native(value), Delta::Native(told)) => value.clone_from(told),
            _ => {}
        }
    }

    fn begin_block(&self, start: &Value, out: &mut Vec<u8>) {
        let told = json!({"contentBlockIndex": self.index, "start": start});
        write_event("contentBlockStart", &told, out);
    }

    fn piece(&self, delta: &Value, out: &mut Vec<u8>) {
        let told = json!({"contentBlockIndex": self.index, "delta": delta});
        write_event("contentBlockDelta", &told, out);
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        match std::mem::take(&mut self.block) {
            Block::None => return,
            Block::Native(value) => self.native(&value, out),
            _ => {}
        }
        write_event("contentBlockStop", &json!({"contentBlockIndex": self.index}), out);
        self.index += 1;
    }

    /// A call that the vendor ran, or its result: a start without what is told in pieces, and the piece.
    fn native(&self, value: &Value, out: &mut Vec<u8>) {
        if let Some(call) = value["toolUse"].as_object() {
            let mut start = call.clone();
            let input = start.shift_remove("input").unwrap_or_default();
            self.begin_block(&json!({"toolUse": start}), out);
            self.piece(&json!({"toolUse": {"input": input.to_string()}}), out);
        } else if let Some(result) = value["toolResult"].as_object() {
            let mut start = result.clone();
            let content = start.shift_remove("content").unwrap_or_default();
            self.begin_block(&json!({"toolResult": start}), out);
            self.piece(&json!({"toolResult": content}), out);
        }
    }

    fn finish(&mut self, finish: &Finish, out: &mut Vec<u8>) {
        self.begin(out);
        let mut told = json!({"stopReason": write_reason(finish, self.called)});
        if let Some(met) = &finish.stop_sequence {
            told["additionalModelResponseFields"] = json!({"stop_sequence": met});
        }
        write_event("messageStop", &told, out);
        let told = json!({"usage": write_usage(self.usage.as_ref()), "metrics": metrics()});
        write_event("metadata", &told, out);
    }
}

fn write_event(name: &str, told: &Value, out: &mut Vec<u8>) {
    let headers = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
    write_message(&headers, told.to_string().as_bytes(), out);
}
