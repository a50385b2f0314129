//! Deleting a conversation, and taking that back while it can be.
use super::conversations::find;
use super::{Body, Named};
use crate::live::conversation_changed;
use crate::problem::{Answer, Problem};
use crate::shape;
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use consort_store::{Conversation, ConversationChange, ConversationId, ConversationQuery};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long a deletion can be taken back.
const UNDO: Duration = Duration::from_mins(1);

/// Deletes it for the user at once, and for good once nobody took it back.
pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<ConversationId>,
) -> Answer<Json<Value>> {
    find(&shared, id).await?;
    remove(&shared, id).await?;
    Ok(Json(json!({"restore_until": shape::millis(SystemTime::now() + UNDO)})))
}

/// What is written in it ends, and everybody is told.
pub(crate) async fn remove(shared: &Arc<Shared>, id: ConversationId) -> Answer<()> {
    for run in shared.engine.runs().iter().filter(|run| run.conversation() == id) {
        run.stop();
    }
    let deleted = ConversationChange { deleted: Some(true), ..ConversationChange::default() };
    shared.engine.store().change(id, deleted).await?;
    conversation_changed(shared, id).await;
    if let Some(one) = shared.engine.store().conversation(id).await? {
        purge_later(shared, one);
    }
    Ok(())
}

/// Removes all for good that earlier lives of the server left deleted, as late as if they were deleted now: what the
/// clock was then is nothing to go by.
pub(crate) async fn purge_left(shared: &Arc<Shared>) {
    let query = ConversationQuery { deleted: true, ..ConversationQuery::default() };
    for one in shared.engine.store().conversations(query).await.unwrap_or_default() {
        purge_later(shared, one);
    }
}

/// Removes it for good, unless its deletion was taken back until then.
fn purge_later(shared: &Arc<Shared>, one: Conversation) {
    let shared = shared.clone();
    tokio::spawn(async move {
        tokio::time::sleep(UNDO).await;
        let store = shared.engine.store();
        let now = store.conversation(one.id).await.ok().flatten();
        // Deleted once more meanwhile, it waits for that.
        if now.is_some_and(|now| now.deleted.is_some() && now.deleted == one.deleted)
            && let Err(error) = store.purge(one.id).await
        {
            tracing::warn!(conversation = %one.id, "not removed: {error}");
        }
    });
}

pub(crate) async fn restore(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<ConversationId>,
    Body(_): Body<Value>,
) -> Answer<Json<Value>> {
    let there = shared.engine.store().conversation(id).await?;
    there.ok_or_else(|| Problem::missing("it is gone for good"))?;
    let back = ConversationChange { deleted: Some(false), ..ConversationChange::default() };
    shared.engine.store().change(id, back).await?;
    conversation_changed(&shared, id).await;
    let one = find(&shared, id).await?;
    Ok(Json(shape::conversation(&shared, &one, None).await?))
}
