//! One event of the stream, read as far as it is needed: pieces of text stay borrowed from the frame, and what
//! a frame echoes of the request is skipped.
use crate::decoder::unreadable;
use consort_core::{Error, Object};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A stream's event. What it does not have is empty.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(default)]
    pub(super) output_index: Option<u64>,
    #[serde(default)]
    content_index: Option<u64>,
    #[serde(default)]
    summary_index: Option<u64>,
    #[serde(borrow, default)]
    pub(super) delta: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    #[serde(borrow, default)]
    refusal: Cow<'a, str>,
    #[serde(borrow, default)]
    arguments: Cow<'a, str>,
    #[serde(borrow, default)]
    input: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) annotation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

impl<'a> Frame<'a> {
    /// Reads a frame. `spare` holds its text when it must be written anew to be readable.
    pub(super) fn read(data: &'a [u8], spare: &'a mut String) -> Result<Self, Error> {
        if let Ok(frame) = serde_json::from_slice(data) {
            return Ok(frame);
        }
        // Something in it has another type than it should: that alone is left out.
        let value: Value = serde_json::from_slice(data).map_err(|error| unreadable(&error))?;
        let Value::Object(mut object) = value else { return Ok(Self::default()) };
        object.retain(|key, value| has_its_type(key, value));
        *spare = Value::Object(object).to_string();
        serde_json::from_str(spare).map_err(|error| unreadable(&error))
    }

    /// Where in its item the event happens.
    pub(super) fn at(&self) -> u64 {
        self.summary_index.or(self.content_index).unwrap_or(0)
    }

    /// The whole text that an event says at the end of a part.
    pub(super) fn whole(&self) -> &str {
        let texts = [&self.text, &self.refusal, &self.arguments, &self.input];
        texts.into_iter().find(|text| !text.is_empty()).map_or("", |text| text.as_ref())
    }
}

fn has_its_type(key: &str, value: &Value) -> bool {
    match key {
        "type" | "delta" | "text" | "refusal" | "arguments" | "input" => value.is_string(),
        "output_index" | "content_index" | "summary_index" => value.is_u64(),
        _ => true,
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
