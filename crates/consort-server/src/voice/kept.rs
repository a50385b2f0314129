//! Tells everybody of the turns that a talk has kept, whoever listens to it, and when nobody does any more.
use crate::live::{conversation_changed, tell_turn};
use crate::state::Shared;
use consort_store::{ConversationId, TurnId};
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) struct Kept(mpsc::UnboundedSender<TurnId>);

impl Kept {
    /// It is told beside the talk, whose sound waits for no disk.
    pub(super) fn new(shared: Arc<Shared>, conversation: ConversationId) -> Self {
        let (to, mut turns) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(turn) = turns.recv().await {
                tell_turn(&shared, turn).await;
                conversation_changed(&shared, conversation).await;
            }
        });
        Self(to)
    }

    pub(super) fn tell(&self, turn: TurnId) {
        // It is told as long as the server lives.
        let _ = self.0.send(turn);
    }
}
