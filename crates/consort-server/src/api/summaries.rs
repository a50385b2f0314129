//! Summaries: what stands for old turns where not all of a conversation fits. They are the user's to edit and delete.
use super::{Body, DONE, Named};
use crate::problem::{Answer, Problem};
use crate::shape::millis;
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consort_core::Money;
use consort_store::{ConversationId, Store, Summary, SummaryId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
pub(crate) struct New {
    text: String,
}

pub(crate) async fn all(
    State(shared): State<Arc<Shared>>,
    Named(conversation): Named<ConversationId>,
) -> Answer<Json<Value>> {
    let found = shared.engine.store().summaries(conversation).await?;
    Ok(Json(json!({"rows": found.iter().map(shape).collect::<Vec<_>>()})))
}

pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Named((conversation, id)): Named<(ConversationId, SummaryId)>,
    Body(New { text }): Body<New>,
) -> Answer<Json<Value>> {
    if text.trim().is_empty() {
        return Err(Problem::wrong("a summary needs words: delete it instead"));
    }
    let store = shared.engine.store();
    let edited = Summary { text, model: None, ..find(store.as_ref(), conversation, id).await? };
    store.put_summary(edited.clone()).await?;
    Ok(Json(shape(&edited)))
}

pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Named((conversation, id)): Named<(ConversationId, SummaryId)>,
) -> Answer<StatusCode> {
    let store = shared.engine.store();
    find(store.as_ref(), conversation, id).await?;
    store.remove_summary(id).await?;
    DONE
}

async fn find(store: &dyn Store, conversation: ConversationId, id: SummaryId) -> Answer<Summary> {
    let mut found = store.summaries(conversation).await?.into_iter();
    found.find(|one| one.id == id).ok_or_else(|| Problem::missing("this summary is not there any more"))
}

fn shape(summary: &Summary) -> Value {
    json!({
        "id": summary.id,
        "up_to": summary.up_to,
        "text": summary.text,
        "model": summary.model,
        "cost": summary.cost.map(Money::dollars),
        "created": millis(summary.created),
    })
}
