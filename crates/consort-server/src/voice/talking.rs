//! A call on the server, whichever tab holds it.
use consort_core::SessionUpdate;
use consort_realtime::call::Call;
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
    /// How much sound was sent so far, whoever it was sent to.
    pub(super) sent: Duration,
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
            let mut call = self.call;
            call.interrupt();
            call.close();
            let ends = async { while call.next().await.is_some() {} };
            // Dropping it keeps what was heard.
            let _ = tokio::time::timeout(ENDING, ends).await;
        });
    }
}
