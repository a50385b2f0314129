//! Writes an answer: as this vendor's stream, or as its single body.
use super::{CITATION, ID, PLAN, citation, finish_word, message, write_usage};
use crate::{Encode, Reply, json};
use consort_core::{Delta, Error, Event, Finish, Object, PartKey, PartKind, Response, Usage};
use serde_json::{Value, json};

/// Writes a whole answer.
pub(super) fn response(response: &Response, reply: &Reply) -> Value {
    let mut body = Object::new();
    let id = response.response_id.as_deref().unwrap_or(&reply.id);
    body.insert("id".into(), id.into());
    body.insert("message".into(), Value::Object(message::write_assistant(&response.parts)));
    body.insert("finish_reason".into(), finish_word(&response.finish).into());
    json::set(&mut body, "usage", response.usage.as_ref().map(write_usage));
    Value::Object(body)
}

/// Writes a stream. Only the first of several answers is written: the format has one.
#[derive(Debug)]
pub(super) struct Encoder {
    id: String,
    started: bool,
    contents: u64,
    calls: u64,
    citations: u64,
    open: Vec<Open>,
    usage: Option<Usage>,
    /// What the vendor said of an answer that failed.
    complaint: Option<String>,
}

#[derive(Debug)]
struct Open {
    part: PartKey,
    kind: Kind,
    index: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    /// Whether any of the arguments was written.
    Call {
        written: bool,
    },
    Plan,
    Citation,
    /// Content that only this vendor knows.
    Other,
}

impl Encoder {
    pub(super) fn new(reply: &Reply) -> Self {
        Self {
            id: reply.id.clone(),
            started: false,
            contents: 0,
            calls: 0,
            citations: 0,
            open: Vec::new(),
            usage: None,
            complaint: None,
        }
    }

    fn start(&mut self, id: Option<&str>, out: &mut Vec<u8>) {
        if self.started {
            return;
        }
        self.started = true;
        let message =
            json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
        let id = id.unwrap_or(&self.id);
        send("message-start", None, json!({"id": id, "delta": {"message": message}}), out);
    }

    fn start_part(&mut self, part: PartKey, kind: &PartKind, out: &mut Vec<u8>) {
        let kind = match kind {
            PartKind::Text | PartKind::Refusal => Kind::Text,
            PartKind::Reasoning { .. } => Kind::Thinking,
            PartKind::ToolCall { id, name } => {
                let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
                let delta = json!({"delta": {"message": {"tool_calls": call}}});
                send("tool-call-start", Some(self.calls), delta, out);
                self.open.push(Open { part, kind: Kind::Call { written: false }, index: self.calls });
                self.calls += 1;
                return;
            }
            PartKind::Native { wire, kind } if wire == ID => match kind.as_str() {
                PLAN => Kind::Plan,
                CITATION => Kind::Citation,
                _ => Kind::Other,
            },
            PartKind::Native { .. } | PartKind::Media { .. } => return,
        };
        let index = self.contents;
        let empty = match kind {
            Kind::Text => json!({"type": "text", "text": ""}),
            Kind::Thinking => json!({"type": "thinking", "thinking": ""}),
            _ => Value::Null,
        };
        if !empty.is_null() {
            send("content-start", Some(index), content(empty), out);
        }
        if matches!(kind, Kind::Text | Kind::Thinking | Kind::Other) {
            self.contents += 1;
        }
        self.open.push(Open { part, kind, index });
    }

    fn delta(&mut self, part: PartKey, delta: &Delta, out: &mut Vec<u8>) {
        let Some(open) = self.open.iter_mut().rev().find(|open| open.part == part) else { return };
        let index = Some(open.index);
        match (delta, open.kind) {
            (Delta::Text(text), Kind::Text) => {
                send("content-delta", index, content(json!({"text": text})), out);
            }
            (Delta::Text(text), Kind::Thinking) => {
                send("content-delta", index, content(json!({"thinking": text})), out);
            }
            (Delta::Arguments(piece), Kind::Call { .. }) if !piece.is_empty() => {
                open.kind = Kind::Call { written: true };
                arguments(index, piece, out);
            }
            (Delta::Citation(cited), Kind::Text) => {
                let mut object = citation::write(cited);
                if open.index > 0 {
                    object.insert("content_index".into(), open.index.into());
                }
                self.cite(Value::Object(object), out);
            }
            (Delta::Native(value), Kind::Plan) => {
                send("tool-plan-delta", None, json!({"delta": {"message": {"tool_plan": value}}}), out);
            }
            (Delta::Native(value), Kind::Citation) => self.cite(value.clone(), out),
            (Delta::Native(value), Kind::Other) => send("content-start", index, content(value.clone()), out),
            _ => {}
        }
    }

    fn cite(&mut self, object: Value, out: &mut Vec<u8>) {
        let index = Some(self.citations);
        self.citations += 1;
        send("citation-start", index, json!({"delta": {"message": {"citations": object}}}), out);
        send("citation-end", index, json!({}), out);
    }

    fn end_part(&mut self, part: PartKey, out: &mut Vec<u8>) {
        let Some(at) = self.open.iter().rposition(|open| open.part == part) else { return };
        let open = self.open.remove(at);
        let index = Some(open.index);
        match open.kind {
            Kind::Call { written } => {
                // Clients parse the arguments: none at all would not be JSON.
                if !written {
                    arguments(index, "{}", out);
                }
                send("tool-call-end", index, json!({}), out);
            }
            Kind::Text | Kind::Thinking | Kind::Other => send("content-end", index, json!({}), out),
            Kind::Plan | Kind::Citation => {}
        }
    }

    fn finish(&mut self, finish: &Finish, out: &mut Vec<u8>) {
        self.start(None, out);
        for part in self.open.iter().map(|open| open.part).collect::<Vec<_>>() {
            self.end_part(part, out);
        }
        let usage = self.usage.as_ref().map_or_else(|| json!({}), write_usage);
        let mut delta = Object::new();
        delta.insert("finish_reason".into(), finish_word(finish).into());
        delta.insert("usage".into(), usage);
        json::set(&mut delta, "error", self.complaint.take());
        send("message-end", None, json!({"delta": delta}), out);
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

impl Encode for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if let Event::Started { response_id, .. } = event {
            self.start(response_id.as_deref(), out);
            return;
        }
        match event {
            Event::PartStart { part, choice: 0, kind } => {
                self.start(None, out);
                self.start_part(*part, kind, out);
            }
            Event::PartDelta { part, delta } => self.delta(*part, delta, out),
            Event::PartEnd { part } => self.end_part(*part, out),
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Warning(warning) if warning.code == "vendor" => {
                self.complaint = Some(warning.message.clone());
            }
            Event::Finished(finish) => self.finish(finish, out),
            _ => {}
        }
    }

    /// The vendor tells of a failure in the last event of the stream.
    fn error(&mut self, error: &Error, out: &mut Vec<u8>) {
        self.start(None, out);
        let delta = json!({"finish_reason": "ERROR", "usage": {}, "error": error.message()});
        send("message-end", None, json!({"delta": delta}), out);
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

fn content(content: Value) -> Value {
    json!({"delta": {"message": {"content": content}}})
}

fn arguments(index: Option<u64>, piece: &str, out: &mut Vec<u8>) {
    let call = json!({"function": {"arguments": piece}});
    send("tool-call-delta", index, json!({"delta": {"message": {"tool_calls": call}}}), out);
}

/// Writes one event.
fn send(kind: &str, index: Option<u64>, body: Value, out: &mut Vec<u8>) {
    let mut object = Object::new();
    object.insert("type".into(), kind.into());
    json::set(&mut object, "index", index);
    if let Value::Object(body) = body {
        object.extend(body);
    }
    out.extend_from_slice(format!("event: {kind}\ndata: {}\n\n", Value::Object(object)).as_bytes());
}
