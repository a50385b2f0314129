//! HTTP through the host: an answer's head, and its body as it comes.
use super::Link;
use crate::protocol::HttpData;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use consort_core::{Error, ErrorKind, Object};
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// What an HTTP server answered, as the host passes it on.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Object,
    pub body: HttpBody,
}

impl HttpResponse {
    /// The whole body.
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let mut all = Vec::new();
        while let Some(piece) = self.body.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all.into())
    }

    /// The whole body, read as JSON.
    pub async fn json(self) -> Result<serde_json::Value, Error> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::protocol(format!("the answer is no JSON: {error}")))
    }
}

/// A body, piece by piece. Dropping it closes the connection.
pub struct HttpBody {
    link: Link,
    id: String,
    pieces: Arc<Pieces>,
    over: bool,
}

impl HttpBody {
    pub(super) fn new(link: Link, id: String, pieces: Arc<Pieces>) -> Self {
        Self { link, id, pieces, over: false }
    }

    /// There is nothing more to come.
    pub(super) fn ended(&self) {
        self.pieces.push(HttpData { eof: true, ..HttpData::default() });
    }

    /// The next piece.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for HttpBody {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        let next = {
            let mut inner = self.pieces.0.lock().unwrap_or_else(PoisonError::into_inner);
            match inner.waiting.pop_front() {
                Some(piece) => Some(piece),
                None if inner.eof => None,
                None => {
                    inner.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        self.over = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}

impl Drop for HttpBody {
    fn drop(&mut self) {
        let mut open = self.link.open();
        let ended = self.pieces.0.lock().unwrap_or_else(PoisonError::into_inner).eof;
        if ended {
            open.bodies.remove(&self.id);
            return;
        }
        drop(open);
        self.link.withdraw(&self.id);
    }
}

/// What came and was not read yet.
#[derive(Debug, Default)]
pub(super) struct Pieces(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Result<Bytes, Error>>,
    eof: bool,
    waker: Option<Waker>,
}

impl Pieces {
    pub(super) fn push(&self, data: HttpData) {
        let piece = match (data.text, data.data, data.error) {
            (_, _, Some(failure)) => Some(Err(failure.to_error())),
            (Some(text), ..) => Some(Ok(text.into())),
            (None, Some(data), None) => Some(STANDARD.decode(data).map(Bytes::from).map_err(|error| {
                Error::new(ErrorKind::Protocol, format!("the host sent a body that is no base64: {error}"))
            })),
            (None, None, None) => None,
        };
        let waker = {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            inner.eof |= data.eof || matches!(piece, Some(Err(_)));
            inner.waiting.extend(piece);
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl std::fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpBody").field("over", &self.over).finish_non_exhaustive()
    }
}
