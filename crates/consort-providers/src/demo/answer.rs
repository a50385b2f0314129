//! The words of the demo models.
use super::options::Options;
use super::sample::sample;
use super::{ID, attachment};
use consort_core::{Body, Error, ErrorKind, Message, Output, Part, Request, Role, ToolResult};
use serde_json::json;
use std::fmt::Write;

/// How much of a text is repeated.
const REPEATED: usize = 4_000;

const HONEST: &str = "I am the demo model of Consort: a fixed rule, not a language model, so repeating is all I can do. \
For a real answer, give Consort a key (`consort providers` says which and where to get one, `consort keys set NAME` \
stores it) and ask one of `consort models` with `-m`.";

/// The text of the answer.
pub(super) fn text(request: &Request, options: &Options) -> Result<String, Error> {
    if let Some(text) = &options.say {
        return Ok(text.clone());
    }
    if let Some(words) = options.words {
        let numbered = (1..=words).map(|number| format!("word{number}"));
        return Ok(numbered.collect::<Vec<_>>().join(" "));
    }
    match &request.output {
        Output::Text => prose(request),
        Output::Json => {
            Ok(json!({"model": ID, "question": request.last_user_text(), "note": HONEST}).to_string())
        }
        Output::Schema { schema, .. } => {
            let value = sample(schema, &request.last_user_text()).ok_or_else(|| {
                Error::new(ErrorKind::InvalidRequest, "no value was found that fits the JSON Schema")
                    .provider(ID)
                    .hint("if the schema can be met, make it simpler: the demo model follows no `not` or `pattern` far")
            })?;
            Ok(value.to_string())
        }
    }
}

/// What the demo models show as their reasoning.
pub(super) fn reasoning(request: &Request) -> String {
    let question = request.last_user_text();
    let words = question.split_whitespace().count();
    let plural = if words == 1 { "" } else { "s" };
    format!("The question has {words} word{plural}. My rule says: repeat it, and say what I am.")
}

fn prose(request: &Request) -> Result<String, Error> {
    let results = tool_results(request);
    let mut paragraphs = Vec::new();
    if results.is_empty() {
        let question = request.last_user_text();
        paragraphs.push(match question.trim() {
            "" => "You said nothing.".to_owned(),
            question => format!("You said: \"{}\"", shortened(question)),
        });
    } else {
        paragraphs.push(results.into_iter().map(told).collect::<Vec<_>>().join("\n"));
    }
    let instructions = request.instructions_text();
    if !instructions.trim().is_empty() {
        paragraphs.push(format!("My instructions are: \"{}\"", shortened(instructions.trim())));
    }
    let attachments = attachments(request)?;
    if !attachments.is_empty() {
        let files =
            if attachments.len() == 1 { "1 file".to_owned() } else { format!("{} files", attachments.len()) };
        paragraphs.push(format!("You attached {files}: {}.", attachments.join("; ")));
    }
    let turns = request.messages.iter().filter(|message| message.role == Role::User).count();
    let mut honest = String::new();
    if turns > 1 {
        let _ = write!(honest, "This is question {turns} of our conversation. ");
    }
    honest.push_str(HONEST);
    paragraphs.push(honest);
    Ok(paragraphs.join("\n\n"))
}

/// The results at the end of the conversation, which the answer is about.
fn tool_results(request: &Request) -> Vec<&ToolResult> {
    let newest = request.messages.iter().rev().take_while(|message| message.role == Role::Tool);
    let mut results: Vec<&ToolResult> = newest
        .flat_map(|message| message.parts.iter().rev())
        .filter_map(|part| match &part.body {
            Body::ToolResult(result) => Some(result),
            _ => None,
        })
        .collect();
    results.reverse();
    results
}

fn told(result: &ToolResult) -> String {
    let verb = if result.is_error { "failed and said" } else { "answered" };
    let name = if result.name.is_empty() { &result.call_id } else { &result.name };
    format!("The tool `{name}` {verb}: {}", shortened(result.text().trim()))
}

/// What came with the newest message of the user, or with the results of tools.
fn attachments(request: &Request) -> Result<Vec<String>, Error> {
    fn media(part: &Part) -> Vec<&Part> {
        match &part.body {
            Body::Media(_) => vec![part],
            Body::ToolResult(result) => result.content.iter().flat_map(media).collect(),
            _ => Vec::new(),
        }
    }
    let newest: Option<&Message> =
        request.messages.iter().rev().find(|message| matches!(message.role, Role::User | Role::Tool));
    let parts = newest.into_iter().flat_map(|message| &message.parts).flat_map(media);
    let described = parts.filter_map(|part| match &part.body {
        Body::Media(media) => Some(attachment::describe(media)),
        _ => None,
    });
    described.collect()
}

fn shortened(text: &str) -> String {
    let size = text.chars().count();
    if size <= REPEATED {
        return text.to_owned();
    }
    let start: String = text.chars().take(REPEATED).collect();
    format!("{start}... ({} more characters)", size - REPEATED)
}
