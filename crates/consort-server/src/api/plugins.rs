//! Plugins, routes and tools: what there is, and what the user decides about it.
use super::{Asked, Body, DONE, Named};
use crate::house::{PluginList, PluginLog};
use crate::problem::Answer;
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) async fn all(State(shared): State<Arc<Shared>>) -> Json<PluginList> {
    Json(shared.house.plugins())
}

pub(crate) async fn reload(
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    Body(_): Body<Value>,
) -> Answer<StatusCode> {
    shared.house.reload(&name).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
pub(crate) struct Lines {
    lines: Option<usize>,
}

pub(crate) async fn log(
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    Asked(wanted): Asked<Lines>,
) -> Answer<Json<PluginLog>> {
    Ok(Json(shared.house.log(&name, wanted.lines.unwrap_or(400))?))
}

pub(crate) async fn trust(
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    Body(_): Body<Value>,
) -> Answer<StatusCode> {
    shared.house.trust(&name).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
pub(crate) struct Grants {
    keys: Vec<String>,
}

pub(crate) async fn grant(
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    Body(grants): Body<Grants>,
) -> Answer<StatusCode> {
    shared.house.grant(&name, grants.keys).await?;
    DONE
}

pub(crate) async fn routes(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({"rows": shared.house.routes().await}))
}

pub(crate) async fn tools(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let rows: Vec<Value> = shared
        .house
        .tools()
        .await
        .into_iter()
        .map(|row| {
            let mut value = json!(row);
            value["approval"] = "ask".into();
            value
        })
        .collect();
    Json(json!({"rows": rows}))
}
