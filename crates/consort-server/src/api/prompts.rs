//! The prompt library.
use super::{Body, DONE, Named};
use crate::desk::Prompt;
use crate::problem::{Answer, Problem};
use crate::shape::millis;
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::SystemTime;

#[derive(Deserialize)]
pub(crate) struct New {
    name: String,
    text: String,
}

impl New {
    fn prompt(self, id: String) -> Answer<Prompt> {
        if self.name.trim().is_empty() {
            return Err(Problem::wrong("a prompt needs a name"));
        }
        Ok(Prompt { id, name: self.name, text: self.text, updated: millis(SystemTime::now()) })
    }
}

pub(crate) async fn all(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({"rows": shared.desk.get().prompts}))
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Body(new): Body<New>,
) -> Answer<(StatusCode, Json<Prompt>)> {
    let prompt = new.prompt(uuid::Uuid::new_v4().to_string())?;
    shared.desk.change(|kept| kept.prompts.push(prompt.clone()))?;
    Ok((StatusCode::CREATED, Json(prompt)))
}

pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    Body(new): Body<New>,
) -> Answer<Json<Prompt>> {
    let prompt = new.prompt(id)?;
    let there = shared.desk.change(|kept| {
        let old = kept.prompts.iter_mut().find(|old| old.id == prompt.id);
        old.map(|old| *old = prompt.clone()).is_some()
    })?;
    if there { Ok(Json(prompt)) } else { Err(gone()) }
}

pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> Answer<StatusCode> {
    let there = shared.desk.change(|kept| {
        let before = kept.prompts.len();
        kept.prompts.retain(|old| old.id != id);
        kept.prompts.len() < before
    })?;
    if there { DONE } else { Err(gone()) }
}

fn gone() -> Problem {
    Problem::missing("this prompt is not there any more")
}
