//! Small helpers for JSON messages.
use consort_core::{Object, SessionEvent};
use serde_json::Value;

/// Merges `extra` into `body`: objects inside objects, anything else replaced.
pub(super) fn merge(body: &mut Object, extra: &Object) {
    for (key, value) in extra {
        match (body.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            _ => {
                body.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The text of a field; none where it is missing or no text.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A text that is there and not empty.
pub(super) fn filled(value: &Value, key: &str) -> Option<String> {
    Some(text(value, key)).filter(|text| !text.is_empty()).map(str::to_owned)
}

pub(super) fn native(value: Value) -> SessionEvent {
    SessionEvent::Native { value }
}
