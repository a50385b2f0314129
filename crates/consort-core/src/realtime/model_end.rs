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
        self.until(Self::has_room).await;
    }

    /// Whether the caller keeps up with sound too. Too much of it is dropped in the end: whoever can make it later waits for
    /// this.
    pub fn has_room_for_sound(&self) -> bool {
        self.queue().has_room_for_sound()
    }

    /// Returns when the caller has caught up with sound too, or is gone.
    pub async fn room_for_sound(&self) {
        self.until(Self::has_room_for_sound).await;
    }

    async fn until(&self, has_room: impl Fn(&Self) -> bool) {
        while !has_room(self) {
            let drained = self.queue().drained.listen();
            if has_room(self) {
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

    /// How many cuts the model knows of: the [`Interrupt`](SessionInput::Interrupt)s that it took, and the
    /// [`Interrupted`](SessionEvent::Interrupted)s that it told. Sound says the epoch in which its answer began, so that a
    /// cut behind that drops it.
    pub fn epoch(&self) -> u64 {
        self.queue().epoch()
    }

    /// Whether a cut drops sound of this item, of an answer that began in this epoch: nobody is to hear it.
    pub fn drops(&self, item: &str, epoch: u64) -> bool {
        self.queue().drops(item, epoch)
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
