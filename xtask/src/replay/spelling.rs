//! Equal spellings in the formats of Anthropic and Bedrock.
use super::meaning::{drop_default, parse_text, text_as_parts};
use serde_json::{Map, Value, json};

pub(crate) fn anthropic(body: &mut Map<String, Value>) {
    drop_default(body, "stream", &json!(false));
    text_as_parts(body, "system");
    // One schema in the place that it had before, and in the one that it has now.
    if let Some(format) = body.remove("output_format") {
        let config = body.entry("output_config").or_insert_with(|| json!({}));
        config["format"] = format;
    }
    for tool in body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(tool) = tool.as_object_mut() {
            drop_default(tool, "description", &json!(""));
        }
    }
    for message in list(body, "messages") {
        let Some(message) = message.as_object_mut() else { continue };
        text_as_parts(message, "content");
        for block in list(message, "content") {
            let Some(block) = block.as_object_mut().filter(|block| block["type"] == "tool_result") else {
                continue;
            };
            text_as_parts(block, "content");
            drop_default(block, "is_error", &json!(false));
            drop_default(block, "content", &json!([]));
        }
    }
    join(body);
}

pub(crate) fn bedrock(body: &mut Map<String, Value>) {
    if let Some(Value::Object(inference)) = body.get_mut("inferenceConfig") {
        drop_default(inference, "stopSequences", &json!([]));
    }
    for key in ["inferenceConfig", "additionalModelRequestFields"] {
        drop_default(body, key, &json!({}));
    }
    // A schema stands in a text, spaced as its writer likes.
    if let Some(schema) = body
        .get_mut("outputConfig")
        .and_then(|config| config["textFormat"]["structure"]["jsonSchema"].get_mut("schema"))
    {
        parse_text(schema);
    }
    for message in list(body, "messages") {
        let Some(message) = message.as_object_mut() else { continue };
        for block in list(message, "content") {
            if let Some(result) = block.get_mut("toolResult").and_then(Value::as_object_mut) {
                drop_default(result, "status", &json!("success"));
            }
        }
    }
    join(body);
}

/// Messages of one side that follow each other are one.
fn join(body: &mut Map<String, Value>) {
    let Some(Value::Array(messages)) = body.get_mut("messages") else { return };
    let mut joined: Vec<Value> = Vec::new();
    for mut message in std::mem::take(messages) {
        match joined.last_mut() {
            Some(last) if last["role"] == message["role"] => {
                let content = message["content"].as_array_mut().map(std::mem::take).unwrap_or_default();
                if let Some(all) = last["content"].as_array_mut() {
                    all.extend(content);
                }
            }
            _ => joined.push(message),
        }
    }
    *messages = joined;
}

fn list<'a>(object: &'a mut Map<String, Value>, key: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}
