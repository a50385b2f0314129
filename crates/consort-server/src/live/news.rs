//! Makes news of what runs do: turns as they are kept, and the conversation they belong to.
use super::hub::News;
use crate::shape;
use crate::state::Shared;
use consort_engine::{Run, What};
use consort_store::{ConversationId, TurnId};
use serde_json::json;
use std::sync::Arc;

/// Tells all tabs what a conversation is now.
pub(crate) async fn conversation_changed(shared: &Shared, id: ConversationId) {
    let Ok(Some(one)) = shared.engine.store().conversation(id).await else { return };
    if one.deleted.is_some() {
        return shared.hub.tell(News::All(json!({"type": "conversation_removed", "conversation": id})));
    }
    if let Ok(value) = shape::conversation(shared, &one, None).await {
        shared.hub.tell(News::All(json!({"type": "conversation", "conversation": value})));
    }
}

/// Follows a run for the other tabs, and notes how fast its model was.
pub(crate) fn observe(shared: &Arc<Shared>, run: &Run) {
    shared.hub.tell(News::Run(run.clone()));
    let (shared, run) = (shared.clone(), run.clone());
    tokio::spawn(async move {
        let mut events = run.events(0);
        while let Some(envelope) = events.next().await {
            let whole = matches!(envelope.what, What::TurnStarted { .. } | What::TurnEnded { .. });
            let Some(id) = envelope.turn.filter(|_| whole) else { continue };
            let Ok(Some(turn)) = shared.engine.store().turn(id).await else { continue };
            if matches!(envelope.what, What::TurnEnded { .. }) {
                shared.measures.note(&turn);
            }
            let value = shape::turn(&turn);
            shared.hub.tell(News::Of(turn.conversation, json!({"type": "turn", "turn": value})));
            if matches!(envelope.what, What::TurnStarted { .. }) {
                conversation_changed(&shared, run.conversation()).await;
            }
        }
        conversation_changed(&shared, run.conversation()).await;
        shared.hub.tell(News::Models);
    });
}

/// Tells those that look on of a turn that no run wrote.
pub(crate) async fn tell_turn(shared: &Shared, id: TurnId) {
    if let Ok(Some(turn)) = shared.engine.store().turn(id).await {
        let value = json!({"type": "turn", "turn": shape::turn(&turn)});
        shared.hub.tell(News::Of(turn.conversation, value));
    }
}
