//! How a call ends: what was heard up to there is kept, and the reason is told.
use super::Call;
use consort_core::{CloseReason, Error, SessionEvent};

impl Call {
    /// All that was said is played: what is not kept yet is written.
    pub(super) fn end(&mut self) {
        let heard = self.ahead.all();
        self.note_heard(heard);
        let error = self.closed.as_ref().and_then(failure).cloned();
        self.minutes().close(error.as_ref());
        self.write();
        if let Some(keeper) = &mut self.keeper {
            keeper.finish();
        }
        self.is_written = true;
    }

    /// Waits until all is kept, and tells the end.
    pub(super) async fn finish(&mut self) {
        let told = match &mut self.keeper {
            Some(keeper) => keeper.next().await,
            None => None,
        };
        if told.is_some() {
            return self.told(told);
        }
        if let Some(reason) = self.closed.take() {
            self.tell(SessionEvent::Closed { reason });
        }
        self.is_over = true;
    }
}

fn failure(reason: &CloseReason) -> Option<&Error> {
    match reason {
        CloseReason::Failed { error } => Some(error),
        CloseReason::Asked | CloseReason::Ended { .. } => None,
    }
}

/// Whoever holds it gives it up: what was heard up to here is kept.
impl Drop for Call {
    fn drop(&mut self) {
        if !self.is_written {
            self.ahead.cut();
            self.minutes().cut();
            self.end();
        }
    }
}
