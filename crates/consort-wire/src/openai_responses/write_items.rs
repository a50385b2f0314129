//! Messages into items.
use super::ID;
use super::content::{self, Side};
use super::layout::{self, item_fields};
use consort_core::{Body, Error, Message, Object, Part, Role, ToolCall, ToolResult};
use serde_json::{Value, json};

/// Writes a conversation as items.
pub(super) fn write_conversation(messages: &[Message]) -> Result<Vec<Value>, Error> {
    let mut items = Vec::new();
    for message in messages {
        match message.role {
            Role::Assistant => write_answer(&message.parts, &mut items)?,
            Role::User | Role::System | Role::Tool => write_callers(message, &mut items)?,
        }
    }
    Ok(items)
}

/// Whether a part is an item itself and not part of a message's content.
pub(super) fn is_item(part: &Part) -> bool {
    match &part.body {
        Body::Native { .. } => part.vendor.get(ID, layout::WITHIN).is_none(),
        Body::ToolResult(_) | Body::ToolCall(_) | Body::Reasoning { .. } => true,
        Body::Text { .. } | Body::Refusal { .. } | Body::Media(_) => false,
    }
}

/// A message to the model: its content, and the results of tools.
fn write_callers(message: &Message, items: &mut Vec<Value>) -> Result<(), Error> {
    for run in message.parts.chunk_by(|one, two| !is_item(one) && !is_item(two)) {
        match run {
            [Part { body: Body::ToolResult(result), vendor, .. }] => {
                items.push(write_result(result, item_fields(vendor))?);
            }
            [Part { body: Body::Native { value, .. }, .. }] if is_item(&run[0]) => items.push(value.clone()),
            [part] if is_item(part) => {}
            parts => items.push(write_message(message, parts)?),
        }
    }
    Ok(())
}

fn write_message(message: &Message, parts: &[Part]) -> Result<Value, Error> {
    let mut fields = message.vendor.of(ID).cloned().unwrap_or_default();
    let role = match message.role {
        Role::User | Role::Tool => "user".into(),
        Role::Assistant => "assistant".into(),
        Role::System => fields.shift_remove("role").unwrap_or_else(|| "system".into()),
    };
    let content = content::write(parts, Side::Input)?;
    Ok(item("message", [("role", role), ("content", content)], fields))
}

/// An item: its type, what its parts say, and its further fields.
fn item<const N: usize>(kind: &str, said: [(&str, Value); N], fields: Object) -> Value {
    let mut object = Object::new();
    object.insert("type".into(), kind.into());
    for (key, value) in said {
        object.insert(key.into(), value);
    }
    for (key, value) in fields {
        if !object.contains_key(&key) {
            object.insert(key, value);
        }
    }
    Value::Object(object)
}

fn write_result(result: &ToolResult, fields: Object) -> Result<Value, Error> {
    let custom = fields.get("type").is_some_and(|kind| kind == layout::CUSTOM_RESULT_TYPE);
    let kind = if custom { layout::CUSTOM_RESULT_TYPE } else { "function_call_output" };
    let output = content::write(&result.content, Side::Result)?;
    Ok(item(kind, [("call_id", result.call_id.as_str().into()), ("output", output)], fields))
}

/// What the model said: parts that share an item become one again.
fn write_answer(parts: &[Part], items: &mut Vec<Value>) -> Result<(), Error> {
    for run in parts.chunk_by(share_item) {
        let Some(first) = run.first() else { continue };
        let fields = item_fields(&first.vendor);
        match &first.body {
            Body::Text { .. } | Body::Refusal { .. } | Body::Media(_) => {
                items.push(write_words(run, fields)?);
            }
            Body::Native { .. } if !is_item(first) => items.push(write_words(run, fields)?),
            Body::Reasoning { .. } => items.push(write_reasoning(run, fields)),
            Body::ToolCall(call) => items.push(write_call(call, fields)),
            Body::Native { value, .. } => items.push(value.clone()),
            Body::ToolResult(result) => items.push(write_result(result, fields)?),
        }
    }
    Ok(())
}

fn share_item(one: &Part, two: &Part) -> bool {
    let kinds = match (&one.body, &two.body) {
        // The signature stands on the last part of its item, and a part without text is all of its item.
        (Body::Reasoning { text: one_text, .. }, Body::Reasoning { text: two_text, .. }) => {
            one.signature.is_none() && !one_text.is_empty() && !two_text.is_empty() && in_order(one, two)
        }
        _ => !is_item(one) && !is_item(two),
    };
    kinds && item_fields(&one.vendor) == item_fields(&two.vendor)
}

/// An item has its summary before its content.
fn in_order(one: &Part, two: &Part) -> bool {
    !layout::is_content(one) || layout::is_content(two)
}

fn write_words(parts: &[Part], fields: Object) -> Result<Value, Error> {
    // The vendor's own messages have lists; what else was said may be a plain text.
    let content = if fields.contains_key("id") {
        content::write_list(parts, Side::Output)?
    } else {
        content::write(parts, Side::Output)?
    };
    Ok(item("message", [("role", "assistant".into()), ("content", content)], fields))
}

fn write_reasoning(parts: &[Part], fields: Object) -> Value {
    let mut summary = Vec::new();
    let mut content = Vec::new();
    for part in parts {
        match &part.body {
            Body::Reasoning { text, .. } if text.is_empty() => {}
            Body::Reasoning { text, .. } if layout::is_content(part) => {
                content.push(json!({"type": "reasoning_text", "text": text}));
            }
            Body::Reasoning { text, .. } => summary.push(json!({"type": "summary_text", "text": text})),
            _ => {}
        }
    }
    let mut object = item("reasoning", [("summary", summary.into())], fields);
    if !content.is_empty() {
        object["content"] = content.into();
    }
    if let Some(secret) = parts.iter().find_map(|part| part.signature_for(ID)) {
        object["encrypted_content"] = secret.into();
    }
    object
}

fn write_call(call: &ToolCall, fields: Object) -> Value {
    let said = [("call_id", call.id.as_str().into()), ("name", call.name.as_str().into())];
    if fields.get("type").is_some_and(|kind| kind == layout::CUSTOM_CALL_TYPE) {
        let mut object = item(layout::CUSTOM_CALL_TYPE, said, fields);
        object["input"] = custom_input(call).unwrap_or_else(|| call.arguments.raw().to_owned()).into();
        return object;
    }
    let mut object = item("function_call", said, fields);
    object["arguments"] = call.arguments.json_text().into();
    object
}

/// The free text in a tool call's arguments, when they are that and nothing else.
pub(super) fn custom_input(call: &ToolCall) -> Option<String> {
    match call.arguments.value().ok()? {
        Value::Object(object) if object.len() == 1 => object.get("input")?.as_str().map(str::to_owned),
        _ => None,
    }
}
