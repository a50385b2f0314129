//! The message formats of live vendors: what is said becomes their messages, their messages become events.
//!
//! ```text
//!  SessionInput ──► LiveWire::input ────► Step { messages, ────► the socket
//!  the socket ────► LiveWire::message ──►        events, ──────► SessionTeller
//!                                                then } ───────► go on, connect anew, or close
//! ```
//!
//! A [`LiveWire`] is one session's state and no I/O: it opens no socket, waits for nothing and knows no time. Whoever
//! drives it takes one thing after the other (an input, a message, the connection's end), sends the messages that come
//! of it and tells the events, in order. That is all a driver does; it takes no input before the first
//! [`Connected`](consort_core::SessionEvent::Connected), nor while it connects anew.
//!
//! ```
//! use consort_core::{SessionConfig, SessionEvent, SessionInput};
//! use consort_realtime::wire::{LiveWire, OpenAiLive, OpenAiQuirks};
//!
//! let mut wire = OpenAiLive::new(SessionConfig::default(), OpenAiQuirks::default());
//! assert!(wire.open(&[]).messages[0].starts_with(r#"{"type":"session.update""#));
//! let step = wire.message(br#"{"type":"session.updated","session":{"model":"m"}}"#);
//! assert!(matches!(&step.events[0], SessionEvent::Connected { model: Some(model), .. } if model == "m"));
//! let step = wire.input(SessionInput::text("Hello!"));
//! assert_eq!(step.messages.len(), 2); // the words, and that an answer is wanted
//! ```
mod ends;
mod gemini;
mod json;
mod openai;
pub mod served;
mod sound;
mod step;
mod told;
mod unsaid;

pub use gemini::{GeminiLive, GeminiQuirks};
pub use openai::{Layout, OpenAiLive, OpenAiQuirks, Pictures, Tools};
pub use served::{GeminiServed, OpenAiServed, ServedWire};
pub use step::{Busy, Leaving, Step, Then};

use consort_core::{Message, SessionInput};

/// One live session in one vendor's format.
///
/// It counts cuts as the session's queue does, so that sound says the epoch it was made in: by each
/// [`Interrupt`](SessionInput::Interrupt) that goes in and each
/// [`Interrupted`](consort_core::SessionEvent::Interrupted) that comes out.
///
/// What the vendor says and Consort has no word for is a [`Native`](consort_core::SessionEvent::Native) event, which the
/// driver keeps to itself unless it was asked for.
pub trait LiveWire: Send {
    /// What a connection begins with: the first one, and each that takes the session over. `past` is what was said so
    /// far, as it was heard; at first that is what the config says. A connection that [takes over](Self::takes_over) is
    /// told what the vendor does not keep.
    fn open(&mut self, past: &[Message]) -> Step;

    /// Whether the next connection goes on with what the vendor keeps, which is what was said up to the last step that
    /// was [`kept`](Step::kept).
    fn takes_over(&self) -> bool {
        false
    }

    fn input(&mut self, input: SessionInput) -> Step;

    /// A message of the other side; vendors send JSON as text or as binary.
    fn message(&mut self, message: &[u8]) -> Step;

    /// The connection ended: with this code and these words, or without any.
    fn ended(&mut self, code: Option<u16>, reason: &str) -> Step;

    /// Whether the other side finds the end of the user's turn by itself.
    fn finds_turns(&self) -> bool {
        true
    }

    /// Told before another connection is opened, where the driver knows what became of a turn that was said aloud: its words
    /// are the newest of the past and wait for an answer; or, without words, it comes once more as sound, and nothing is to be
    /// answered before it. What was typed and not answered the format asks again by itself.
    fn owe(&mut self, _words: Option<&str>) {}

    /// Whether something that was said waits for an answer: another connection would be asked for one.
    fn waits(&self) -> bool {
        false
    }
}
