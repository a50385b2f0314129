//! One event of `generate`, as the protocol writes it.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The parameters of `generate/event`.
#[derive(Debug, Deserialize)]
pub struct EventBatch<'a> {
    pub request: u64,
    #[serde(borrow, default)]
    pub events: Vec<WireEvent<'a>>,
}

/// The same, each event to be read by itself.
#[derive(Deserialize)]
struct Apart<'a> {
    request: u64,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

impl<'a> EventBatch<'a> {
    /// Reads them. One that cannot be read takes no other with it: what is wrong with it comes beside them.
    pub fn read(text: &'a str) -> Result<(Self, Vec<String>), serde_json::Error> {
        // Nearly always all are as they should be, and then they are read at once.
        if let Ok(batch) = serde_json::from_str(text) {
            return Ok((batch, Vec::new()));
        }
        let apart: Apart<'a> = serde_json::from_str(text)?;
        let mut batch = Self { request: apart.request, events: Vec::new() };
        let mut unread = Vec::new();
        for event in apart.events {
            match serde_json::from_str(event.get()) {
                Ok(event) => batch.events.push(event),
                Err(error) => unread.push(error.to_string()),
            }
        }
        Ok((batch, unread))
    }
}

/// One event. Flat, because nearly all are text and are read at the speed of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireEvent<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub part: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_zero")]
    pub choice: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands it a reference
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl WireEvent<'_> {
    /// An event of this type and nothing more.
    pub(super) fn typed(kind: &'static str) -> WireEvent<'static> {
        WireEvent { kind: Cow::Borrowed(kind), ..WireEvent::default() }
    }
}
