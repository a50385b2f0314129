//! A conversation as a file: Markdown, JSON, or HTML without a script.
use super::conversations::find;
use super::{Asked, Named};
use crate::problem::Answer;
use crate::shape;
use crate::state::Shared;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use consort_store::{ConversationId, Turn};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Md,
    Json,
    Html,
}

pub(crate) async fn export(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<ConversationId>,
    Asked(Wanted { format }): Asked<Wanted>,
) -> Answer<Response> {
    let one = find(&shared, id).await?;
    let store = shared.engine.store();
    let title = one.title.clone().unwrap_or_else(|| "Conversation".to_owned());
    let branch = async || match one.tip {
        Some(tip) => store.path(tip).await,
        None => Ok(Vec::new()),
    };
    let (kind, end, text) = match format {
        Format::Md => {
            ("text/markdown; charset=utf-8", "md", consort_engine::to_markdown(&title, &branch().await?))
        }
        Format::Html => {
            ("text/html; charset=utf-8", "html", consort_engine::to_html(&title, &branch().await?))
        }
        Format::Json => {
            let tree: Vec<Turn> = store.tree(id).await?;
            let conversation = shape::conversation(&shared, &one, Some(&tree)).await?;
            let turns: Vec<_> = tree.iter().map(shape::turn).collect();
            let text = json!({"conversation": conversation, "turns": turns}).to_string();
            ("application/json", "json", text)
        }
    };
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{end}\"", file_name(&title))),
    ];
    Ok((headers, text).into_response())
}

/// A name that every file system takes.
fn file_name(title: &str) -> String {
    let name: String = title
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(60)
        .collect();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() { "conversation".to_owned() } else { name }
}
