//! A stream of events written as plain code: a future that hands events over one at a time.
use consort_core::{BoxFuture, Error, Event};
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};

type Item = Result<Event, Error>;

/// Where the future puts its events: one, or one of each of two tries side by side.
#[derive(Clone, Default)]
pub(super) struct Out(Arc<Mutex<VecDeque<Item>>>);

impl Out {
    /// Hands an event over, and goes on when the next one is asked for.
    pub(super) async fn event(&self, event: Event) {
        self.item(Ok(event)).await;
    }

    pub(super) async fn item(&self, item: Item) {
        let mut item = Some(item);
        std::future::poll_fn(|_| match item.take() {
            // Nobody needs to be woken: the stream looks here before it sleeps, and whoever polls it polls again.
            Some(item) => self.offer(item),
            None => Poll::Ready(()),
        })
        .await;
    }

    fn offer(&self, item: Item) -> Poll<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(item);
        Poll::Pending
    }

    fn take(&self) -> Option<Item> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// The events of a future.
pub(super) struct Written {
    work: Option<BoxFuture<'static, ()>>,
    out: Out,
}

impl Written {
    pub(super) fn new<F: Future<Output = ()> + Send + 'static>(write: impl FnOnce(Out) -> F) -> Self {
        let out = Out::default();
        Self { work: Some(Box::pin(write(out.clone()))), out }
    }
}

impl Stream for Written {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Item>> {
        if let Some(item) = self.out.take() {
            return Poll::Ready(Some(item));
        }
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        let done = work.as_mut().poll(cx).is_ready();
        if done {
            self.work = None;
        }
        match self.out.take() {
            Some(item) => Poll::Ready(Some(item)),
            None if done => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}
