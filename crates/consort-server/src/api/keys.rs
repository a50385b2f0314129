//! Keys: their names come out, their values only go in.
use super::{Body, DONE, Named};
use crate::problem::{Answer, Problem};
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) async fn all(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({"rows": shared.house.keys()}))
}

/// A value; nothing prints it.
#[derive(Deserialize)]
pub(crate) struct New {
    value: String,
    plugin: Option<String>,
}

pub(crate) async fn set(
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    Body(new): Body<New>,
) -> Answer<StatusCode> {
    let value = new.value.trim();
    if value.is_empty() {
        return Err(Problem::wrong("the key is empty"));
    }
    shared.house.set_key(&name, value, new.plugin.as_deref())?;
    DONE
}

pub(crate) async fn forget(
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> Answer<StatusCode> {
    shared.house.forget_key(&name)?;
    DONE
}
