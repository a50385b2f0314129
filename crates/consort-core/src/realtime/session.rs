//! An open session as its caller holds it: one end to talk into, one to listen to.
use super::queue::Queue;
use super::{CloseReason, SessionEvent, SessionInput, SessionInputs, SessionTeller};
use crate::{BoxFuture, Error};
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// An open session.
///
/// A model makes one of [`pair`](Self::pair) or [`driven`](Self::driven), so that what is bounded, dropped and promised
/// is the same for all: sound that is not taken in time is dropped, the oldest first, after a warning; sound of an answer
/// that was cut is dropped at once; nothing else ever is.
#[derive(Debug)]
pub struct RealtimeSession {
    pub sink: SessionSink,
    pub events: SessionEvents,
}

impl RealtimeSession {
    /// A session and its other end, for a model that works on tasks or threads of its own.
    pub fn pair() -> (Self, SessionInputs, SessionTeller) {
        let queue = Arc::new(Queue::default());
        let session = Self {
            sink: SessionSink(queue.clone()),
            events: SessionEvents { queue: queue.clone(), driver: None, ended: false },
        };
        (session, SessionInputs::new(queue.clone()), SessionTeller::new(queue))
    }

    /// A session whose model is a future that is polled with the events, and needs no runtime. What the future comes to
    /// is why the session is over.
    pub fn driven<F, W>(drive: F) -> Self
    where
        F: FnOnce(SessionInputs, SessionTeller) -> W,
        W: Future<Output = CloseReason> + Send + 'static,
    {
        let (mut session, inputs, teller) = Self::pair();
        let work = drive(inputs, teller.clone());
        session.events.driver = Some(Box::pin(async move {
            let reason = work.await;
            teller.close(reason);
        }));
        session
    }
}

/// The end that is talked into. Clones are the same end.
#[derive(Debug, Clone)]
pub struct SessionSink(Arc<Queue>);

impl SessionSink {
    /// Sends what can wait: when much waits already, so does this. Nothing is dropped.
    pub async fn send(&self, input: SessionInput) -> Result<(), Error> {
        self.room().await;
        self.push(input)
    }

    /// Returns once there is room for what can wait; whoever has one input after the other keeps each until then.
    pub async fn room(&self) {
        while !self.0.has_room_for_inputs() {
            let taken = self.0.taken.listen();
            // Taken between the look and the listening: the notice would have been missed.
            if self.0.has_room_for_inputs() {
                break;
            }
            taken.await;
        }
    }

    /// Sends what cannot wait, such as a microphone's sound: the oldest sound that waits is dropped for it.
    pub fn push(&self, input: SessionInput) -> Result<(), Error> {
        self.0.push_input(input)
    }

    /// Ends the session: what was sent before still counts, and its events come up to `Closed`.
    pub fn close(&self) {
        self.0.leave(false);
    }

    /// Whether it is over, or told to be.
    pub fn is_closed(&self) -> bool {
        self.0.is_left()
    }
}

/// The end that is listened to: a stream up to [`SessionEvent::Closed`]. Dropping it ends the session.
pub struct SessionEvents {
    queue: Arc<Queue>,
    driver: Option<BoxFuture<'static, ()>>,
    ended: bool,
}

impl SessionEvents {
    /// The next event; nothing behind `Closed`.
    pub async fn next(&mut self) -> Option<SessionEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for SessionEvents {
    type Item = SessionEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SessionEvent>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let mut event = this.queue.take_event(cx.waker());
        if let Some(driver) = this.driver.as_mut().filter(|_| event.is_none()) {
            if driver.as_mut().poll(cx).is_ready() {
                this.driver = None;
            }
            event = this.queue.take_event(cx.waker());
        }
        match event {
            Some(event) => {
                this.ended = matches!(event, SessionEvent::Closed { .. });
                Poll::Ready(Some(event))
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for SessionEvents {
    fn drop(&mut self) {
        self.queue.leave(true);
    }
}

impl fmt::Debug for SessionEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEvents").field("ended", &self.ended).finish_non_exhaustive()
    }
}
