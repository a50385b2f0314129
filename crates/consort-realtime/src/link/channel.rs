//! What carries a live session: frames of text out, frames in, and how it ended.
use consort_core::{BoxFuture, Context, Error};
use consort_providers::{Arrived, Socket};
use std::task::{self, Poll};

/// A connection that carries messages both ways. Dropping it cuts it.
pub trait Channel: Send {
    /// Says a message; only when all that was said before [is on its way](Self::poll_sent).
    fn say(&mut self, message: String);

    /// Asks for a sign of life.
    fn ping(&mut self);

    /// Ready when all that was said is on its way, and also when nothing can be sent any more.
    fn poll_sent(&mut self, cx: &mut task::Context<'_>) -> Poll<()>;

    /// What comes next; behind [`Arrived::Ended`], only that.
    fn poll_next(&mut self, cx: &mut task::Context<'_>) -> Poll<Arrived>;

    /// Says goodbye; ready when that is on its way.
    fn poll_close(&mut self, cx: &mut task::Context<'_>) -> Poll<()>;

    /// An error of the session as it may be shown: without keys, and with what to do.
    fn complete(&self, error: Error) -> Error {
        error
    }

    /// A text without the keys that the connection was made with.
    fn hide(&self, text: String) -> String {
        text
    }
}

/// Makes connections of one model.
pub trait Connect: Send + Sync {
    /// Makes one. It is given up by dropping the future, by the context's `cancel` and by its deadline.
    fn connect(&self, context: Context) -> BoxFuture<'_, Result<Box<dyn Channel>, Error>>;
}

impl Channel for Socket {
    fn say(&mut self, message: String) {
        self.say(message);
    }

    fn ping(&mut self) {
        self.ping();
    }

    fn poll_sent(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        self.poll_sent(cx)
    }

    fn poll_next(&mut self, cx: &mut task::Context<'_>) -> Poll<Arrived> {
        self.poll_next(cx)
    }

    fn poll_close(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        self.poll_close(cx)
    }

    fn complete(&self, error: Error) -> Error {
        self.complete(error)
    }

    fn hide(&self, text: String) -> String {
        self.hide(text)
    }
}
