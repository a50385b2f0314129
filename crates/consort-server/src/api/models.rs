//! The models of the dropdown.
use super::Named;
use crate::list::row;
use crate::problem::{Answer, Problem};
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::sync::Arc;

pub(crate) async fn all(State(shared): State<Arc<Shared>>) -> Response {
    let list = shared.lists.now(&shared).await;
    ([(CONTENT_TYPE, "application/json")], list.body.clone()).into_response()
}

/// One row, for its details: a plugin that never ran is started to learn its card.
pub(crate) async fn one(State(shared): State<Arc<Shared>>, Named(id): Named<String>) -> Answer<Json<Value>> {
    let list = shared.lists.now(&shared).await;
    let found = list.rows.iter().find(|row| row.id == id);
    let found = found.ok_or_else(|| Problem::missing(format!("no model is named `{id}`")))?;
    if !matches!(found.state, consort_core::State::Unchecked | consort_core::State::Loading) {
        return Ok(Json(row(&shared, found)));
    }
    // What comes of it stands in the row, which may be newer than the list.
    let _ = shared.house.model(&id).await;
    let house = shared.house.clone();
    let rows = tokio::task::spawn_blocking(move || house.models()).await.unwrap_or_default();
    let learnt = rows.into_iter().find(|row| row.id == id);
    Ok(Json(row(&shared, learnt.as_ref().unwrap_or(found))))
}
