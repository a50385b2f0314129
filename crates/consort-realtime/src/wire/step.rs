//! What comes of one thing that a session is told.
use consort_core::{CloseReason, Error, SessionEvent};

/// What comes of an input, a message or an end.
#[derive(Debug, Default)]
pub struct Step {
    /// To be sent, in order.
    pub messages: Vec<String>,
    /// To be told, in order.
    pub events: Vec<SessionEvent>,
    pub then: Then,
}

/// How the connection goes on, once all was sent and told.
#[derive(Debug, Default, PartialEq)]
pub enum Then {
    #[default]
    Go,
    /// Close it where it is still open, tell that it is made [anew](SessionEvent::Reconnecting), connect, and
    /// [open](super::LiveWire::open) again.
    Renew {
        reason: String,
    },
    Close(CloseReason),
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

    pub(super) fn fail(&mut self, error: Error) {
        self.tell(SessionEvent::Error { error });
    }
}
