//! How the demo models count tokens: a run of letters and digits is one, and so is any other visible character.
use consort_core::{Body, Part, Request, ToolSpec};

/// What any medium counts for.
const MEDIA: u64 = 85;
/// What a message costs beside its parts.
const PER_MESSAGE: u64 = 3;

pub(super) fn of_text(text: &str) -> u64 {
    let mut tokens = 0;
    let mut in_word = false;
    for letter in text.chars() {
        let of_word = letter.is_alphanumeric();
        tokens += u64::from(if of_word { !in_word } else { !letter.is_whitespace() });
        in_word = of_word;
    }
    tokens
}

pub(super) fn of_request(request: &Request) -> u64 {
    let messages = request.messages.iter();
    let parts = request.instructions.iter().chain(messages.clone().flat_map(|message| &message.parts));
    let tools = request.tools.iter().map(|tool| match tool {
        ToolSpec::Function(function) => {
            of_text(&function.name)
                + of_text(&function.description)
                + of_text(&function.parameters.to_string())
        }
        ToolSpec::Native { value, .. } => of_text(&value.to_string()),
    });
    parts.map(of_part).sum::<u64>() + tools.sum::<u64>() + PER_MESSAGE * messages.len() as u64
}

fn of_part(part: &Part) -> u64 {
    match &part.body {
        Body::Text { text, .. } | Body::Reasoning { text, .. } | Body::Refusal { text } => of_text(text),
        Body::Media(_) => MEDIA,
        Body::ToolCall(call) => of_text(&call.name) + of_text(call.arguments.raw()),
        Body::ToolResult(result) => result.content.iter().map(of_part).sum(),
        Body::Native { value, .. } => of_text(&value.to_string()),
    }
}
