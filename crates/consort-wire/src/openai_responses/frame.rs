//! One event of the stream, read as far as it is needed: pieces of text stay borrowed from the frame, and what
//! a frame echoes of the request is skipped.
use crate::lax::{Number, Text};
use consort_core::Object;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A stream's event. What it does not have is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    output_index: Number,
    content_index: Number,
    summary_index: Number,
    #[serde(borrow)]
    delta: Text<'a>,
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    refusal: Text<'a>,
    #[serde(borrow)]
    arguments: Text<'a>,
    #[serde(borrow)]
    input: Text<'a>,
    #[serde(borrow)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotation: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) response: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl Frame<'_> {
    /// The place of its item in the output, where the event says.
    pub(super) fn index(&self) -> Option<u64> {
        self.output_index.0
    }

    /// Where in its item the event happens.
    pub(super) fn at(&self) -> u64 {
        self.summary_index.0.or(self.content_index.0).unwrap_or(0)
    }

    /// The piece that an event adds.
    pub(super) fn piece(&self) -> &str {
        self.delta.get().unwrap_or_default()
    }

    /// The whole text that an event says at the end of a part.
    pub(super) fn whole(&self) -> &str {
        let texts = [&self.text, &self.refusal, &self.arguments, &self.input];
        texts.into_iter().find_map(Text::filled).unwrap_or_default()
    }
}

/// What is read of a response object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) id: Value,
    pub(super) model: Value,
    pub(super) status: Value,
    pub(super) incomplete_details: Value,
    pub(super) error: Value,
    pub(super) output: Value,
    pub(super) usage: Value,
}

impl Answer {
    pub(super) fn from_value(value: Value) -> Self {
        let Value::Object(mut object) = value else { return Self::default() };
        let mut take = |key: &str| object.shift_remove(key).unwrap_or_default();
        Self {
            id: take("id"),
            model: take("model"),
            status: take("status"),
            incomplete_details: take("incomplete_details"),
            error: take("error"),
            output: take("output"),
            usage: take("usage"),
        }
    }

    pub(super) fn read(raw: Option<&RawValue>) -> Self {
        let Some(raw) = raw else { return Self::default() };
        serde_json::from_str(raw.get()).unwrap_or_else(|_| Self::from_value(value(Some(raw))))
    }
}

/// A raw value as JSON; null when there is none.
pub(super) fn value(raw: Option<&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// A raw value as an object; empty when it is none.
pub(super) fn object(raw: Option<&RawValue>) -> Object {
    match value(raw) {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}
