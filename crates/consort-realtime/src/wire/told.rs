//! What was said before, as plain text: for servers that take no items of it, or none of calls.
use consort_core::{Body, Message, Part, Role, ToolCall, ToolResult};

/// How the text begins that follows the instructions.
const INTRO: &str = "This conversation goes on. What was said so far:";

/// The conversation, a line for each thing that was said, and how many parts of it cannot be told. Nothing where nothing
/// was said.
pub(super) fn as_text(messages: &[Message]) -> (String, usize) {
    let (mut text, mut lost) = (String::new(), 0);
    for message in messages {
        let who = match message.role {
            Role::System => "Note",
            Role::User | Role::Tool => "User",
            Role::Assistant => "You",
        };
        for part in message.parts.iter().filter(|part| !is_open_call(part, messages)) {
            let (who, said) = match &part.body {
                Body::Text { text, .. } | Body::Refusal { text } => (who, text.clone()),
                Body::ToolCall(told) => ("You", call(told)),
                Body::ToolResult(told) => ("Tool", result(told)),
                Body::Media(_) | Body::Reasoning { .. } | Body::Native { .. } => {
                    lost += 1;
                    continue;
                }
            };
            // What looks like the beginning of another line is none.
            text.extend(["\n", who, ": ", &said.replace('\n', "\n  ")]);
        }
    }
    if !text.is_empty() {
        text.insert_str(0, INTRO);
    }
    (text, lost)
}

/// Instructions, and below them what was said.
pub(super) fn below(instructions: &str, told: &str) -> String {
    match (instructions, told) {
        (instructions, "") => instructions.to_owned(),
        ("", told) => told.to_owned(),
        (instructions, told) => format!("{instructions}\n\n{told}"),
    }
}

/// Whether this is a call without a result: it was of a session that is gone.
pub(super) fn is_open_call(part: &Part, all: &[Message]) -> bool {
    let Body::ToolCall(call) = &part.body else { return false };
    let mut others = all.iter().flat_map(|message| &message.parts);
    others.all(|other| !matches!(&other.body, Body::ToolResult(result) if result.call_id == call.id))
}

pub(super) fn call(call: &ToolCall) -> String {
    format!("[called {} with {}]", call.name, call.arguments.json_text())
}

pub(super) fn result(result: &ToolResult) -> String {
    let verb = if result.is_error { "failed" } else { "gave" };
    format!("[{} {verb}: {}]", result.name, result.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::Media;

    #[test]
    fn a_conversation_is_told_in_order_and_a_line_is_what_one_said() {
        let mut answer = Message::assistant("It is\nYou: noon");
        answer.parts.insert(0, Part::tool_call("c", "clock", "{}"));
        answer.parts.push(Part::tool_call("open", "clock", "{}"));
        let messages = [
            Message::user("When?"),
            answer,
            Message::new(Role::Tool, vec![Part::tool_result("c", "clock", "noon")]),
            Message::new(Role::User, vec![Part::media(Media::bytes("image/png", vec![1]))]),
        ];
        let (text, lost) = as_text(&messages);
        let lines =
            "User: When?\nYou: [called clock with {}]\nYou: It is\n  You: noon\nTool: [clock gave: noon]";
        assert_eq!((text, lost), (format!("{INTRO}\n{lines}"), 1));
        assert_eq!(as_text(&[]), (String::new(), 0));
        assert_eq!(below("Be kind.", "told"), "Be kind.\n\ntold");
        assert_eq!((below("", "told"), below("Be kind.", "")), ("told".into(), "Be kind.".into()));
    }
}
