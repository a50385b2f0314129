//! What a body of OpenAI's Responses API means: its spellings brought to one form.
use super::meaning::{drop_default, parse_text};
use serde_json::{Map, Value, json};

pub(crate) fn canonical(body: &mut Value) {
    let Some(object) = body.as_object_mut() else { return };
    drop_default(object, "stream", &json!(false));
    drop_default(object, "instructions", &json!(""));
    if let Some(Value::Object(text)) = object.get_mut("text") {
        drop_default(text, "format", &json!({"type": "text"}));
    }
    drop_default(object, "text", &json!({}));
    drop_default(object, "reasoning", &json!({}));
    if let Some(Value::String(text)) = object.get("input") {
        let message = json!([{"role": "user", "content": text}]);
        object.insert("input".into(), message);
    }
    for tool in object.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(tool) = tool.as_object_mut() {
            drop_default(tool, "description", &json!(""));
        }
    }
    if let Some(Value::Array(items)) = object.get_mut("input") {
        items.iter_mut().for_each(canonical_item);
        items.retain(|item| item["type"] != "message" || item["content"] != json!([]));
        join(items);
    }
    drop_default(object, "input", &json!([]));
}

fn canonical_item(item: &mut Value) {
    let Some(item) = item.as_object_mut() else { return };
    if item.contains_key("role") && !item.contains_key("type") {
        item.insert("type".into(), "message".into());
    }
    let kind = item.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "message" => {
            let side =
                if item.get("role").is_some_and(|role| role == "assistant") { "output" } else { "input" };
            text_as_list(item, "content", side);
        }
        "function_call_output" | "custom_tool_call_output" => text_as_list(item, "output", "input"),
        "function_call" => {
            if let Some(arguments) = item.get_mut("arguments") {
                parse_text(arguments);
            }
        }
        "reasoning" => drop_default(item, "content", &json!([])),
        _ => {}
    }
}

/// A text is a list of one text; empty texts, and lists that say nothing, are nothing.
fn text_as_list(item: &mut Map<String, Value>, key: &str, side: &str) {
    if let Some(Value::String(text)) = item.get(key) {
        let parts = json!([{"type": format!("{side}_text"), "text": text}]);
        item.insert(key.into(), parts);
    }
    for part in item.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(part) = part.as_object_mut() {
            drop_default(part, "annotations", &json!([]));
            drop_default(part, "logprobs", &json!([]));
        }
    }
    if let Some(Value::Array(parts)) = item.get_mut(key) {
        parts.retain(|part| part["text"] != "");
    }
}

/// Messages of one side, one after the other and without fields of their own, are one.
fn join(items: &mut Vec<Value>) {
    let bare =
        |item: &Value| item["type"] == "message" && item.as_object().is_some_and(|object| object.len() == 3);
    let mut joined: Vec<Value> = Vec::new();
    for item in std::mem::take(items) {
        match joined.last_mut() {
            Some(last) if bare(last) && bare(&item) && last["role"] == item["role"] => {
                if let (Some(last), Some(new)) = (last["content"].as_array_mut(), item["content"].as_array())
                {
                    last.extend(new.iter().cloned());
                }
            }
            _ => joined.push(item),
        }
    }
    *items = joined;
}
