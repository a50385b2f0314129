//! Gemini's Live format.
mod hear;
mod say;
mod setup;
mod turn;

use super::{LiveWire, Step, Then, ends};
use crate::audio::{Encoding, Format, Shape};
use crate::wire::sound::Outgoing;
use consort_core::{Message, SessionConfig, SessionInput, Usage};
use serde_json::Value;
use turn::Saying;

/// A session in Gemini's Live format.
///
/// The vendor has no way to be told how much of an answer was heard: after a cut it may believe that all of it was.
#[derive(Debug)]
pub struct GeminiLive {
    config: SessionConfig,
    model: String,
    /// Takes the session over to another connection.
    handle: Option<String>,
    is_open: bool,
    /// Whether it ever was: then a connection that is lost is made anew.
    was_open: bool,
    /// The vendor is about to close the connection, as it said in these words.
    leaving: Option<String>,
    /// What was said before, until the connection takes it.
    past: Vec<Value>,
    out: Outgoing,
    /// How many cuts there were, how many turns, and how often the user spoke.
    epoch: u64,
    turns: u64,
    users: u64,
    user: Option<Saying>,
    answer: Option<Saying>,
    /// Whether a turn of the model is under way, and whether one was cut whose end is still to be told.
    is_answering: bool,
    cut: bool,
    usage: Option<Usage>,
    /// What was asked since the last answer began: a connection that takes over is asked again.
    asked: Vec<Value>,
    calls: Vec<Call>,
    calls_made: u64,
    /// Whether the user speaks, where they say so themselves.
    is_active: bool,
    /// Whether sound was sent since the last turn ended.
    is_pending: bool,
}

/// A call that has no result yet.
#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    /// Whether the id is ours, because the vendor gave none.
    minted: bool,
}

impl GeminiLive {
    /// A session with this model, under the vendor's name for it.
    pub fn new(model: impl Into<String>, config: SessionConfig) -> Self {
        Self {
            config,
            model: model.into(),
            handle: None,
            is_open: false,
            was_open: false,
            leaving: None,
            past: Vec::new(),
            out: Outgoing::new(Format::new(Encoding::S16, Shape::MONO_16K)),
            epoch: 0,
            turns: 0,
            users: 0,
            user: None,
            answer: None,
            is_answering: false,
            cut: false,
            usage: None,
            asked: Vec::new(),
            calls: Vec::new(),
            calls_made: 0,
            is_active: false,
            is_pending: false,
        }
    }
}

impl LiveWire for GeminiLive {
    fn open(&mut self, past: &[Message]) -> Step {
        let mut step = Step::default();
        (self.is_open, self.leaving, self.past) = (false, None, Vec::new());
        // An older connection left the session where it was.
        if self.handle.is_none() {
            let (turns, lost) = setup::past(past);
            self.past = turns;
            if lost > 0 {
                let what = format!("{lost} parts of what was said before cannot be told to this model");
                step.warn("dropped", what);
            }
        }
        step.send(setup::setup(&self.model, &self.config, self.handle.as_deref()));
        step
    }

    fn input(&mut self, input: SessionInput) -> Step {
        let mut step = Step::default();
        self.say(input, &mut step);
        step
    }

    fn message(&mut self, message: &[u8]) -> Step {
        let mut step = Step::default();
        match serde_json::from_slice(message) {
            Ok(message) => self.hear(message, &mut step),
            Err(error) => {
                let what = format!("the server sent what is not JSON: {error}");
                step.fail(consort_core::Error::protocol(what));
            }
        }
        step
    }

    fn ended(&mut self, code: Option<u16>, reason: &str) -> Step {
        let mut step = Step::default();
        self.cut_all(&mut step);
        step.then = ends::then(code, reason, self.was_open);
        if let Some(reason) = self.leaving.take() {
            step.then = Then::Renew { reason };
        } else if !self.is_open && self.was_open && self.handle.take().is_some() {
            // The session cannot be taken over: it begins with what was said.
            step.then = Then::Renew { reason: "the session could not be resumed".into() };
        }
        step
    }
}
