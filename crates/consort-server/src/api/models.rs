//! The models of the dropdown.
use super::Named;
use crate::house::ModelRow;
use crate::problem::{Answer, Problem};
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) async fn all(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(list(&shared))
}

pub(crate) fn list(shared: &Shared) -> Value {
    // The number first: rows may be newer than it, and never older.
    let revision = *shared.house.revision().borrow();
    let rows: Vec<Value> = shared.house.models().iter().map(|one| row(shared, one)).collect();
    json!({"revision": revision, "default": shared.house.default_model(), "rows": rows})
}

/// One row, for its details: a plugin that never ran is started to learn its card.
pub(crate) async fn one(State(shared): State<Arc<Shared>>, Named(id): Named<String>) -> Answer<Json<Value>> {
    let find = || shared.house.models().into_iter().find(|row| row.id == id);
    let found = find().ok_or_else(|| Problem::missing(format!("no model is named `{id}`")))?;
    if matches!(found.state, consort_core::State::Unchecked | consort_core::State::Loading) {
        // What comes of it stands in the row.
        let _ = shared.house.model(&id).await;
    }
    Ok(Json(row(&shared, &find().unwrap_or(found))))
}

fn row(shared: &Shared, one: &ModelRow) -> Value {
    let mut value = json!(one);
    value["measured"] = shared.measures.of(&one.id);
    value
}
