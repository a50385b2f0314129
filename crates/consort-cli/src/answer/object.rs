//! An answer as one JSON object.
use super::show::{Show, Times};
use crate::exit;
use consort_core::{Attempt, Error, Money, Response, Usage};
use consort_engine::Outcome;
use consort_store::ConversationId;
use serde_json::{Map, Value, json};
use std::time::Duration;

impl Show<'_> {
    /// The value that was asked for with a schema.
    fn value(&self, answer: &Response, error: Option<&Error>) -> Option<Value> {
        if self.whole && error.is_none() { serde_json::from_str(&answer.text()).ok() } else { None }
    }

    pub(super) fn object(
        &self,
        answer: &Response,
        outcome: &Outcome,
        conversation: Option<ConversationId>,
        times: &Times,
    ) -> Value {
        let error = outcome.error.as_ref();
        let ms = |time: Duration| time.as_millis() as u64;
        let calls: Vec<Value> = answer
            .tool_calls()
            .map(|call| {
                let arguments = call.arguments.value().unwrap_or_else(|_| call.arguments.raw().into());
                json!({"id": call.id, "name": call.name, "arguments": arguments})
            })
            .collect();
        let mut object = Map::new();
        let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
        set("text", answer.text().into());
        set("model", self.card.id.clone().into());
        set("provider", self.card.provider.clone().into());
        set("resolved_model", answer.resolved_model.clone().into());
        set("usage", answer.usage.as_ref().map_or(Value::Null, usage));
        set("cost", outcome.cost().map(Money::dollars).into());
        set("finish", if error.is_some() { Value::Null } else { answer.finish.reason.as_str().into() });
        set("tool_calls", calls.into());
        let optional = [
            ("value", self.value(answer, error)),
            ("vendor_finish", answer.finish.vendor_reason.clone().map(Value::from)),
            ("reasoning", Some(answer.reasoning()).filter(|text| !text.is_empty()).map(Value::from)),
            ("refusal", answer.refusal().map(Value::from)),
            ("response_id", answer.response_id.clone().map(Value::from)),
            ("media", list(answer.media())),
            ("warnings", list(answer.warnings.iter().chain(&self.notices))),
            ("conversation", conversation.filter(|_| outcome.kept).map(|id| id.to_string().into())),
            ("attempts", list(outcome.attempts.iter().map(attempt))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                set(name, value);
            }
        }
        set("ms", json!({"first": times.first.map(ms), "total": ms(times.total)}));
        if let Some(error) = error {
            set("error", exit::to_json(error));
        }
        Value::Object(object)
    }
}

/// A list for JSON, unless it is empty.
fn list<T: serde::Serialize>(items: impl Iterator<Item = T>) -> Option<Value> {
    let all: Vec<Value> = items.filter_map(|item| serde_json::to_value(item).ok()).collect();
    (!all.is_empty()).then(|| all.into())
}

/// A try for programs: its cost in dollars and its error as errors are everywhere.
pub(crate) fn attempt(attempt: &Attempt) -> Value {
    let mut value = serde_json::to_value(attempt).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("cost".to_owned(), attempt.cost.map(Money::dollars).into());
        if let Some(error) = &attempt.error {
            object.insert("error".to_owned(), exit::to_json(error));
        }
        if let Some(used) = &attempt.usage {
            object.insert("usage".to_owned(), usage(used));
        }
    }
    value
}

/// The numbers that are known.
fn usage(usage: &Usage) -> Value {
    let mut value = serde_json::to_value(usage).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}
