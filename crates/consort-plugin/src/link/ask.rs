//! Waiting for the host's answer to one request.
use super::Link;
use crate::protocol::Failure;
use serde_json::value::RawValue;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Where the answer is put.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    answer: Option<Result<Box<RawValue>, Failure>>,
    waker: Option<Waker>,
}

impl Slot {
    pub(super) fn fill(&self, answer: Result<Box<RawValue>, Failure>) {
        let waker = {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            inner.answer = Some(answer);
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The answer, when it is there. Dropping it before that tells the host that nobody waits.
pub(super) struct Answer {
    link: Link,
    id: String,
    slot: Arc<Slot>,
}

impl Answer {
    pub(super) fn new(link: Link, id: String, slot: Arc<Slot>) -> Self {
        Self { link, id, slot }
    }
}

impl Future for Answer {
    type Output = Result<Box<RawValue>, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.slot.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = inner.answer.take() {
            return Poll::Ready(answer);
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let answered = !self.link.open().answers.contains_key(&self.id);
        if !answered {
            self.link.withdraw(&self.id);
        }
    }
}
