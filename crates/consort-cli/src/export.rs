//! A conversation as a file: Markdown, JSON, or a page.
use consort_engine::{to_html, to_markdown};
use consort_store::{Conversation, Turn};
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
pub(crate) fn export(conversation: &Conversation, branch: &[Turn], format: Format) -> String {
    let title = conversation.title.as_deref().unwrap_or("A conversation");
    match format {
        Format::Markdown => to_markdown(title, branch),
        Format::Html => to_html(title, branch),
        Format::Json => format!("{:#}\n", whole(conversation, branch)),
    }
}

/// All that is known of it.
pub(crate) fn whole(conversation: &Conversation, branch: &[Turn]) -> Value {
    json!({"conversation": conversation, "turns": branch})
}
