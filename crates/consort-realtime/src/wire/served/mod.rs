//! The live formats from their other side: a client that was written for a vendor talks to us.
//!
//! ```text
//!  a client's message ──► ServedWire::message ──► Reply { find, messages, open, inputs, ───► the client, the model
//!  SessionEvent ────────► ServedWire::event ───►          close }
//! ```
//!
//! A [`ServedWire`] is one connection's state and no I/O. It is told the time, counted from when the connection began, and
//! says by [`due`](ServedWire::due) when it wants to be asked again. Whoever drives it carries a [`Reply`] out in its order.
//!
//! The model's session is opened with the first thing that a model must hear (sound, or the wish for an answer), so that all
//! settings, and what was said before, are known by then. What is put into the conversation later and fits no
//! [`SessionInput`] opens it anew, with the conversation as it was heard, while nobody speaks.
mod ears;
mod entry;
mod gemini;
mod openai;
mod past;
mod patience;
mod recent;
mod words;

pub use gemini::GeminiServed;
pub use openai::OpenAiServed;

use consort_core::{CloseReason, Error, ErrorKind, SessionConfig, SessionEvent, SessionInput};
use std::time::Duration;

/// How long a model may take to say that an answer ended: one that was cut, one of which all was heard.
const CUT: Duration = Duration::from_millis(250);
const QUIET: Duration = Duration::from_secs(1);
/// A piece of sound in one message.
const PIECE: Duration = Duration::from_millis(400);
/// A long piece of a client's sound is handed on in pieces of this length.
const HEARD_PIECE: Duration = Duration::from_millis(500);

/// One client's connection in one vendor's format.
pub trait ServedWire: Send {
    /// What comes first, before the client says anything.
    fn greet(&mut self) -> Reply;

    /// The model that the client named was found, and its card says whether it speaks.
    fn speaks(&mut self, _speaks: bool) {}

    /// A message of the client.
    fn message(&mut self, message: &[u8], at: Duration) -> Reply;

    /// What the model's session tells. A model that is not there, or does not open, is one that is closed.
    fn event(&mut self, event: SessionEvent, at: Duration) -> Reply;

    /// When [`tick`](Self::tick) is wanted, unless something else happens before.
    fn due(&self) -> Option<Duration>;

    fn tick(&mut self, at: Duration) -> Reply;

    /// The server ends in so much time.
    fn leave(&mut self, left: Duration) -> Reply;
}

/// Stands for a connection's format while a message is read elsewhere.
pub(crate) struct Away;

impl ServedWire for Away {
    fn greet(&mut self) -> Reply {
        Reply::default()
    }

    fn message(&mut self, _: &[u8], _: Duration) -> Reply {
        Reply::default()
    }

    fn event(&mut self, _: SessionEvent, _: Duration) -> Reply {
        Reply::default()
    }

    fn due(&self) -> Option<Duration> {
        None
    }

    fn tick(&mut self, _: Duration) -> Reply {
        Reply::default()
    }

    fn leave(&mut self, _: Duration) -> Reply {
        Reply::default()
    }
}

/// What comes of one thing that happened. It is carried out in the order of its fields.
#[derive(Debug, Default)]
pub struct Reply {
    /// The model that the client names. Where there is none, the rest of the reply is void.
    pub find: Option<String>,
    /// To be sent to the client.
    pub messages: Vec<String>,
    /// A session to be opened, in the place of the one that is there.
    pub open: Option<SessionConfig>,
    /// To be sent to the session.
    pub inputs: Vec<SessionInput>,
    /// The connection is to be closed, once all was sent.
    pub close: Option<Close>,
}

/// How a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    /// At most 123 bytes, as the protocol has it.
    pub reason: String,
}

impl Close {
    pub fn new(code: u16, reason: &str) -> Self {
        let end = (0..=reason.len().min(123)).rev().find(|at| reason.is_char_boundary(*at)).unwrap_or(0);
        Self { code, reason: reason[..end].to_owned() }
    }

    /// By which code and words a session's end is told.
    fn of(reason: &CloseReason) -> Self {
        match reason {
            CloseReason::Asked => Self::new(1000, ""),
            CloseReason::Ended { message } => Self::new(1000, message),
            CloseReason::Failed { error } => {
                let code = match error.kind() {
                    ErrorKind::Overloaded | ErrorKind::RateLimit => 1013,
                    ErrorKind::Setup
                    | ErrorKind::Auth
                    | ErrorKind::Permission
                    | ErrorKind::Quota
                    | ErrorKind::ModelNotFound
                    | ErrorKind::Unsupported
                    | ErrorKind::InvalidRequest => 1008,
                    _ => 1011,
                };
                Self::new(code, &said(error))
            }
        }
    }
}

/// An error's words, and what to do about it.
fn said(error: &Error) -> String {
    error.hints().iter().fold(error.message().to_owned(), |words, hint| format!("{words} ({hint})"))
}

impl Reply {
    fn send(&mut self, message: serde_json::Value) {
        self.messages.push(message.to_string());
    }
}
