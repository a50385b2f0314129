//! What the page itself is set to; health; the token's form.
use super::Body;
use crate::guard;
use crate::live::News;
use crate::problem::{Answer, Problem};
use crate::state::Shared;
use crate::uploads::{LIMIT, MOST};
use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use consort_core::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest message, in letters.
pub(crate) const MESSAGE: usize = 2_000_000;

pub(crate) async fn health(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Value>) {
    let ok = shared.begins().is_ok();
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ok": ok, "version": VERSION})))
}

#[derive(Deserialize)]
pub(crate) struct Given {
    token: String,
}

pub(crate) async fn token(
    State(shared): State<Arc<Shared>>,
    Extension(guard::Secured(secured)): Extension<guard::Secured>,
    Body(given): Body<Given>,
) -> Answer<Response> {
    let Some(token) = &shared.guard.token else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    if !guard::same(&given.token, token) {
        return Err(Error::new(ErrorKind::Auth, "this is not the token of this server").into());
    }
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, guard::cookie(token, secured))]).into_response())
}

pub(crate) async fn get(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(settings(&shared))
}

/// Something that is there, if only as `null`.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

pub(crate) fn settings(shared: &Shared) -> Value {
    let kept = shared.desk.get();
    json!({
        "version": VERSION, "default_model": shared.house.default_model(), "pins": kept.pins, "recent": kept.recent,
        "system": kept.system, "titles": kept.titles.unwrap_or(true),
        "limits": {"attachment_bytes": LIMIT, "attachments": MOST, "message_chars": MESSAGE},
    })
}

#[derive(Deserialize)]
pub(crate) struct Change {
    /// `null` takes the choice back.
    #[serde(default, deserialize_with = "given")]
    default_model: Option<Value>,
    pins: Option<Vec<String>>,
    system: Option<String>,
    titles: Option<bool>,
}

pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Body(change): Body<Change>,
) -> Answer<Json<Value>> {
    if let Some(model) = &change.default_model {
        let model = model.as_str();
        let list = shared.lists.now(&shared).await;
        let known = |model: &&str| list.rows.iter().any(|row| row.id == **model);
        if let Some(unknown) = model.filter(|model| !known(model)) {
            return Err(Problem::missing(format!("no model is named `{unknown}`")));
        }
        shared.house.set_default_model(model)?;
    }
    shared.desk.change(|kept| {
        if let Some(pins) = change.pins {
            kept.pins = pins;
        }
        if let Some(system) = change.system {
            kept.system = system;
        }
        kept.titles = change.titles.or(kept.titles);
    })?;
    let settings = settings(&shared);
    shared.hub.tell(News::All(json!({"type": "settings", "settings": settings})));
    Ok(Json(settings))
}
