//! Small helpers for JSON bodies.
use consort_core::Object;
use serde_json::Value;

/// Merges `extra` into `body`: objects inside objects, anything else replaced.
pub(crate) fn merge(body: &mut Object, extra: &Object) {
    for (key, value) in extra {
        match (body.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            _ => {
                body.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Takes a string out of an object.
pub(crate) fn take_text(object: &mut Object, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::String(_) => match object.shift_remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Takes a value out of an object, as another type; it stays when it is not one.
pub(crate) fn take<T: serde::de::DeserializeOwned>(object: &mut Object, key: &str) -> Option<T> {
    let value = serde_json::from_value(object.get(key)?.clone()).ok()?;
    object.shift_remove(key);
    Some(value)
}

/// Sets a key when there is a value.
pub(crate) fn set(object: &mut Object, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}
