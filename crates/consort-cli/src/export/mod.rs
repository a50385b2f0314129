//! A conversation as a text of its own: Markdown, JSON, or a page.
mod html;
mod markdown;

use consort_core::{Body, Media, Part, Role};
use consort_store::{Conversation, Status, Turn};
use serde_json::{Value, json};
use std::path::Path;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Markdown,
    Json,
    Html,
}

impl Format {
    /// The form that a file's name asks for.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "md" | "markdown" | "txt" => Some(Self::Markdown),
            "json" => Some(Self::Json),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// The conversation, along the turns from its first to one of its last.
pub(crate) fn export(conversation: &Conversation, path: &[Turn], format: Format) -> String {
    match format {
        Format::Markdown => markdown::page(conversation, path),
        Format::Html => html::page(conversation, path),
        Format::Json => format!("{:#}\n", whole(conversation, path)),
    }
}

/// All that is known of it.
pub(crate) fn whole(conversation: &Conversation, path: &[Turn]) -> Value {
    json!({"conversation": conversation, "turns": path})
}

/// The title, or what stands for it.
fn title(conversation: &Conversation) -> &str {
    conversation.title.as_deref().unwrap_or("A conversation")
}

/// Who speaks in a turn.
fn speaker(turn: &Turn) -> String {
    let name = match turn.role {
        Role::User => turn.participant.clone().unwrap_or_else(|| "You".to_owned()),
        Role::Assistant => {
            let model = turn.answer.as_ref().map(|answer| answer.model.as_str());
            model.filter(|model| !model.is_empty()).unwrap_or("Assistant").to_owned()
        }
        Role::Tool => "Tools".to_owned(),
        Role::System => "Instructions".to_owned(),
    };
    match turn.status {
        Status::Complete => name,
        Status::Running => format!("{name} (still answering)"),
        Status::Interrupted => format!("{name} (interrupted)"),
        Status::Failed => format!("{name} (failed)"),
    }
}

/// A piece of a turn, for people.
enum Piece<'a> {
    Text(&'a str),
    Thought(&'a str),
    Note(String),
    /// What a tool gave.
    Result(String),
}

fn pieces(turn: &Turn) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = turn.parts.iter().filter_map(piece).collect();
    let error = turn.answer.as_ref().and_then(|answer| answer.error.as_ref());
    pieces.extend(error.map(|error| Piece::Note(format!("error: {error}"))));
    pieces
}

fn piece(part: &Part) -> Option<Piece<'_>> {
    Some(match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } if text.is_empty() => return None,
        Body::Text { text, .. } | Body::Refusal { text } => Piece::Text(text),
        Body::Reasoning { text, .. } if text.is_empty() => return None,
        Body::Reasoning { text, .. } => Piece::Thought(text),
        Body::ToolCall(call) => Piece::Note(format!("calls {}({})", call.name, call.arguments.raw())),
        Body::ToolResult(result) => Piece::Result(result.text()),
        Body::Media(media) => Piece::Note(format!("attached: {}", named(media))),
        Body::Native { kind, .. } => Piece::Note(format!("[{kind}]")),
    })
}

fn named(media: &Media) -> String {
    match &media.name {
        Some(name) if media.mime.is_empty() => name.clone(),
        Some(name) => format!("{name} ({})", media.mime),
        None if media.mime.is_empty() => "a file".to_owned(),
        None => media.mime.clone(),
    }
}
