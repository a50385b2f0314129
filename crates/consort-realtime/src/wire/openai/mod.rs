//! OpenAI's Realtime format, its released and its beta names, and what others made of it.
mod answers;
mod hear;
mod items;
mod quirks;
mod say;
mod settings;
mod words;

pub use quirks::{Layout, OpenAiQuirks, Pictures};

use super::{LiveWire, Step, ends};
use crate::audio::Format;
use crate::wire::sound::Outgoing;
use answers::Answers;
use consort_core::{Media, Message, SessionConfig, SessionInput};
use std::time::Duration;

/// A session in OpenAI's Realtime format.
#[derive(Debug)]
pub struct OpenAiLive {
    config: SessionConfig,
    quirks: OpenAiQuirks,
    is_open: bool,
    /// Whether it ever was: then a connection that is lost is made anew.
    was_open: bool,
    out: Outgoing,
    spoken: Format,
    /// How much sound was sent since the last turn ended, and whether a picture was.
    pending: Duration,
    shown: bool,
    /// Whether the server finds the end of a turn, and whether speech cuts its answer.
    detects: bool,
    interrupts: bool,
    /// The newest picture of a camera or screen: it goes along with the next turn.
    frame: Option<Media>,
    answers: Answers,
    /// Calls that have no result yet.
    calls: Vec<String>,
    /// Whether results were given that were not answered yet.
    resulted: bool,
}

impl OpenAiLive {
    pub fn new(config: SessionConfig, quirks: OpenAiQuirks) -> Self {
        let detects = config.turn_detection != Some(false);
        Self {
            is_open: false,
            was_open: false,
            out: Outgoing::new(settings::usual(quirks.input_rate)),
            spoken: settings::usual(quirks.output_rate),
            pending: Duration::ZERO,
            shown: false,
            detects,
            interrupts: detects,
            frame: None,
            answers: Answers::default(),
            calls: Vec::new(),
            resulted: false,
            config,
            quirks,
        }
    }
}

impl LiveWire for OpenAiLive {
    fn open(&mut self, past: &[Message]) -> Step {
        let mut step = Step::default();
        self.is_open = false;
        step.send(settings::all(&self.config, &self.quirks));
        let (past, lost) = items::past(past, &self.quirks);
        past.into_iter().for_each(|item| step.send(item));
        if lost > 0 {
            step.warn(
                "dropped",
                format!("{lost} parts of what was said before cannot be told to this model"),
            );
        }
        step
    }

    fn input(&mut self, input: SessionInput) -> Step {
        let mut step = Step::default();
        self.say(input, &mut step);
        self.ask(&mut step);
        step
    }

    fn message(&mut self, message: &[u8]) -> Step {
        let mut step = Step::default();
        match serde_json::from_slice(message) {
            Ok(event) => self.hear(event, &mut step),
            Err(error) => {
                let what = format!("the server sent what is not JSON: {error}");
                step.fail(consort_core::Error::protocol(what));
            }
        }
        self.ask(&mut step);
        step
    }

    fn ended(&mut self, code: Option<u16>, reason: &str) -> Step {
        let mut step = Step::default();
        self.cut_all(&mut step);
        (self.pending, self.shown) = (Duration::ZERO, false);
        step.then = ends::then(code, reason, self.was_open);
        step
    }
}
