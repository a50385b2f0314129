//! OpenAI's Realtime format, its released and its beta names, and what others made of it.
mod answers;
mod calls;
mod hear;
mod items;
mod quirks;
mod say;
mod settings;
mod words;

pub use quirks::{Layout, OpenAiQuirks, Pictures, Tools};

use super::unsaid::{chosen, unsaid};
use super::{LiveWire, Step, ends, told};
use crate::audio::Format;
use crate::wire::sound::Outgoing;
use answers::Answers;
use calls::Calls;
use consort_core::{Media, Message, SessionConfig, SessionEvent, SessionInput};
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
    calls: Calls,
    /// What was said before, where it stands below the instructions.
    told: String,
    /// How many parts of it could not be told, as far as that is known to who listens.
    lost: usize,
    /// How many messages have a name that an error can tell.
    named: u64,
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
            calls: Calls::default(),
            told: String::new(),
            lost: 0,
            named: 0,
            config,
            quirks,
        }
    }
}

impl LiveWire for OpenAiLive {
    fn open(&mut self, past: &[Message]) -> Step {
        let mut step = Step::default();
        self.is_open = false;
        if !self.was_open
            && let Some(warning) = unsaid(&chosen(&self.config))
        {
            step.tell(SessionEvent::Warning { warning });
        }
        let lost = if self.quirks.text {
            step.send(settings::all(&self.config, self.config.instructions.clone(), &self.quirks));
            let (items, lost) = items::past(past, &self.quirks);
            items.into_iter().for_each(|item| step.send(item));
            lost
        } else {
            // A server that takes no words knows no call of another connection either.
            for id in self.calls.drain() {
                step.tell(SessionEvent::ToolCancelled { id });
            }
            let (told, lost) = told::as_text(past);
            self.told = told;
            let instructions = told::below(&self.config.instructions, &self.told);
            step.send(settings::all(&self.config, instructions, &self.quirks));
            lost
        };
        if lost > self.lost {
            let more = lost - std::mem::replace(&mut self.lost, lost);
            let what = format!("{more} parts of what was said before cannot be told to this model");
            step.warn("dropped", what);
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
            Err(error) => step.garbled(&error),
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

    fn finds_turns(&self) -> bool {
        self.detects
    }

    fn owe(&mut self, words: Option<&str>) {
        let is_asked_by_us = !self.detects || settings::is_answered_by_server(&self.config, &self.quirks);
        match words {
            // What was typed and is not answered waits all the same.
            Some(_) => self.answers.wanted |= is_asked_by_us,
            None => self.answers.wanted = false,
        }
    }

    fn waits(&self) -> bool {
        self.answers.wanted || !self.answers.asked.is_empty() || self.calls.is_ready()
    }
}
