//! The one fold from events to a whole answer.
use crate::{
    Arguments, Attempt, Body, Choice, Delta, Error, ErrorKind, Event, Finish, FinishReason, Media,
    MediaSource, Part, PartKey, PartKind, Response, Signature, Usage, Warning,
};
use bytes::{Bytes, BytesMut};
use serde_json::Value;

/// Folds the events of one answer into a [`Response`].
///
/// ```
/// # use consort_core::{Accumulator, Event};
/// let mut fold = Accumulator::default();
/// for event in Event::text_answer("Good morning.") {
///     fold.push(event);
/// }
/// assert_eq!(fold.finish().unwrap().text(), "Good morning.");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Accumulator {
    parts: Vec<Building>,
    usage: Option<Usage>,
    model: Option<String>,
    response_id: Option<String>,
    finish: Option<Finish>,
    warnings: Vec<Warning>,
    attempts: Vec<Attempt>,
    native: Vec<Value>,
}

/// A part that is being put together.
#[derive(Debug, Clone)]
struct Building {
    key: PartKey,
    choice: u32,
    part: Part,
    /// Text or arguments; grown here, moved into the part at the end.
    text: String,
    media: BytesMut,
}

impl Accumulator {
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Started { model, response_id } => {
                self.model = model.or(self.model.take());
                self.response_id = response_id.or(self.response_id.take());
            }
            Event::PartStart { part, choice, kind } => self.parts.push(Building::new(part, choice, kind)),
            Event::PartDelta { part, delta } => {
                if let Some(building) = self.building(part) {
                    building.push(delta);
                }
            }
            Event::PartEnd { .. } | Event::BadArguments { .. } => {}
            Event::Usage(usage) => self.usage.get_or_insert_default().update(&usage),
            Event::Warning(warning) => self.warnings.push(warning),
            Event::Attempt(attempt) => self.attempts.push(*attempt),
            Event::Native { value } => self.native.push(value),
            Event::Finished(finish) => self.finish = Some(finish),
        }
    }

    /// The whole answer. An answer that never finished is an error: end of stream is not success.
    pub fn finish(self) -> Result<Response, Error> {
        if self.finish.is_none() {
            return Err(Error::new(ErrorKind::Interrupted, "the answer ended before it was finished"));
        }
        Ok(self.partial())
    }

    /// What there is so far, finished or not.
    pub fn partial(self) -> Response {
        let finish = self.finish.unwrap_or_else(|| FinishReason::Other.into());
        let mut parts = Vec::new();
        let mut others: Vec<Choice> = finish
            .others
            .iter()
            .map(|other| Choice {
                index: other.choice,
                parts: Vec::new(),
                reason: other.reason,
                vendor_reason: other.vendor_reason.clone(),
            })
            .collect();
        for building in self.parts {
            let (choice, part) = building.done();
            if choice == 0 {
                parts.push(part);
                continue;
            }
            if let Some(other) = others.iter_mut().find(|other| other.index == choice) {
                other.parts.push(part);
            } else {
                let reason = FinishReason::Other;
                others.push(Choice { index: choice, parts: vec![part], reason, vendor_reason: None });
            }
        }
        // Answers side by side come and end in any order.
        others.sort_by_key(|other| other.index);
        Response {
            parts,
            usage: self.usage,
            resolved_model: self.model,
            response_id: self.response_id,
            finish,
            others,
            warnings: self.warnings,
            attempts: self.attempts,
            native: self.native,
        }
    }

    fn building(&mut self, key: PartKey) -> Option<&mut Building> {
        self.parts.iter_mut().rev().find(|building| building.key == key)
    }
}

impl Building {
    fn new(key: PartKey, choice: u32, kind: PartKind) -> Self {
        let part: Part = match kind {
            PartKind::Text => Part::text(""),
            PartKind::Reasoning { redacted } => Body::Reasoning { text: String::new(), redacted }.into(),
            PartKind::Refusal => Body::Refusal { text: String::new() }.into(),
            PartKind::ToolCall { id, name } => Part::tool_call(id, name, ""),
            PartKind::Media { mime } => Part::media(Media::bytes(mime, Bytes::new())),
            PartKind::Native { wire, kind } => Part::native(wire, kind, Value::Null),
        };
        Self { key, choice, part, text: String::new(), media: BytesMut::new() }
    }

    fn push(&mut self, delta: Delta) {
        match delta {
            Delta::Text(text) | Delta::Arguments(text) => self.text.push_str(&text),
            Delta::Media(bytes) => self.media.extend_from_slice(&bytes),
            Delta::Url(url) => {
                if let Body::Media(media) = &mut self.part.body {
                    media.source = MediaSource::Url(url);
                }
            }
            Delta::Signature(signature) => self.sign(signature),
            Delta::Citation(citation) => {
                if let Body::Text { citations, .. } = &mut self.part.body {
                    citations.push(*citation);
                }
            }
            Delta::Native(new) => {
                if let Body::Native { value, .. } = &mut self.part.body {
                    *value = new;
                }
            }
            Delta::Vendor { wire, data } => self.part.vendor.merge(&wire, data),
        }
    }

    fn sign(&mut self, new: Signature) {
        match &mut self.part.signature {
            Some(old) if old.wire == new.wire => old.value.push_str(&new.value),
            slot => *slot = Some(new),
        }
    }

    fn done(mut self) -> (u32, Part) {
        match &mut self.part.body {
            Body::Text { text, .. } | Body::Reasoning { text, .. } | Body::Refusal { text } => {
                *text = self.text;
            }
            Body::ToolCall(call) => call.arguments = Arguments::new(self.text),
            Body::Media(media) => {
                if let MediaSource::Bytes(bytes) = &mut media.source {
                    *bytes = self.media.freeze();
                }
            }
            Body::ToolResult(_) | Body::Native { .. } => {}
        }
        (self.choice, self.part)
    }
}
