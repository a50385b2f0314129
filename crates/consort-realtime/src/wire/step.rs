//! What comes of one thing that a session is told.
use consort_core::{CloseReason, Error, SessionEvent};
use std::time::Duration;

/// What comes of an input, a message or an end.
#[derive(Debug, Default)]
pub struct Step {
    /// To be sent, in order.
    pub messages: Vec<String>,
    /// To be told, in order.
    pub events: Vec<SessionEvent>,
    /// The name of a turn of the user that ended: its words may come later, and behind others.
    pub turn: Option<String>,
    /// The vendor keeps all that was said so far, for a connection that [takes over](super::LiveWire::takes_over).
    pub kept: bool,
    pub then: Then,
}

/// How the connection goes on, once all was sent and told.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Then {
    #[default]
    Go,
    /// Close it where it is still open, tell that it is made [anew](SessionEvent::Reconnecting), connect, and
    /// [open](super::LiveWire::open) again.
    Renew {
        reason: String,
    },
    /// The same, as soon as the user does not speak and nothing else holds it, but in time; said again with each step until it
    /// is done.
    Soon(Leaving),
    Close(CloseReason),
}

/// Why a connection is to be left soon, and what holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaving {
    pub reason: String,
    /// Whether we want it ourselves: nothing is wrong with the connection then.
    pub wanted: bool,
    /// How much time the other side gave, when it last said so.
    pub left: Option<Duration>,
    pub busy: Busy,
}

/// What is under way on a connection, as its format knows it: the last of these that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Busy {
    #[default]
    No,
    /// The user says something.
    User,
    /// A tool runs, or its result was not answered yet.
    Tool,
    /// An answer is made.
    Answer,
}

impl Step {
    pub(super) fn send(&mut self, message: serde_json::Value) {
        self.messages.push(message.to_string());
    }

    pub(super) fn tell(&mut self, event: SessionEvent) {
        self.events.push(event);
    }

    pub(super) fn warn(&mut self, code: &str, message: impl Into<String>) {
        self.tell(SessionEvent::warning(code, message));
    }

    /// A message that cannot be read is left out. Whether an answer is whole, its end says.
    pub(super) fn garbled(&mut self, error: &serde_json::Error) {
        self.warn("garbled", format!("the server sent what is not JSON, which is left out: {error}"));
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.tell(SessionEvent::Error { error });
    }
}
