//! Sound on its way to a recogniser.
use consort_core::Pcm;
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Waker};

/// A stream of it, and the end that it is pushed in at.
#[derive(Clone, Default)]
pub(super) struct Feed(Arc<Mutex<Fed>>);

#[derive(Default)]
struct Fed {
    waiting: VecDeque<Pcm>,
    is_closed: bool,
    waker: Option<Waker>,
}

impl Feed {
    fn change(&self, change: impl FnOnce(&mut Fed)) {
        let mut fed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut fed);
        let waker = fed.waker.take();
        drop(fed);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn push(&self, frame: Pcm) {
        self.change(|fed| fed.waiting.push_back(frame));
    }

    pub(super) fn close(&self) {
        self.change(|fed| fed.is_closed = true);
    }
}

impl Stream for Feed {
    type Item = Pcm;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Pcm>> {
        let mut fed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fed.waiting.pop_front() {
            None if !fed.is_closed => {
                fed.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            frame => Poll::Ready(frame),
        }
    }
}
