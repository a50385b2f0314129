//! What a tool answered: `functionResponse`, whose `response` must be an object.
use super::part;
use crate::json;
use consort_core::{Body, Object, Part, ToolResult};
use serde_json::{Value, json};

/// Reads the object; what it does not know stays there.
pub(super) fn read(object: &mut Object) -> Body {
    let response = object.shift_remove("response").unwrap_or_default();
    let (text, is_error) = read_response(&response);
    let mut content: Vec<Part> = text.map(Part::text).into_iter().collect();
    if let Some(Value::Array(_)) = object.get("parts")
        && let Some(Value::Array(parts)) = object.shift_remove("parts")
    {
        content.extend(parts.into_iter().filter_map(part::read));
    }
    Body::ToolResult(ToolResult {
        call_id: json::take_text(object, "id").unwrap_or_default(),
        name: json::take_text(object, "name").unwrap_or_default(),
        content,
        is_error,
    })
}

/// Writes the result: its text as the response, everything else as parts beside it.
pub(super) fn write(result: &ToolResult, with_id: bool) -> Object {
    let mut object = Object::new();
    json::set(&mut object, "id", with_id.then_some(result.call_id.as_str()));
    object.insert("name".into(), json!(result.name));
    object.insert("response".into(), write_response(&result.text(), result.is_error));
    let others = result.content.iter().filter(|part| part.as_text().is_none());
    let parts: Vec<Value> = others.filter_map(|part| part::write(part, false).map(Value::Object)).collect();
    if !parts.is_empty() {
        object.insert("parts".into(), Value::Array(parts));
    }
    object
}

/// The text of a response, and whether it is an error. By the vendor's convention, `output` and `error` hold
/// a text; any other object is the text that writes it.
fn read_response(response: &Value) -> (Option<String>, bool) {
    let (text, is_error) = match response {
        Value::Null => return (None, false),
        Value::String(text) => (text.clone(), false),
        Value::Object(object) => match (object.len(), object.get("output"), object.get("error")) {
            (0, ..) => return (None, false),
            (1, Some(Value::String(text)), _) => (text.clone(), false),
            (1, _, Some(Value::String(text))) => (text.clone(), true),
            _ => (response.to_string(), false),
        },
        other => (other.to_string(), false),
    };
    ((!text.is_empty()).then_some(text), is_error)
}

/// A response that reads back as exactly this text: an object as such where the text is one.
fn write_response(text: &str, is_error: bool) -> Value {
    if is_error {
        return json!({ "error": text });
    }
    if text.is_empty() {
        return json!({});
    }
    if text.starts_with('{')
        && let Ok(object) = serde_json::from_str::<Value>(text)
        && read_response(&object) == (Some(text.to_owned()), false)
    {
        return object;
    }
    json!({ "output": text })
}
