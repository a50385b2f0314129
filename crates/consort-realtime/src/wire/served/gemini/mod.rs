//! Gemini's Live format, served: a client of that vendor talks with any live model.
//!
//! Names of fields are taken in both of the vendor's spellings, and sound in both of base64's alphabets. A message that the
//! vendor would refuse ends the connection, as there: the format has no other word for it.
mod client;
mod setup;
mod tell;

use super::ears::Ears;
use super::past::Past;
use super::words::Words;
use super::{Close, Reply, ServedWire};
use crate::audio::Reader;
use crate::wire::sound::Outgoing;
use consort_core::{SessionConfig, SessionEvent, SessionInput, Usage};
use serde_json::json;
use setup::Setup;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a model may take to say that an answer ended: one that was cut, one of which all was heard.
const CUT: Duration = Duration::from_millis(250);
const QUIET: Duration = Duration::from_secs(1);

/// A connection in Gemini's Live format.
#[derive(Debug, Default)]
pub struct GeminiServed {
    session: String,
    setup: Option<Setup>,
    past: Past,
    ears: Option<Ears>,
    reader: Option<Reader>,
    is_open: bool,
    /// The answer under way.
    answer: Option<Answer>,
    /// The user's words, by the model's name for the turn.
    user: BTreeMap<String, Words>,
    /// What answers took whose end is not told: those that only called.
    usage: Option<Usage>,
    /// Calls that wait for their results, by id.
    calls: Vec<(String, String)>,
    /// How many ends of answers the model still owes, which the client was told already, and the items of the last of them.
    owed: u32,
    gone: Vec<String>,
}

/// An answer that is not over.
#[derive(Debug, Default)]
struct Answer {
    /// What its items say aloud, by the model's names for them.
    words: BTreeMap<String, Words>,
    sound: Option<(String, Outgoing)>,
    sent: Duration,
    began: Option<Duration>,
    /// Whether the client was told that it is cut, and that all of it was made.
    cut: bool,
    complete: bool,
    /// How much of it was heard, where it was cut by speech.
    heard: Option<Duration>,
    /// When it is over, where the model does not say so before.
    due: Option<Duration>,
}

impl Answer {
    fn has(&self, item: &str) -> bool {
        self.words.contains_key(item) || self.sound.as_ref().is_some_and(|(sounding, _)| sounding == item)
    }
}

impl GeminiServed {
    /// A connection, named by something that no other is named by.
    pub fn new(name: &str) -> Self {
        Self { session: name.to_owned(), ..Self::default() }
    }

    fn open(&mut self, past: Vec<consort_core::Message>, reply: &mut Reply) {
        let (Some(setup), Some(ears)) = (&self.setup, &mut self.ears) else { return };
        self.is_open = true;
        self.calls.clear();
        self.user.clear();
        (self.owed, self.gone) = (0, Vec::new());
        ears.renewed();
        reply.open = Some(SessionConfig {
            instructions: setup.instructions.clone(),
            voice: setup.voice.clone(),
            tools: setup.tools.clone(),
            messages: past,
            turn_detection: Some(ears.model_detects()),
            ..SessionConfig::default()
        });
    }

    /// Before the user speaks the model knows what was said, as far as a session can be begun with it.
    fn ready_to_hear(&mut self, reply: &mut Reply) {
        let is_busy = self.answer.is_some() || self.ears.as_ref().is_some_and(Ears::is_speaking);
        if !self.is_open || (self.past.is_stale() && !is_busy) {
            let past = self.past.before_speech();
            self.open(past, reply);
        }
    }

    /// The user speaks into the answer: the client stops playing it, and the model is told how much was heard.
    fn cut(&mut self, at: Duration, reply: &mut Reply) {
        let Some(answer) = self.answer.as_mut().filter(|answer| !answer.cut) else { return };
        answer.cut = true;
        answer.due = Some(at + CUT);
        let heard = answer.began.map_or(Duration::ZERO, |began| at.saturating_sub(began).min(answer.sent));
        answer.heard = Some(heard);
        let item = answer.sound.as_ref().map(|(item, _)| item.clone());
        reply.inputs.push(SessionInput::Interrupt { item, heard });
        reply.send(json!({"serverContent": {"interrupted": true}}));
    }
}

impl ServedWire for GeminiServed {
    fn greet(&mut self) -> Reply {
        Reply::default()
    }

    fn message(&mut self, message: &[u8], at: Duration) -> Reply {
        let mut reply = Reply::default();
        if let Err(reason) = self.hear(message, at, &mut reply) {
            reply = Reply { close: Some(Close::new(1007, &reason)), ..Reply::default() };
        }
        reply
    }

    fn event(&mut self, event: SessionEvent, at: Duration) -> Reply {
        let mut reply = Reply::default();
        self.told(event, at, &mut reply);
        reply
    }

    fn due(&self) -> Option<Duration> {
        self.answer.as_ref()?.due
    }

    fn tick(&mut self, at: Duration) -> Reply {
        let mut reply = Reply::default();
        if self.due().is_some_and(|due| due <= at) {
            self.finish_early(&mut reply);
        }
        reply
    }

    fn leave(&mut self, left: Duration) -> Reply {
        let mut reply = Reply::default();
        reply.send(json!({"goAway": {"timeLeft": format!("{}s", left.as_secs())}}));
        reply
    }
}
