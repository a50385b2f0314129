//! An open session as its model holds it: what is said to it, and where it answers.
use super::queue::{Next, Queue};
use super::{CloseReason, SessionEvent, SessionInput};
use crate::{Error, ErrorKind};
use std::sync::Arc;

/// What is sent into the session.
#[derive(Debug)]
pub struct SessionInputs(Arc<Queue>);

impl SessionInputs {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self(queue)
    }

    /// The next input; nothing when the caller wants the end.
    pub async fn next(&mut self) -> Option<SessionInput> {
        loop {
            match self.0.take_input() {
                Next::Input(input) => return Some(input),
                Next::Leaving => return None,
                Next::Nothing => {}
            }
            let fed = self.0.fed.listen();
            // Fed between the look and the listening: the notice would have been missed.
            match self.0.take_input() {
                Next::Input(input) => return Some(input),
                Next::Leaving => return None,
                Next::Nothing => fed.await,
            }
        }
    }
}

/// Tells what happens in the session. Clones tell the same one; when all are gone without a word, it is over.
#[derive(Debug, Clone)]
pub struct SessionTeller(Arc<Teller>);

#[derive(Debug)]
struct Teller(Arc<Queue>);

impl SessionTeller {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self(Arc::new(Teller(queue)))
    }

    /// Says an event, and waits where the caller is far behind.
    pub async fn send(&self, event: SessionEvent) {
        self.push(event);
        self.room().await;
    }

    /// Says an event at once. Whoever says many without end waits for [`room`](Self::room) in between.
    pub fn push(&self, event: SessionEvent) {
        self.queue().push_event(event);
    }

    /// Whether the caller keeps up.
    pub fn has_room(&self) -> bool {
        self.queue().has_room_for_events()
    }

    /// Returns when the caller has caught up, or is gone.
    pub async fn room(&self) {
        while !self.has_room() {
            let drained = self.queue().drained.listen();
            if self.has_room() {
                return;
            }
            drained.await;
        }
    }

    /// Ends the session. The first reason counts.
    pub fn close(&self, reason: impl Into<CloseReason>) {
        self.queue().close(reason.into());
    }

    /// Whether nobody hears any more, or wants to.
    pub fn is_closed(&self) -> bool {
        self.queue().is_left()
    }

    /// Returns when nobody hears any more, or wants to.
    pub async fn closed(&self) {
        while !self.is_closed() {
            let fed = self.queue().fed.listen();
            if self.is_closed() {
                return;
            }
            fed.await;
        }
    }

    /// How many times an answer was cut, as far as the model was told. Sound of an answer that began in an older epoch
    /// is dropped.
    pub fn epoch(&self) -> u64 {
        self.queue().epoch()
    }

    fn queue(&self) -> &Queue {
        &self.0.0
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if !self.0.is_over() {
            let error = Error::new(ErrorKind::Interrupted, "the session ended without a word");
            self.0.close(error.into());
        }
    }
}
