//! An answer: its head, and its bytes as they come.
use super::failure;
use super::mask::Mask;
use super::watch::Watch;
use bytes::Bytes;
use consort_core::{Error, ErrorKind};
use consort_wire::ResponseHead;
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

/// A vendor's answer. Dropping it closes the connection.
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) body: Body,
}

impl Answer {
    /// The whole body, for calls that are not streamed.
    pub(crate) async fn whole(mut self) -> Result<(ResponseHead, Bytes), Error> {
        const LONGEST: usize = 256 * 1024 * 1024;
        let mut all = Vec::new();
        while let Some(piece) = poll_fn(|cx| self.body.poll(cx)).await {
            let piece = piece?;
            // A body that is read whole has no events: its bytes are the sign of life.
            self.body.began();
            if all.len() + piece.len() > LONGEST {
                return Err(Error::protocol(format!("the answer is over {} MB long", LONGEST / 1024 / 1024)));
            }
            all.extend_from_slice(&piece);
        }
        Ok((self.head, all.into()))
    }
}

/// The bytes of an answer, under the watch of its timers.
pub(crate) struct Body {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    watch: Watch,
    pub(crate) mask: Mask,
}

impl Body {
    pub(crate) fn new(response: reqwest::Response, watch: Watch, mask: Mask) -> Self {
        Self { bytes: Box::pin(response.bytes_stream()), watch, mask }
    }

    /// The first event came.
    pub(crate) fn began(&mut self) {
        self.watch.began();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.watch.has_begun()
    }

    /// Reads what follows the last event, aside, so that the connection can be used again: the answer is over,
    /// but the end of its bytes is often a moment late.
    pub(crate) fn finish(mut self) {
        const LIMIT: Duration = Duration::from_secs(1);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LIMIT, async move {
                while let Some(Ok(_)) = poll_fn(|cx| self.bytes.as_mut().poll_next(cx)).await {}
            }));
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        // The watch first: an answer that never pauses is cancelled too.
        if let Poll::Ready(error) = self.watch.poll(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        let next = self.bytes.as_mut().poll_next(cx);
        match next {
            Poll::Ready(Some(Ok(bytes))) => {
                self.watch.heard();
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(Some(Err(error))) => {
                let error = if self.watch.has_begun() {
                    Error::new(ErrorKind::Interrupted, "the connection broke before the end of the answer")
                } else {
                    failure::broken(&error)
                };
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
