//! Items into parts and messages.
use super::ID;
use super::content::{self, Side};
use super::layout::{self, THINKING, own, without};
use crate::json;
use consort_core::{Arguments, Body, Message, Object, Part, Role, ToolCall, ToolResult};
use serde_json::{Value, json};

/// Which list of its item a part stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Content,
    Summary,
    /// The part is the whole item.
    Whole,
}

/// A part, and where in its item it stands.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) list: List,
    pub(super) at: u64,
    pub(super) part: Part,
}

impl Piece {
    fn whole(part: Part) -> Self {
        Self { list: List::Whole, at: 0, part }
    }
}

/// Reads an item of the model: of an answer, or of the conversation so far.
pub(super) fn read_item(item: Value) -> Vec<Piece> {
    let Value::Object(object) = item else { return vec![Piece::whole(native(item))] };
    match object.get("type").and_then(Value::as_str).unwrap_or_default() {
        "message" => read_message(object),
        "reasoning" => read_reasoning(object),
        "function_call" => vec![Piece::whole(read_call(object))],
        layout::CUSTOM_CALL_TYPE => vec![Piece::whole(read_custom_call(object))],
        _ => vec![Piece::whole(native(Value::Object(object)))],
    }
}

/// An item that only this wire knows.
pub(super) fn native(item: Value) -> Part {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    Part::native(ID, kind, item)
}

fn read_message(mut object: Object) -> Vec<Piece> {
    let content = object.shift_remove("content").unwrap_or_default();
    let fields = without(object.clone(), layout::MESSAGE);
    let entries = match content.clone() {
        Value::Array(entries) => entries,
        Value::String(_) => vec![content.clone()],
        _ => Vec::new(),
    };
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        if let Some(part) = content::read_part(entry, Side::Output, &fields)
            && !is_empty_text(&part)
        {
            pieces.push(Piece { list: List::Content, at: at as u64, part });
        }
    }
    // A message that says nothing may still have to be sent back: it stays an item. Without an id it is nothing.
    if pieces.is_empty() && fields.contains_key("id") {
        object.insert("content".into(), content);
        pieces.push(Piece::whole(native(Value::Object(object))));
    }
    pieces
}

pub(super) fn is_empty_text(part: &Part) -> bool {
    match &part.body {
        // Sources that were told after their text stand at an empty one.
        Body::Text { text, citations } => text.is_empty() && citations.is_empty(),
        Body::Refusal { text } => text.is_empty(),
        _ => false,
    }
}

fn read_reasoning(mut object: Object) -> Vec<Piece> {
    let mut lists = Vec::new();
    for (list, key) in [(List::Summary, "summary"), (List::Content, "content")] {
        let Some(Value::Array(entries)) = object.shift_remove(key) else { continue };
        for (at, mut entry) in entries.into_iter().enumerate() {
            let text = entry.as_object_mut().and_then(|entry| json::take_text(entry, "text"));
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                lists.push((list, at as u64, text));
            }
        }
    }
    if lists.is_empty() {
        lists.push((List::Summary, 0, String::new()));
    }
    let secret = json::take_text(&mut object, "encrypted_content").filter(|secret| !secret.is_empty());
    let fields = without(object, layout::REASONING);
    let mut pieces: Vec<Piece> = lists
        .into_iter()
        .map(|(list, at, text)| {
            let mut part = own(Part::reasoning(text), &fields, Object::new());
            part.vendor.set(ID, THINKING, if list == List::Content { "content" } else { "summary" });
            Piece { list, at, part }
        })
        .collect();
    if let (Some(last), Some(secret)) = (pieces.last_mut(), secret) {
        last.part = last.part.clone().signed(ID, secret);
    }
    pieces
}

fn read_call(mut object: Object) -> Part {
    let id = json::take_text(&mut object, "call_id").unwrap_or_default();
    let name = json::take_text(&mut object, "name").unwrap_or_default();
    let arguments = match object.shift_remove("arguments") {
        Some(Value::String(text)) => Arguments::new(text),
        Some(Value::Null) | None => Arguments::default(),
        Some(value) => Arguments::from(value),
    };
    let call = Body::ToolCall(ToolCall { id, name, arguments });
    own(call.into(), &without(object, layout::CALL), Object::new())
}

fn read_custom_call(mut object: Object) -> Part {
    let id = json::take_text(&mut object, "call_id").unwrap_or_default();
    let name = json::take_text(&mut object, "name").unwrap_or_default();
    let input = json::take_text(&mut object, "input").unwrap_or_default();
    let call = Body::ToolCall(ToolCall { id, name, arguments: custom_arguments(&input) });
    own(call.into(), &without(object, layout::CUSTOM_CALL), Object::new())
}

/// Free text as a tool's arguments: the host's tools take JSON.
pub(super) fn custom_arguments(input: &str) -> Arguments {
    Arguments::from(json!({"input": input}))
}

fn read_result(mut object: Object) -> Part {
    let call_id = json::take_text(&mut object, "call_id").unwrap_or_default();
    let is_custom = object.get("type").is_some_and(|kind| kind == layout::CUSTOM_RESULT_TYPE);
    let content = match object.shift_remove("output").unwrap_or_default() {
        Value::String(text) if text.is_empty() => Vec::new(),
        output => content::read(output, Side::Result, &Object::new()),
    };
    let result = ToolResult { call_id, name: String::new(), content, is_error: false };
    let said = if is_custom { layout::CUSTOM_RESULT } else { layout::RESULT };
    own(Body::ToolResult(result).into(), &without(object, said), Object::new())
}

/// Reads the items of a conversation.
pub(super) fn read_conversation(items: Vec<Value>) -> Vec<Message> {
    let mut messages = Vec::new();
    items.into_iter().for_each(|item| read_input(item, &mut messages));
    messages
}

fn read_input(item: Value, messages: &mut Vec<Message>) {
    let role = item.get("role").and_then(Value::as_str).unwrap_or_default();
    match item.get("type").and_then(Value::as_str) {
        None | Some("message") if matches!(role, "user" | "system" | "developer") => {
            if let Value::Object(object) = item {
                messages.push(read_caller_message(object));
            }
        }
        None if role == "assistant" => {
            if let Value::Object(mut object) = item {
                object.insert("type".into(), "message".into());
                say(read_message(object), messages);
            }
        }
        Some("function_call_output" | layout::CUSTOM_RESULT_TYPE) if has_plain_output(&item) => {
            if let Value::Object(object) = item {
                add(Role::Tool, vec![read_result(object)], messages);
            }
        }
        _ if is_callers(&item) => messages.push(Message::new(Role::User, vec![native(item)])),
        _ => say(read_item(item), messages),
    }
}

fn has_plain_output(item: &Value) -> bool {
    matches!(item.get("output"), None | Some(Value::String(_) | Value::Array(_)))
}

/// Whether an item that only this wire knows is from the caller and not from the model.
pub(super) fn is_callers(item: &Value) -> bool {
    match item.get("type").and_then(Value::as_str).unwrap_or_default() {
        "function_call_output" | layout::CUSTOM_RESULT_TYPE => true,
        "computer_call_output" | "local_shell_call_output" | "shell_call_output" => true,
        "apply_patch_call_output" | "mcp_approval_response" => true,
        "tool_search_output" => item.get("execution").is_some_and(|by| by == "client"),
        _ => false,
    }
}

fn read_caller_message(mut object: Object) -> Message {
    let role = json::take_text(&mut object, "role").unwrap_or_default();
    let content = object.shift_remove("content").unwrap_or_default();
    let parts = content::read(content, Side::Input, &Object::new());
    let mut message = Message::new(if role == "user" { Role::User } else { Role::System }, parts);
    message.vendor.merge(ID, without(object, layout::MESSAGE));
    if role == "developer" {
        message.vendor.set(ID, "role", role);
    }
    message
}

/// What the model said is one message until someone else speaks.
fn say(pieces: Vec<Piece>, messages: &mut Vec<Message>) {
    add(Role::Assistant, pieces.into_iter().map(|piece| piece.part).collect(), messages);
}

fn add(role: Role, parts: Vec<Part>, messages: &mut Vec<Message>) {
    match messages.last_mut() {
        _ if parts.is_empty() => {}
        Some(last) if last.role == role => last.parts.extend(parts),
        _ => messages.push(Message::new(role, parts)),
    }
}
