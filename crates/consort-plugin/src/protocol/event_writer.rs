//! Writes the contract's events as a plugin's.
use super::{GenerateResult, UsageInfo, WireEvent};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Delta, Event, Finish, PartKey, PartKind, Usage};
use std::borrow::Cow;
use std::collections::HashMap;

/// Writes the contract's events as a plugin's.
#[derive(Debug, Default)]
pub struct EventWriter {
    parts: HashMap<PartKey, Part>,
    /// The part that each choice's words went to last. Words for another begin a new part.
    last: HashMap<u32, PartKey>,
    usage: Option<Usage>,
    calls: u32,
}

/// A part that was begun. What the protocol has whole only, and state that comes in pieces, waits for its end.
#[derive(Debug)]
struct Part {
    kind: PartKind,
    choice: u32,
    /// The index of a call.
    index: u32,
    signature: String,
    media: Vec<u8>,
    url: Option<String>,
    value: Option<serde_json::Value>,
}

impl EventWriter {
    /// The event in the protocol's words: none, or one.
    pub fn write(&mut self, event: Event) -> Option<WireEvent<'static>> {
        match event {
            Event::Started { model, response_id } => (model.is_some() || response_id.is_some())
                .then(|| WireEvent { id: model, response_id, ..WireEvent::typed("model") }),
            Event::PartStart { part, choice, kind } => self.start(part, choice, kind),
            Event::PartDelta { part, delta } => self.delta(part, delta),
            Event::PartEnd { part } => self.end(part),
            Event::BadArguments { .. } | Event::Attempt(_) | Event::Finished(_) => None,
            Event::Usage(usage) => {
                let info = UsageInfo::from(&usage);
                self.usage.get_or_insert_default().update(&usage);
                Some(WireEvent {
                    input_tokens: info.input_tokens,
                    output_tokens: info.output_tokens,
                    cached_input_tokens: info.cached_input_tokens,
                    cache_write_tokens: info.cache_write_tokens,
                    reasoning_tokens: info.reasoning_tokens,
                    total_tokens: info.total_tokens,
                    details: info.details,
                    ..WireEvent::typed("usage")
                })
            }
            Event::Warning(warning) => {
                Some(WireEvent { message: Some(warning.message), ..WireEvent::typed("warning") })
            }
            Event::Native { value } => Some(WireEvent { value: Some(value), ..WireEvent::typed("raw") }),
        }
    }

    /// The answer that ends the request.
    pub fn finish(&self, finish: Finish) -> GenerateResult {
        GenerateResult {
            finish_reason: Some(finish.reason.as_str().to_owned()),
            vendor_reason: finish.vendor_reason,
            stop_sequence: finish.stop_sequence,
            usage: self.usage.as_ref().map(UsageInfo::from),
            ..GenerateResult::default()
        }
    }

    fn start(&mut self, key: PartKey, choice: u32, kind: PartKind) -> Option<WireEvent<'static>> {
        let mut index = 0;
        let event = if let PartKind::ToolCall { id, name } = &kind {
            index = self.calls;
            self.calls += 1;
            Some(WireEvent {
                index: Some(index),
                id: Some(id.clone()),
                name: Some(name.clone()),
                choice,
                ..WireEvent::typed("tool_call_delta")
            })
        } else {
            None
        };
        let (signature, media) = (String::new(), Vec::new());
        self.parts.insert(key, Part { kind, choice, index, signature, media, url: None, value: None });
        event
    }

    fn delta(&mut self, key: PartKey, delta: Delta) -> Option<WireEvent<'static>> {
        let part = self.parts.get_mut(&key)?;
        match delta {
            Delta::Text(text) => {
                let mut event = part.event();
                if self.last.insert(part.choice, key) != Some(key) {
                    event.part = Some(Cow::Borrowed("new"));
                }
                event.text = Some(text.into());
                Some(event)
            }
            Delta::Arguments(raw) => Some(WireEvent { arguments: Some(raw.into()), ..part.event() }),
            Delta::Citation(citation) => Some(WireEvent {
                url: citation.url,
                title: citation.title,
                quote: citation.quote,
                start: citation.start,
                end: citation.end,
                choice: part.choice,
                ..WireEvent::typed("citation")
            }),
            Delta::Signature(signature) => {
                part.signature.push_str(&signature.value);
                None
            }
            Delta::Media(bytes) => {
                part.media.extend_from_slice(&bytes);
                None
            }
            Delta::Url(url) => {
                part.url = Some(url);
                None
            }
            Delta::Native(value) => {
                part.value = Some(value);
                None
            }
            Delta::Vendor { .. } => None,
        }
    }

    fn end(&mut self, key: PartKey) -> Option<WireEvent<'static>> {
        let mut part = self.parts.remove(&key)?;
        let signature = std::mem::take(&mut part.signature);
        // The text itself, as a JSON text: the host gives back what it was given.
        let opaque = (!signature.is_empty()).then(|| signature.into());
        let choice = part.choice;
        match part.kind {
            PartKind::Media { mime } => {
                let data = part.url.is_none().then(|| STANDARD.encode(&part.media).into());
                let mime = Some(mime).filter(|mime| !mime.is_empty());
                let url = part.url;
                Some(WireEvent { choice, opaque, mime, data, url, ..WireEvent::typed("media") })
            }
            PartKind::Native { kind, .. } => Some(WireEvent {
                native: Some(kind),
                value: part.value,
                opaque,
                choice,
                ..WireEvent::typed("native")
            }),
            _ if opaque.is_some() => {
                let mut event = part.event();
                let is_words = event.index.is_none();
                if is_words && self.last.insert(choice, key) != Some(key) {
                    event.part = Some(Cow::Borrowed("new"));
                }
                Some(WireEvent { opaque, ..event })
            }
            _ => None,
        }
    }
}

impl Part {
    /// An event of this part, as yet without content.
    fn event(&self) -> WireEvent<'static> {
        let (kind, redacted, index) = match self.kind {
            PartKind::Reasoning { redacted } => ("reasoning", redacted, None),
            PartKind::Refusal => ("refusal", false, None),
            PartKind::ToolCall { .. } => ("tool_call_delta", false, Some(self.index)),
            PartKind::Text | PartKind::Media { .. } | PartKind::Native { .. } => ("text", false, None),
        };
        WireEvent { choice: self.choice, redacted, index, ..WireEvent::typed(kind) }
    }
}
