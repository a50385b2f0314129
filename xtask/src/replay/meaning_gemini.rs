//! Gemini's spellings: snake case, base64 alphabets, and fields that say nothing.
use super::meaning::drop_default;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Map, Value, json};

pub(super) fn canonical(body: &mut Value) {
    let Some(object) = body.as_object_mut() else { return };
    camel_keys(object);
    object.retain(|_, value| value != &json!({}));
    for key in ["generationConfig", "toolConfig"] {
        if let Some(inner) = object.get_mut(key) {
            camel_all(inner, 2);
        }
    }
    if let Some(config) = object.get_mut("generationConfig").and_then(Value::as_object_mut) {
        drop_default(config, "candidateCount", &json!(1));
        if let Some(Value::String(level)) =
            config.get_mut("thinkingConfig").and_then(|thinking| thinking.get_mut("thinkingLevel"))
        {
            *level = level.to_lowercase();
        }
    }
    for tool in list(object.get_mut("tools")) {
        camel_all(tool, 3);
    }
    split_tools(object);
    if let Some(content) = object.get_mut("systemInstruction") {
        canonical_content(content);
        if content["parts"].as_array().is_none_or(Vec::is_empty) {
            object.remove("systemInstruction");
        }
    }
    if let Some(Value::Array(contents)) = object.get_mut("contents") {
        contents.iter_mut().for_each(canonical_content);
        contents.retain(|content| content["parts"] != json!([]));
        join(contents);
    }
}

/// One tool to an entry, functions first.
fn split_tools(object: &mut Map<String, Value>) {
    let Some(Value::Array(tools)) = object.get_mut("tools") else { return };
    let (mut functions, mut own) = (Vec::new(), Vec::new());
    for tool in tools.drain(..) {
        for (key, value) in tool.as_object().cloned().unwrap_or_default() {
            match value {
                Value::Array(declared) if key == "functionDeclarations" => functions.extend(declared),
                value => own.push(json!({ key: value })),
            }
        }
    }
    for function in &mut functions {
        if let Some(function) = function.as_object_mut() {
            drop_default(function, "description", &json!(""));
            drop_default(function, "parametersJsonSchema", &json!({"type": "object", "properties": {}}));
        }
    }
    tools.extend(functions.into_iter().chain(own));
}

fn canonical_content(content: &mut Value) {
    let Some(content) = content.as_object_mut() else { return };
    content.entry("role").or_insert_with(|| json!("user"));
    if let Some(one @ Value::Object(_)) = content.get("parts").cloned() {
        content.insert("parts".into(), json!([one]));
    }
    if let Some(Value::Array(parts)) = content.get_mut("parts") {
        parts.iter_mut().for_each(canonical_part);
        parts.retain(|part| *part != json!({"text": ""}));
    }
}

fn canonical_part(part: &mut Value) {
    let Some(object) = part.as_object_mut() else { return };
    camel_keys(object);
    drop_default(object, "thought", &json!(false));
    for (key, inner) in object.iter_mut() {
        let Some(inner) = inner.as_object_mut() else { continue };
        camel_keys(inner);
        if key == "inlineData"
            && let Some(Value::String(data)) = inner.get_mut("data")
            && let Ok(bytes) = STANDARD.decode(data.as_bytes()).or_else(|_| URL_SAFE.decode(data.as_bytes()))
        {
            *data = STANDARD.encode(bytes);
        }
        for part in list(inner.get_mut("parts")) {
            canonical_part(part);
        }
    }
}

/// Adjacent contents of a role are one.
fn join(contents: &mut Vec<Value>) {
    let mut joined: Vec<Value> = Vec::new();
    for content in contents.drain(..) {
        match joined.last_mut() {
            Some(last) if last["role"] == content["role"] => {
                let more = content["parts"].as_array().cloned().unwrap_or_default();
                if let Some(parts) = last["parts"].as_array_mut() {
                    parts.extend(more);
                }
            }
            _ => joined.push(content),
        }
    }
    *contents = joined;
}

fn list(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_array_mut).into_iter().flatten()
}

fn camel_all(value: &mut Value, depth: u32) {
    match value {
        Value::Object(object) if depth > 0 => {
            camel_keys(object);
            object.values_mut().for_each(|inner| camel_all(inner, depth - 1));
        }
        Value::Array(items) if depth > 0 => items.iter_mut().for_each(|inner| camel_all(inner, depth - 1)),
        _ => {}
    }
}

fn camel_keys(object: &mut Map<String, Value>) {
    let old = std::mem::take(object);
    for (key, value) in old {
        let mut words = key.split('_');
        let mut camel = words.next().unwrap_or_default().to_owned();
        for word in words {
            let mut letters = word.chars();
            camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            camel.extend(letters);
        }
        object.insert(camel, value);
    }
}
