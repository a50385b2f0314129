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
    usage: Option<Usage>,
    model: (Option<String>, Option<String>),
    calls: u32,
}

#[derive(Debug, Clone)]
struct Part {
    kind: PartKind,
    choice: u32,
    /// The index of a call; whether a text part is still to be begun.
    index: u32,
    fresh: bool,
}

impl EventWriter {
    /// The event in the protocol's words: none, or one.
    pub fn write(&mut self, event: Event) -> Option<WireEvent<'static>> {
        match event {
            Event::Started { model, response_id } => {
                self.model = (model.clone(), response_id.clone());
                (model.is_some() || response_id.is_some()).then(|| WireEvent {
                    id: model,
                    response_id,
                    ..WireEvent::typed("model")
                })
            }
            Event::PartStart { part, choice, kind } => self.start(part, choice, kind),
            Event::PartDelta { part, delta } => self.delta(part, delta),
            Event::PartEnd { part } => {
                self.parts.remove(&part);
                None
            }
            Event::BadArguments { .. } => None,
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
            Event::Finished(_) => None,
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
        let mut part = Part { kind: kind.clone(), choice, index: 0, fresh: true };
        let event = if let PartKind::ToolCall { id, name } = kind {
            part.index = self.calls;
            self.calls += 1;
            Some(WireEvent {
                index: Some(part.index),
                id: Some(id),
                name: Some(name),
                choice,
                ..WireEvent::typed("tool_call_delta")
            })
        } else {
            None
        };
        self.parts.insert(key, part);
        event
    }

    fn delta(&mut self, key: PartKey, delta: Delta) -> Option<WireEvent<'static>> {
        let part = self.parts.get_mut(&key)?;
        let fresh = std::mem::take(&mut part.fresh);
        let words = |kind: &PartKind| match kind {
            PartKind::Reasoning { .. } => "reasoning",
            PartKind::Refusal => "refusal",
            PartKind::ToolCall { .. } => "tool_call_delta",
            _ => "text",
        };
        let redacted = matches!(part.kind, PartKind::Reasoning { redacted: true });
        let is_words = matches!(part.kind, PartKind::Text | PartKind::Reasoning { .. } | PartKind::Refusal);
        let index = matches!(part.kind, PartKind::ToolCall { .. }).then_some(part.index);
        let base = WireEvent {
            choice: part.choice,
            redacted,
            index,
            part: (fresh && is_words).then_some(Cow::Borrowed("new")),
            ..WireEvent::typed(words(&part.kind))
        };
        match delta {
            Delta::Text(text) => Some(WireEvent { text: Some(text.into()), ..base }),
            Delta::Arguments(raw) => Some(WireEvent { arguments: Some(raw.into()), ..base }),
            Delta::Signature(signature) => {
                let opaque =
                    serde_json::from_str(&signature.value).unwrap_or_else(|_| signature.value.into());
                Some(WireEvent { opaque: Some(opaque), ..base })
            }
            Delta::Media(bytes) => {
                let PartKind::Media { mime } = &part.kind else { return None };
                Some(WireEvent {
                    mime: Some(mime.clone()),
                    data: Some(STANDARD.encode(&bytes).into()),
                    choice: part.choice,
                    ..WireEvent::typed("media")
                })
            }
            Delta::Url(url) => {
                let PartKind::Media { mime } = &part.kind else { return None };
                Some(WireEvent {
                    mime: Some(mime.clone()),
                    url: Some(url),
                    choice: part.choice,
                    ..WireEvent::typed("media")
                })
            }
            Delta::Citation(citation) => Some(WireEvent {
                url: citation.url,
                title: citation.title,
                quote: citation.quote,
                start: citation.start,
                end: citation.end,
                choice: part.choice,
                ..WireEvent::typed("citation")
            }),
            Delta::Native(value) => {
                let PartKind::Native { kind, .. } = &part.kind else { return None };
                Some(WireEvent {
                    native: Some(kind.clone()),
                    value: Some(value),
                    choice: part.choice,
                    ..WireEvent::typed("native")
                })
            }
            Delta::Vendor { .. } => None,
        }
    }
}
