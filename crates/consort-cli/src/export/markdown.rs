//! A conversation as Markdown.
use super::{Piece, pieces, speaker, title};
use crate::terminal::tamed;
use crate::time::minute;
use consort_store::{Conversation, Turn};

pub(super) fn page(conversation: &Conversation, path: &[Turn]) -> String {
    let mut page = format!("# {}\n\n", title(conversation));
    page.extend(["*", &minute(conversation.created), " UTC, conversation "]);
    page.extend([conversation.id.to_string().as_str(), "*\n"]);
    for turn in path {
        page.extend(["\n## ", &speaker(turn), "\n"]);
        for piece in pieces(turn) {
            page.push('\n');
            match piece {
                Piece::Text(text) => page.extend([text.trim_end(), "\n"]),
                Piece::Thought(text) => page.push_str(&quoted(text)),
                Piece::Note(text) => page.extend(["`", &tamed(&text).replace('`', "'"), "`\n"]),
                Piece::Result(text) => page.push_str(&fenced(&text)),
            }
        }
    }
    page
}

fn quoted(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("> {line}\n")).collect()
}

/// A text in a fence that is longer than any in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{}\n{fence}\n", text.trim_end())
}
