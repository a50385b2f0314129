//! Events as this format's stream, and a whole answer as its single body.
//!
//! A part is opened at its first words and not at its start, for its item's id comes in between. Parts that
//! share an item are written into one; an item ends when the next one begins, or with the answer.
use super::answer::{self, Standing};
use super::output::{Item, Kind, Open};
use super::{ID, citations};
use crate::{Encode, OpenAiChat, Reply, Wire};
use consort_core::{Body, Delta, Error, Event, Finish, Part, PartKey, PartKind, Response, Usage};
use serde_json::{Value, json};

/// Writes one answer.
#[derive(Debug)]
pub(super) struct Encoder {
    reply: Reply,
    id: String,
    model: String,
    created: bool,
    sequence: u64,
    items: Vec<Item>,
    parts: Vec<(PartKey, Open)>,
    usage: Option<Usage>,
    /// Whether the model said that it declines.
    refused: bool,
    /// The response object of the end.
    last: Value,
}

impl Encoder {
    pub(super) fn new(reply: &Reply) -> Self {
        Self {
            reply: reply.clone(),
            id: if reply.id.is_empty() { "resp_0".to_owned() } else { reply.id.clone() },
            model: reply.model.clone(),
            created: false,
            sequence: 0,
            items: Vec::new(),
            parts: Vec::new(),
            usage: None,
            refused: false,
            last: Value::Null,
        }
    }

    /// Writes one event of the stream.
    fn send(&mut self, kind: &str, mut data: Value, out: &mut Vec<u8>) {
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        out.extend_from_slice(format!("event: {kind}\ndata: ").as_bytes());
        out.extend_from_slice(data.to_string().as_bytes());
        out.extend_from_slice(b"\n\n");
    }

    /// Writes an event that happens at a place of an item.
    fn tell(&mut self, kind: &str, item: usize, place: Option<(&str, u64)>, data: Value, out: &mut Vec<u8>) {
        let mut event = json!({
            "type": kind,
            "item_id": self.items[item].id,
            "output_index": item,
        });
        if let Some((name, index)) = place {
            event[name] = index.into();
        }
        if let (Some(event), Value::Object(data)) = (event.as_object_mut(), data) {
            event.extend(data);
        }
        self.send(kind, event, out);
    }

    fn create(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.created, true) {
            return;
        }
        let standing = Standing::new("in_progress");
        let response = answer::response(&self.id, &self.model, &self.reply, &standing, Vec::new(), None);
        for kind in ["response.created", "response.in_progress"] {
            self.send(kind, json!({"type": kind, "response": response}), out);
        }
    }

    fn delta(&mut self, part: PartKey, delta: &Delta, out: &mut Vec<u8>) {
        let Some(at) = self.parts.iter().rposition(|(key, _)| *key == part) else { return };
        match delta {
            Delta::Vendor { wire, data } => {
                if wire == ID {
                    self.parts[at].1.fields.extend(data.clone());
                }
            }
            Delta::Signature(signature) => {
                if signature.wire == ID {
                    self.parts[at].1.secret.push_str(&signature.value);
                }
            }
            Delta::Native(value) => self.parts[at].1.native = value.clone(),
            Delta::Media(bytes) => self.parts[at].1.payload.extend_from_slice(bytes),
            Delta::Url(_) => {}
            Delta::Text(piece) | Delta::Arguments(piece) => {
                self.parts[at].1.text.push_str(piece);
                let item = self.open(at, out);
                let open = &self.parts[at].1;
                if let Some(kind) = open.delta_event(&self.items[item]) {
                    let place = open.place();
                    let mut data = json!({"delta": piece});
                    if kind == "response.output_text.delta" {
                        data["logprobs"] = json!([]);
                    }
                    self.tell(kind, item, place, data, out);
                }
            }
            Delta::Citation(citation) => {
                let Some(annotation) = citations::write(citation) else { return };
                let item = self.open(at, out);
                let open = &mut self.parts[at].1;
                let data = json!({"annotation_index": open.annotations.len(), "annotation": annotation});
                open.annotations.push(annotation);
                let place = open.place();
                self.tell("response.output_text.annotation.added", item, place, data, out);
            }
        }
    }

    /// The item of a part, begun where it was not yet.
    fn open(&mut self, at: usize, out: &mut Vec<u8>) -> usize {
        if let Some(item) = self.parts[at].1.item {
            return item;
        }
        // Calls stand in the order in which they began, whosever arguments come first.
        if self.parts[at].1.is_call() {
            for earlier in 0..at {
                if self.parts[earlier].1.is_call() {
                    self.open(earlier, out);
                }
            }
        }
        let open = &self.parts[at].1;
        let joined = self.items.len().checked_sub(1).filter(|last| open.joins(&self.items[*last]));
        let item = joined.unwrap_or_else(|| self.begin(at, out));
        let open = &mut self.parts[at].1;
        open.item = Some(item);
        open.index = self.items[item].take_place(open);
        let open = &self.parts[at].1;
        if let Some((event, part)) = open.part_event("added", "") {
            let place = open.place();
            self.tell(event, item, place, json!({"part": part}), out);
        }
        item
    }

    /// Begins the item of a part. What came before it ends.
    fn begin(&mut self, at: usize, out: &mut Vec<u8>) -> usize {
        self.close(false, out);
        let index = self.items.len();
        let item = Item::new(&self.parts[at].1, &self.id, index);
        let event = "response.output_item.added";
        let data = json!({"type": event, "output_index": index, "item": item.announced()});
        self.items.push(item);
        self.send(event, data, out);
        index
    }

    fn end(&mut self, part: PartKey, out: &mut Vec<u8>) {
        let Some(at) = self.parts.iter().rposition(|(key, _)| *key == part) else { return };
        if self.parts[at].1.is_nothing() {
            self.parts.remove(at);
            return;
        }
        let item = self.open(at, out);
        let (_, open) = self.parts.remove(at);
        for (event, data) in open.end_events(&self.items[item]) {
            self.tell(event, item, open.place(), data, out);
        }
        self.items[item].take(open);
    }

    /// Ends the items of which all parts ended; at the answer's end all.
    fn close(&mut self, all: bool, out: &mut Vec<u8>) {
        for index in 0..self.items.len() {
            let item = &mut self.items[index];
            if item.done || !all && item.open > 0 {
                continue;
            }
            item.done = true;
            let value = item.value();
            let event = "response.output_item.done";
            self.send(event, json!({"type": event, "output_index": index, "item": value}), out);
        }
    }

    fn finish(&mut self, finish: &Finish, out: &mut Vec<u8>) {
        self.create(out);
        while let Some((part, _)) = self.parts.first() {
            let part = *part;
            self.end(part, out);
        }
        self.close(true, out);
        let standing = Standing::of(finish, self.refused);
        let event =
            if standing.status == "incomplete" { "response.incomplete" } else { "response.completed" };
        let usage = Some(answer::usage(self.usage.as_ref()));
        let response = self.response(&standing, usage);
        self.last = response.clone();
        self.send(event, json!({"type": event, "response": response}), out);
    }

    fn response(&self, standing: &Standing, usage: Option<Value>) -> Value {
        let output = self.items.iter().map(Item::value).collect();
        answer::response(&self.id, &self.model, &self.reply, standing, output, usage)
    }
}

impl Encode for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Started { model, response_id } => {
                if !self.created {
                    if let Some(model) = model {
                        self.model.clone_from(model);
                    }
                    if let Some(id) = response_id {
                        self.id.clone_from(id);
                    }
                    self.create(out);
                }
            }
            Event::PartStart { part, choice: 0, kind } => {
                self.create(out);
                self.refused |= matches!(kind, PartKind::Refusal);
                if let Some(kind) = Kind::of(kind) {
                    self.parts.push((*part, Open::new(kind)));
                }
            }
            Event::PartDelta { part, delta } => self.delta(*part, delta, out),
            Event::PartEnd { part } => self.end(*part, out),
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Finished(finish) => self.finish(finish, out),
            // Other answers side by side are unknown to this format.
            Event::PartStart { .. }
            | Event::BadArguments { .. }
            | Event::Warning(_)
            | Event::Attempt(_)
            | Event::Native { .. } => {}
        }
    }

    fn error(&mut self, error: &Error, out: &mut Vec<u8>) {
        let object = OpenAiChat.encode_error(error).1["error"].take();
        // Some clients look into the event itself, some into its `error`.
        let event = json!({
            "type": "error",
            "code": object["code"],
            "message": object["message"],
            "param": null,
            "error": object,
        });
        self.send("error", event, out);
        if self.created {
            // What was not whole is not in it: the pieces were sent.
            self.items.retain(|item| item.done);
            let mut response = self.response(&Standing::new("failed"), None);
            response["error"] = json!({"code": object["code"], "message": object["message"]});
            self.send("response.failed", json!({"type": "response.failed", "response": response}), out);
        }
    }
}

/// A whole answer as the single body: what its stream would end with.
pub(super) fn response(response: &Response, reply: &Reply) -> Value {
    let mut encoder = Encoder::new(reply);
    let mut stream = Vec::new();
    let started =
        Event::Started { model: response.resolved_model.clone(), response_id: response.response_id.clone() };
    encoder.event(&started, &mut stream);
    for (at, part) in response.parts.iter().enumerate() {
        for event in events_of(part, PartKey(at as u32)) {
            encoder.event(&event, &mut stream);
            stream.clear();
        }
    }
    encoder.usage.clone_from(&response.usage);
    encoder.event(&Event::Finished(response.finish.clone()), &mut stream);
    encoder.last
}

/// The events that tell a part.
fn events_of(part: &Part, key: PartKey) -> Vec<Event> {
    let mut deltas = Vec::new();
    if let Some(data) = part.vendor.of(ID) {
        deltas.push(Delta::Vendor { wire: ID.to_owned(), data: data.clone() });
    }
    let kind = match &part.body {
        Body::Text { text, citations } => {
            deltas.push(Delta::Text(text.clone()));
            deltas.extend(citations.iter().cloned().map(|citation| Delta::Citation(Box::new(citation))));
            PartKind::Text
        }
        Body::Reasoning { text, redacted } => {
            deltas.push(Delta::Text(text.clone()));
            PartKind::Reasoning { redacted: *redacted }
        }
        Body::Refusal { text } => {
            deltas.push(Delta::Text(text.clone()));
            PartKind::Refusal
        }
        Body::ToolCall(call) => {
            deltas.push(Delta::Arguments(call.arguments.raw().to_owned()));
            PartKind::ToolCall { id: call.id.clone(), name: call.name.clone() }
        }
        Body::Media(media) => {
            if let consort_core::MediaSource::Bytes(bytes) = &media.source {
                deltas.push(Delta::Media(bytes.clone()));
            }
            PartKind::Media { mime: media.mime.clone() }
        }
        Body::Native { wire, kind, value } => {
            deltas.push(Delta::Native(value.clone()));
            PartKind::Native { wire: wire.clone(), kind: kind.clone() }
        }
        Body::ToolResult(_) => return Vec::new(),
    };
    if let Some(signature) = &part.signature {
        deltas.push(Delta::Signature(signature.clone()));
    }
    let deltas = deltas.into_iter().map(|delta| Event::PartDelta { part: key, delta });
    std::iter::once(Event::PartStart { part: key, choice: 0, kind })
        .chain(deltas)
        .chain([Event::PartEnd { part: key }])
        .collect()
}
