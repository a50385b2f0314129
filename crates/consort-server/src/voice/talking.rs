//! A call on the server, whichever tab holds it.
use super::kept::Kept;
use crate::held::Hold;
use consort_core::SessionUpdate;
use consort_realtime::call::{Call, CallEvent};
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
            let Self { mut call, kept, held: _held, .. } = self;
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
            let _ = tokio::time::timeout(ENDING, ends).await;
        });
    }
}
