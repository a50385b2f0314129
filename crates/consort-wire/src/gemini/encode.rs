//! Writes answers of any vendor, as a stream or as one body, and errors.
use super::{ID, grounding, part, words};
use crate::{Encode, Reply, json};
use consort_core::{
    Accumulator, Body, Citation, Delta, Error, ErrorKind, Event, Finish, FinishReason, Object, Part, PartKey,
    PartKind, Response, Usage,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct GeminiEncode {
    id: String,
    model: String,
    usage: Option<Usage>,
    open: BTreeMap<PartKey, Open>,
    told: BTreeMap<u32, Told>,
}

/// A part that is being written.
#[derive(Debug)]
enum Open {
    /// Text goes out as it comes.
    Text {
        choice: u32,
        thinking: bool,
        /// What stands beside the first piece: the signature and vendor data.
        beside: Object,
        written: bool,
    },
    /// Everything else goes out whole, in the order in which it began.
    Other { choice: u32, fold: Box<Accumulator>, ended: bool },
}

/// What is told of one answer at its end.
#[derive(Debug, Default)]
struct Told {
    said: String,
    citations: Vec<Citation>,
    metadata: Object,
    /// Whether the last thing written was answer text.
    in_text: bool,
}

impl GeminiEncode {
    pub(super) fn new(reply: &Reply) -> Self {
        Self {
            id: reply.id.clone(),
            model: reply.model.clone(),
            usage: None,
            open: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    fn start(&mut self, key: PartKey, choice: u32, kind: &PartKind) {
        let open = match kind {
            PartKind::Text | PartKind::Refusal => {
                Open::Text { choice, thinking: false, beside: Object::new(), written: false }
            }
            PartKind::Reasoning { .. } => {
                Open::Text { choice, thinking: true, beside: Object::new(), written: false }
            }
            kind => {
                let mut fold = Box::<Accumulator>::default();
                fold.push(Event::PartStart { part: key, choice: 0, kind: kind.clone() });
                Open::Other { choice, fold, ended: false }
            }
        };
        self.told.entry(choice).or_default();
        self.open.insert(key, open);
    }

    fn delta(&mut self, key: PartKey, delta: &Delta, out: &mut Vec<u8>) {
        let (choice, thinking, beside, written) = match self.open.get_mut(&key) {
            Some(Open::Text { choice, thinking, beside, written }) => (*choice, *thinking, beside, written),
            Some(Open::Other { fold, .. }) => {
                return fold.push(Event::PartDelta { part: key, delta: delta.clone() });
            }
            None => return,
        };
        let told = self.told.entry(choice).or_default();
        match delta {
            Delta::Text(text) if !text.is_empty() => {
                if !thinking {
                    told.said.push_str(text);
                }
                let beside = std::mem::take(beside);
                *written = true;
                self.write_text(choice, thinking, text, beside, out);
            }
            Delta::Signature(signature) if signature.wire == ID => {
                beside.insert("thoughtSignature".into(), json!(signature.value));
            }
            Delta::Citation(citation) => told.citations.push((**citation).clone()),
            Delta::Vendor { wire, data } if wire == ID => {
                for (name, value) in data {
                    let whole = part::OF_ANSWER.contains(&name.as_str());
                    let place = if whole { &mut told.metadata } else { &mut *beside };
                    place.insert(name.clone(), value.clone());
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, key: PartKey, out: &mut Vec<u8>) {
        if let Some(Open::Other { choice, ended, .. }) = self.open.get_mut(&key) {
            *ended = true;
            let choice = *choice;
            while let Some(first) = self.first_whole(choice) {
                self.write_whole(first, out);
            }
            return;
        }
        match self.open.remove(&key) {
            // A signature without text is sent back too.
            Some(Open::Text { choice, thinking, beside, written })
                if !beside.is_empty() || !written && !thinking =>
            {
                self.write_text(choice, thinking, "", beside, out);
            }
            _ => {}
        }
    }

    /// What goes out next of the parts that go out whole, if it has ended.
    fn first_whole(&self, choice: u32) -> Option<PartKey> {
        let mut whole = self.open.iter().filter_map(|(key, open)| match open {
            Open::Other { choice: of, ended, .. } if *of == choice => Some((*key, *ended)),
            _ => None,
        });
        whole.next().filter(|(_, ended)| *ended).map(|(key, _)| key)
    }

    fn write_whole(&mut self, key: PartKey, out: &mut Vec<u8>) {
        let Some(Open::Other { choice, fold, .. }) = self.open.remove(&key) else { return };
        if let Some(object) = fold.partial().parts.pop().and_then(|part| part::write(&part, true)) {
            self.told.entry(choice).or_default().in_text = false;
            self.chunk(&candidate(choice, vec![Value::Object(object)]), None, out);
        }
    }

    fn write_text(&mut self, choice: u32, thinking: bool, text: &str, beside: Object, out: &mut Vec<u8>) {
        let mut object = part::one("text", json!(text));
        if thinking {
            object.insert("thought".into(), true.into());
        }
        object.extend(beside);
        self.told.entry(choice).or_default().in_text = !thinking;
        self.chunk(&candidate(choice, vec![Value::Object(object)]), None, out);
    }

    fn finish(&mut self, finish: &Finish, out: &mut Vec<u8>) {
        for key in self.open.keys().copied().collect::<Vec<_>>() {
            self.end(key, out);
        }
        let mut told = std::mem::take(&mut self.told);
        let usage = self.usage.take();
        if told.is_empty() && is_blocked(finish) {
            return self.event_of(blocked(), usage.as_ref(), out);
        }
        let ends = [(0, words::of_finish(finish))].into_iter().chain(
            finish
                .others
                .iter()
                .map(|other| (other.choice, words::word(other.reason, other.vendor_reason.as_deref()))),
        );
        let ends: Vec<Value> = ends
            .map(|(choice, word)| {
                let told = told.remove(&choice).unwrap_or_default();
                // The vendor ends a text with an empty one; after anything else that would be a new part.
                let last = told.in_text.then(|| json!({"text": ""}));
                let mut end = candidate(choice, last.into_iter().collect());
                end.insert("finishReason".into(), word.into());
                end.extend(metadata(told.metadata, &told.citations, &told.said));
                Value::Object(end)
            })
            .collect();
        self.event_of(json!({ "candidates": ends }), usage.as_ref(), out);
    }

    fn chunk(&self, candidate: &Object, usage: Option<&Usage>, out: &mut Vec<u8>) {
        self.event_of(json!({ "candidates": [candidate] }), usage, out);
    }

    fn event_of(&self, mut chunk: Value, usage: Option<&Usage>, out: &mut Vec<u8>) {
        if let Value::Object(chunk) = &mut chunk {
            json::set(chunk, "usageMetadata", usage.map(write_usage));
            identify(chunk, &self.model, &self.id);
        }
        data(&chunk, out);
    }
}

impl Encode for GeminiEncode {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Started { model, response_id } => {
                for (mine, told) in [(&mut self.model, model), (&mut self.id, response_id)] {
                    if let Some(told) = told {
                        mine.clone_from(told);
                    }
                }
            }
            Event::PartStart { part, choice, kind } => self.start(*part, *choice, kind),
            Event::PartDelta { part, delta } => self.delta(*part, delta, out),
            Event::PartEnd { part } => self.end(*part, out),
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Finished(finish) => self.finish(finish, out),
            Event::BadArguments { .. } | Event::Warning(_) | Event::Attempt(_) | Event::Native { .. } => {}
        }
    }

    fn error(&mut self, failure: &Error, out: &mut Vec<u8>) {
        data(&error(failure).1, out);
    }
}

/// A whole answer as one body.
pub(super) fn response(response: &Response, reply: &Reply) -> Value {
    let finish = &response.finish;
    let first = answer(0, &response.parts, words::of_finish(finish));
    let others = response.others.iter().map(|other| {
        answer(other.index, &other.parts, words::word(other.reason, other.vendor_reason.as_deref()))
    });
    let mut body = if response.parts.is_empty() && is_blocked(finish) {
        blocked()
    } else {
        json!({ "candidates": std::iter::once(first).chain(others).collect::<Vec<_>>() })
    };
    if let Value::Object(body) = &mut body {
        json::set(body, "usageMetadata", response.usage.as_ref().map(write_usage));
        identify(
            body,
            response.resolved_model.as_deref().unwrap_or(&reply.model),
            response.response_id.as_deref().unwrap_or(&reply.id),
        );
    }
    body
}

/// The vendor's error body, by the kinds of its public interface.
pub(super) fn error(error: &Error) -> (u16, Value) {
    let (code, word) = match error.kind() {
        ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentFilter => {
            (400, "INVALID_ARGUMENT")
        }
        ErrorKind::Unsupported => (400, "FAILED_PRECONDITION"),
        ErrorKind::Auth | ErrorKind::Setup => (401, "UNAUTHENTICATED"),
        ErrorKind::Permission => (403, "PERMISSION_DENIED"),
        ErrorKind::ModelNotFound => (404, "NOT_FOUND"),
        ErrorKind::RateLimit | ErrorKind::Quota => (429, "RESOURCE_EXHAUSTED"),
        ErrorKind::Cancelled => (499, "CANCELLED"),
        ErrorKind::Overloaded => (503, "UNAVAILABLE"),
        ErrorKind::Timeout => (504, "DEADLINE_EXCEEDED"),
        ErrorKind::Server
        | ErrorKind::Network
        | ErrorKind::Protocol
        | ErrorKind::Interrupted
        | ErrorKind::PluginCrash
        | ErrorKind::PluginBug => (500, "INTERNAL"),
    };
    let mut inner = Object::new();
    inner.insert("code".into(), code.into());
    inner.insert("message".into(), json!(error.message()));
    inner.insert("status".into(), word.into());
    if let Some(wait) = error.retry_after() {
        let delay = format!("{}s", wait.as_secs_f64());
        let info = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay});
        inner.insert("details".into(), json!([info]));
    }
    (code, Value::Object(part::one("error", Value::Object(inner))))
}

fn answer(choice: u32, parts: &[Part], word: &str) -> Value {
    let mut said = String::new();
    let mut citations = Vec::new();
    let mut told = Object::new();
    let mut written = Vec::new();
    for part in parts {
        if let Body::Text { text, citations: cited } = &part.body {
            said.push_str(text);
            citations.extend(cited.iter().cloned());
        }
        let of_answer = part.vendor.of(ID).into_iter().flatten();
        let of_answer = of_answer.filter(|(key, _)| part::OF_ANSWER.contains(&key.as_str()));
        told.extend(of_answer.map(|(key, value)| (key.clone(), value.clone())));
        let nothing = matches!(&part.body, Body::Reasoning { text, .. } if text.is_empty());
        if let Some(object) = part::write(part, true)
            && (!nothing || object.contains_key("thoughtSignature"))
        {
            written.push(Value::Object(object));
        }
    }
    let mut candidate = candidate(choice, written);
    candidate.insert("finishReason".into(), word.into());
    candidate.extend(metadata(told, &citations, &said));
    Value::Object(candidate)
}

/// A prompt that a filter refused has no answer to end, so the vendor has no word for its end.
fn is_blocked(finish: &Finish) -> bool {
    finish.reason == FinishReason::ContentFilter && finish.vendor_reason.is_none()
}

fn blocked() -> Value {
    json!({"promptFeedback": {"blockReason": "OTHER"}})
}

fn candidate(choice: u32, parts: Vec<Value>) -> Object {
    let mut content = part::one("role", "model".into());
    if !parts.is_empty() {
        content.insert("parts".into(), Value::Array(parts));
    }
    let mut candidate = part::one("content", Value::Object(content));
    candidate.insert("index".into(), choice.into());
    candidate
}

/// What is told of an answer: the vendor's own words, or citations in them.
fn metadata(mut own: Object, citations: &[Citation], said: &str) -> Object {
    let told = own.contains_key("groundingMetadata") || own.contains_key("citationMetadata");
    if !told && !citations.is_empty() {
        own.insert("groundingMetadata".into(), grounding::metadata(citations, said));
    }
    own
}

fn identify(body: &mut Object, model: &str, id: &str) {
    for (key, value) in [("modelVersion", model), ("responseId", id)] {
        json::set(body, key, (!value.is_empty()).then_some(value));
    }
}

/// The vendor's own counts, or any vendor's in its words.
fn write_usage(usage: &Usage) -> Value {
    const OWN: [&str; 4] = ["promptTokenCount", "candidatesTokenCount", "totalTokenCount", "trafficType"];
    if let Some(own) = usage.vendor.as_deref().filter(|own| OWN.iter().any(|key| own.get(key).is_some())) {
        return own.clone();
    }
    let output = match usage.reasoning {
        Some(reasoning) if usage.reasoning_in_output => {
            usage.output.map(|output| output.saturating_sub(reasoning))
        }
        _ => usage.output,
    };
    let sum = usage.all_input().unwrap_or(0).saturating_add(usage.all_output().unwrap_or(0));
    let mut counts = Object::new();
    json::set(&mut counts, "promptTokenCount", usage.all_input());
    json::set(&mut counts, "candidatesTokenCount", output);
    json::set(&mut counts, "cachedContentTokenCount", usage.cached);
    json::set(&mut counts, "thoughtsTokenCount", usage.reasoning);
    json::set(&mut counts, "totalTokenCount", Some(usage.total.unwrap_or(sum)));
    Value::Object(counts)
}

fn data(value: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(value.to_string().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
}
