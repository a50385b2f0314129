//! A call on the server, whichever tab holds it.
use super::kept::Kept;
use crate::api::deletion::remove;
use crate::held::Hold;
use crate::state::Shared;
use consort_core::SessionUpdate;
use consort_realtime::call::{Call, CallEvent};
use consort_store::ConversationId;
use std::sync::Arc;
use std::time::Duration;

/// How long a call may take to end.
const ENDING: Duration = Duration::from_secs(5);

pub(super) struct Talking {
    pub(super) call: Call,
    pub(super) model: String,
    pub(super) input_rate: u32,
    pub(super) output_rate: u32,
    /// Whether pictures are understood.
    pub(super) sees: bool,
    pub(super) push: bool,
    pub(super) kept: Kept,
    /// The conversation, where it was made for this talk.
    pub(super) made: Option<(Arc<Shared>, ConversationId)>,
    /// A server that ends waits for it.
    pub(super) held: Hold,
    /// The tab that has its sound.
    pub(super) tab: Option<String>,
}

impl Talking {
    /// From now on the speaker says when a turn is over, or the model finds out.
    pub(super) fn push(&mut self, on: bool) {
        self.push = on;
        self.call.update(SessionUpdate { turn_detection: Some(!on), ..SessionUpdate::default() });
    }

    /// Ends it behind everybody's back. What does not end in time is given up.
    pub(super) fn end(self) {
        tokio::spawn(async move {
            let Self { mut call, kept, made, held: _held, .. } = self;
            call.interrupt();
            call.close();
            let ends = async {
                while let Some(event) = call.next().await {
                    if let CallEvent::Kept(turn) = event {
                        kept.tell(turn);
                    }
                }
            };
            // Dropping it keeps what was heard.
            let ended = tokio::time::timeout(ENDING, ends).await;
            drop(call);
            if let (Ok(()), Some((shared, conversation))) = (ended, made) {
                clear(&shared, conversation).await;
            }
        });
    }
}

/// Takes a conversation away in which nothing was said, and nobody talks any more.
pub(super) async fn clear(shared: &Arc<Shared>, conversation: ConversationId) {
    let found = shared.engine.store().conversation(conversation).await;
    let is_empty = matches!(found, Ok(Some(one)) if one.tip.is_none() && one.deleted.is_none());
    let is_asked = shared.engine.runs().iter().any(|run| run.conversation() == conversation);
    if is_empty && !is_asked && shared.lobby.is_free(conversation) {
        // What cannot be taken away is an empty row, which the user can delete.
        let _ = remove(shared, conversation).await;
    }
}
