//! Items of the conversation: what was said before, words, pictures, results of tools.
use super::quirks::{Layout, OpenAiQuirks, Pictures};
use consort_core::{Body, Media, Message, Part, Role, ToolResult};
use serde_json::{Value, json};

fn create(item: Value) -> Value {
    json!({"type": "conversation.item.create", "item": item})
}

pub(super) fn words(text: &str) -> Value {
    create(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}))
}

/// The message that shows a picture; none where there is no way to.
pub(super) fn picture(media: &Media, quirks: &OpenAiQuirks) -> Option<Value> {
    match quirks.pictures {
        Pictures::Item => {
            let content = json!([{"type": "input_image", "image_url": media.to_url()?}]);
            Some(create(json!({"type": "message", "role": "user", "content": content})))
        }
        Pictures::Buffer => Some(json!({"type": "input_image_buffer.append", "image": media.base64()?})),
        Pictures::None => None,
    }
}

/// A result of a tool, and how many of its parts are no text, which cannot be carried.
pub(super) fn result(result: &ToolResult) -> (Value, usize) {
    let lost = result.content.iter().filter(|part| part.as_text().is_none()).count();
    let text = if result.is_error { format!("Error: {}", result.text()) } else { result.text() };
    let item = json!({"type": "function_call_output", "call_id": result.call_id, "output": text});
    (create(item), lost)
}

/// What was said before the session, and how many parts of it cannot be carried.
pub(super) fn past(messages: &[Message], quirks: &OpenAiQuirks) -> (Vec<Value>, usize) {
    let (mut items, mut lost) = (Vec::new(), 0);
    for message in messages {
        let mut content = Vec::new();
        for part in &message.parts {
            match piece(message.role, part, quirks) {
                Some(Piece::Content(value)) => content.push(value),
                Some(Piece::Item(item)) => {
                    // The order of things is kept.
                    items.extend(said(message.role, std::mem::take(&mut content)));
                    items.push(create(item));
                }
                None => lost += 1,
            }
        }
        items.extend(said(message.role, content));
    }
    (items, lost)
}

enum Piece {
    Content(Value),
    Item(Value),
}

fn piece(role: Role, part: &Part, quirks: &OpenAiQuirks) -> Option<Piece> {
    let word = match (role, quirks.layout) {
        (Role::Assistant, Layout::Flat) => "text",
        (Role::Assistant, _) => "output_text",
        _ => "input_text",
    };
    match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } => {
            Some(Piece::Content(json!({"type": word, "text": text})))
        }
        Body::Media(media) if role == Role::User && quirks.pictures == Pictures::Item => {
            let is_image = media.family() == "image";
            let url = media.to_url().filter(|_| is_image)?;
            Some(Piece::Content(json!({"type": "input_image", "image_url": url})))
        }
        Body::ToolCall(call) => Some(Piece::Item(json!({
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments.json_text(),
        }))),
        Body::ToolResult(told) => result(told).0.get_mut("item").map(|item| Piece::Item(item.take())),
        Body::Media(_) | Body::Reasoning { .. } | Body::Native { .. } => None,
    }
}

fn said(role: Role, content: Vec<Value>) -> Option<Value> {
    let role = match role {
        Role::System => "system",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    };
    (!content.is_empty()).then(|| create(json!({"type": "message", "role": role, "content": content})))
}
