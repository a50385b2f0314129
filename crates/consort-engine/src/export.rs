//! A branch of a conversation as a document: Markdown, or HTML that holds no script.
use consort_core::{Body, Media, MediaSource, Part, Role};
use consort_store::{Status, Turn};
use std::fmt::Write;

/// A branch as Markdown.
pub fn to_markdown(title: &str, branch: &[Turn]) -> String {
    let mut text = format!("# {}\n", title.replace('\n', " "));
    for turn in branch.iter().filter(|turn| !turn.parts.is_empty()) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(text, "\n## {}\n", who(turn));
        for part in &turn.parts {
            let _ = match &part.body {
                Body::Text { text: words, .. } | Body::Refusal { text: words } => {
                    write!(text, "\n{}\n", words.trim_end())
                }
                Body::Reasoning { text: words, .. } if words.is_empty() => Ok(()),
                Body::Reasoning { text: words, .. } => {
                    write!(text, "\n> *Thinking*\n>\n> {}\n", words.trim_end().replace('\n', "\n> "))
                }
                _ => write!(text, "\n{}\n", fenced(&said(part))),
            };
        }
        if let Some(note) = note(turn) {
            let _ = write!(text, "\n*{note}*\n");
        }
    }
    text
}

/// A branch as a page of its own, with its words as they are: nothing in it is read as HTML.
pub fn to_html(title: &str, branch: &[Turn]) -> String {
    const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}\
        h2{font-size:1rem;margin-top:2rem}pre{white-space:pre-wrap;font:inherit;margin:.5rem 0}\
        .aside{color:#666;border-left:3px solid #ccc;padding-left:.75rem}";
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{0}</title>\n<style>{STYLE}</style>\n<h1>{0}</h1>\n",
        escaped(title)
    );
    for turn in branch.iter().filter(|turn| !turn.parts.is_empty()) {
        let _ = writeln!(page, "<h2>{}</h2>", escaped(&who(turn)));
        for part in &turn.parts {
            let aside = !matches!(part.body, Body::Text { .. } | Body::Refusal { .. });
            let class = if aside { " class=\"aside\"" } else { "" };
            let _ = writeln!(page, "<pre{class}>{}</pre>", escaped(&said(part)));
        }
        if let Some(note) = note(turn) {
            let _ = writeln!(page, "<p class=\"aside\">{}</p>", escaped(&note));
        }
    }
    page.push_str("</html>\n");
    page
}

fn who(turn: &Turn) -> String {
    match (turn.role, &turn.participant, &turn.answer) {
        (Role::User, Some(name), _) => name.clone(),
        (Role::User, None, _) => "You".to_owned(),
        (Role::Assistant, _, Some(answer)) => answer.model.clone(),
        (Role::Assistant, ..) => "Assistant".to_owned(),
        (Role::Tool, ..) => "Tools".to_owned(),
        (Role::System, ..) => "System".to_owned(),
    }
}

/// The words of a part.
fn said(part: &Part) -> String {
    match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } | Body::Reasoning { text, .. } => text.clone(),
        Body::ToolCall(call) => format!("{}({})", call.name, call.arguments.raw()),
        Body::ToolResult(result) => {
            let words: Vec<String> = result.content.iter().map(said).collect();
            format!("{}: {}", result.name, words.join("\n"))
        }
        Body::Media(media) => format!("[{}]", named(media)),
        Body::Native { kind, .. } => format!("[{kind}]"),
    }
}

fn named(media: &Media) -> String {
    match (&media.name, &media.source) {
        (Some(name), _) => name.clone(),
        (None, MediaSource::Url(url)) => url.clone(),
        (None, _) => media.mime.clone(),
    }
}

/// What the reader must know of a turn that is not whole.
fn note(turn: &Turn) -> Option<String> {
    let error = turn.answer.as_ref().and_then(|answer| answer.error.as_ref());
    let why = error.map(|error| format!(": {error}")).unwrap_or_default();
    match turn.status {
        Status::Interrupted => Some(format!("The answer stopped here{why}")),
        Status::Failed => Some(format!("There was no answer{why}")),
        Status::Running | Status::Complete => None,
    }
}

/// The text as a block of code, with a fence that is longer than any in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{text}\n{fence}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
