//! What waits to be sent to a client.
use super::Frame;
use futures_util::{Sink, SinkExt as _};
use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

/// While so much waits, the session is not listened to: what is sent must be of now.
const FEW: usize = 16;
const FEW_BYTES: usize = 64 << 10;
/// While so much waits, nor is the client.
const MOST: usize = 4096;
const MOST_BYTES: usize = 4 << 20;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// Whether something was handed over that may not be on its way yet.
    unsent: bool,
}

impl Outbox {
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += size(&frame);
        self.frames.push_back(frame);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && !self.unsent
    }

    /// Whether the client keeps up.
    pub(super) fn is_light(&self) -> bool {
        self.frames.len() < FEW && self.bytes < FEW_BYTES
    }

    /// Whether there is room for what comes of one more message of the client.
    pub(super) fn has_room(&self) -> bool {
        self.frames.len() < MOST && self.bytes < MOST_BYTES
    }

    /// Hands on as much as goes, at least one frame; done when something went. Nothing is lost where this is given up.
    pub(super) fn poll_send<S: Sink<Frame> + Unpin>(
        &mut self,
        sink: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), S::Error>> {
        let mut went = false;
        while let Some(frame) = self.frames.front() {
            let bytes = size(frame);
            match sink.poll_ready_unpin(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending if went => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
            if let Some(frame) = self.frames.pop_front() {
                self.bytes -= bytes;
                sink.start_send_unpin(frame)?;
            }
            (went, self.unsent) = (true, true);
        }
        ready!(sink.poll_flush_unpin(cx))?;
        self.unsent = false;
        Poll::Ready(Ok(()))
    }
}

fn size(frame: &Frame) -> usize {
    match frame {
        Frame::Text(text) => text.len(),
        Frame::Binary(bytes) => bytes.len(),
        Frame::Ping | Frame::Pong | Frame::Close(_) => 0,
    }
}
