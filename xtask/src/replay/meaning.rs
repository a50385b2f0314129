//! What a request body means: two bodies that differ only in spelling are brought to one form.
use super::answer::{Wrong, same_json};
use serde_json::{Map, Value, json};

/// Says where two bodies differ in meaning.
pub(crate) fn compare(wire: &str, recorded: &Value, ours: &Value, wrong: &mut Wrong) {
    let (recorded, ours) = (canonical(wire, recorded), canonical(wire, ours));
    if let Some((place, one, two)) = difference("", &recorded, &ours) {
        wrong.say(&format!("request{place}"), &one, &two);
    }
}

fn canonical(wire: &str, body: &Value) -> Value {
    let mut body = body.clone();
    drop_nothing(&mut body);
    match (wire, &mut body) {
        ("gemini", body) => super::meaning_gemini::canonical(body),
        ("ollama", body) => ollama(body),
        ("openai-chat", body) => openai_chat(body),
        ("cohere", body) => cohere(body),
        ("openai-responses", body) => super::meaning_responses::canonical(body),
        ("anthropic", Value::Object(body)) => super::spelling::anthropic(body),
        _ => {}
    }
    if let ("bedrock", Value::Object(body)) = (wire, &mut body) {
        super::spelling::bedrock(body);
    }
    body
}

/// Absent, null, and an empty list at the top mean the same.
fn drop_nothing(body: &mut Value) {
    if let Value::Object(object) = body {
        object.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
    }
    drop_nulls(body);
}

/// The fields that hold the caller's own JSON, in which null is a value: arguments, schemas, results.
const OF_CALLER: [&str; 10] = [
    "args",
    "arguments",
    "input",
    "inputSchema",
    "input_schema",
    "json",
    "parameters",
    "parametersJsonSchema",
    "response",
    "schema",
];

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            let vendors = |(key, value): &(&String, &mut Value)| {
                !OF_CALLER.contains(&key.as_str()) || !value.is_object()
            };
            object.iter_mut().filter(vendors).for_each(|(_, value)| drop_nulls(value));
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn openai_chat(body: &mut Value) {
    let Some(object) = body.as_object_mut() else { return };
    drop_default(object, "stream", &json!(false));
    drop_default(object, "n", &json!(1));
    if let Some(Value::String(stop)) = object.get("stop") {
        let stop = json!([stop]);
        object.insert("stop".into(), stop);
    }
    for tool in object.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(tool) = tool.as_object_mut() else { continue };
        tool.entry("type").or_insert(json!("function"));
        if let Some(Value::Object(function)) = tool.get_mut("function") {
            drop_default(function, "description", &json!(""));
        }
    }
    if let Some(Value::Object(schema)) =
        object.get_mut("response_format").and_then(|format| format.get_mut("json_schema"))
    {
        drop_default(schema, "name", &json!("answer"));
    }
    for message in object.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(message) = message.as_object_mut() else { continue };
        text_as_parts(message, "content");
        message.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            parse_text(&mut call["function"]["arguments"]);
        }
        for part in message.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
            // An address may stand alone.
            if let Some(Value::String(url)) = part.get("image_url").cloned() {
                part["image_url"] = json!({"url": url});
            }
        }
        message.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
    }
    if let Some(Value::Array(messages)) = object.get_mut("messages") {
        messages.retain(|message| message != &json!({"role": "assistant"}));
        join_instructions(messages);
    }
}

/// Several system messages at the start are one.
fn join_instructions(messages: &mut Vec<Value>) {
    while let [first, second, ..] = messages.as_mut_slice() {
        let plain = |message: &Value| {
            message["role"] == "system" && message.as_object().is_some_and(|message| message.len() == 2)
        };
        if !plain(first) || !plain(second) {
            return;
        }
        if let (Value::Array(parts), Value::Array(more)) = (&mut first["content"], &mut second["content"]) {
            parts.append(more);
        }
        messages.remove(1);
    }
}

fn cohere(body: &mut Value) {
    let Some(object) = body.as_object_mut() else { return };
    drop_default(object, "stream", &json!(false));
    for tool in object.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(function) = tool["function"].as_object_mut() {
            drop_default(function, "description", &json!(""));
        }
    }
    for message in object.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(message) = message.as_object_mut() else { continue };
        text_as_parts(message, "content");
        message.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            parse_text(&mut call["function"]["arguments"]);
        }
    }
}

pub(crate) fn drop_default(object: &mut Map<String, Value>, key: &str, default: &Value) {
    if object.get(key) == Some(default) {
        object.remove(key);
    }
}

/// A text is a list of one text part; empty texts are nothing.
pub(crate) fn text_as_parts(object: &mut Map<String, Value>, key: &str) {
    if let Some(Value::String(text)) = object.get(key) {
        let parts = json!([{"type": "text", "text": text}]);
        object.insert(key.into(), parts);
    }
    if let Some(Value::Array(parts)) = object.get_mut(key) {
        parts.retain(|part| part != &json!({"type": "text", "text": ""}));
    }
}

/// JSON inside a text means what it says; no text means an empty object.
pub(crate) fn parse_text(value: &mut Value) {
    if let Value::String(text) = value {
        let text = text.trim();
        if text.is_empty() || text == "null" {
            *value = json!({});
        } else if let Ok(parsed) = serde_json::from_str(text) {
            *value = parsed;
        }
    }
}

/// The first place where two values differ.
fn difference(place: &str, one: &Value, two: &Value) -> Option<(String, String, String)> {
    match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            let keys = one.keys().chain(two.keys().filter(|key| !one.contains_key(*key)));
            keys.map(|key| (key, one.get(key), two.get(key))).find_map(|(key, one, two)| {
                let place = format!("{place}.{key}");
                match (one, two) {
                    (Some(one), Some(two)) => difference(&place, one, two),
                    (one, two) => Some((place, told(one), told(two))),
                }
            })
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => one
            .iter()
            .zip(two)
            .enumerate()
            .find_map(|(at, (one, two))| difference(&format!("{place}[{at}]"), one, two)),
        _ if same_json(one, two) => None,
        _ => Some((place.to_owned(), one.to_string(), two.to_string())),
    }
}

fn told(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// Ollama's defaults.
fn ollama(body: &mut Value) {
    let Some(object) = body.as_object_mut() else { return };
    drop_default(object, "format", &json!(""));
    drop_default(object, "options", &json!({}));
    drop_default(object, "stream", &json!(true));
    for message in object.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(message) = message.as_object_mut() {
            message.retain(|_, value| value != &json!([]));
        }
    }
}
