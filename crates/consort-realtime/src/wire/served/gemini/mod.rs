//! Gemini's Live format, served: a client of that vendor talks with any live model.
//!
//! Names of fields are taken in both of the vendor's spellings, and sound in both of base64's alphabets. A message that the
//! vendor would refuse ends the connection, as there: the format has no other word for it.
mod client;
mod cut;
mod late;
mod over;
mod parts;
mod setup;
mod speech;
mod tell;
mod turns;

use super::ears::Ears;
use super::entry::Entry;
use super::past::Past;
use super::patience::{Came, Habits};
use super::words::Words;
use super::{Close, Reply, ServedWire};
use crate::audio::Reader;
use crate::wire::sound::Outgoing;
use consort_core::{SessionConfig, SessionEvent, SessionInput, Usage};
use cut::Sent;
use over::Over;
use parts::Parts;
use serde_json::json;
use setup::Setup;
use speech::{Said, Speech};
use std::collections::BTreeMap;
use std::time::Duration;

/// A connection in Gemini's Live format.
#[derive(Debug, Default)]
pub struct GeminiServed {
    session: String,
    setup: Option<Setup>,
    past: Past,
    /// Whether turns that come are only what was said before, which is answered by nothing.
    is_seeding: bool,
    ears: Option<Ears>,
    reader: Option<Reader>,
    speech: Speech,
    is_open: bool,
    /// The answer under way.
    answer: Option<Answer>,
    habits: Habits,
    /// Answers that are over for the client and may still play, and how many were kept so far.
    sent: Vec<Sent>,
    kept: u64,
    /// Whether the client was told that those are cut, since the last of them.
    hushed: bool,
    /// Until when the client plays what it was sent.
    busy: Duration,
    /// The user's words, by the model's name for the turn.
    user: BTreeMap<String, Words>,
    /// What answers took whose end is not told: those that only called.
    usage: Option<Usage>,
    /// Whether it is the vendor's cloud that is spoken like: there some names are others.
    is_cloud: bool,
    /// Calls that wait for their results, by id.
    calls: Vec<(String, String)>,
    /// How many ends of answers the model still owes, which the client was told already.
    owed: u32,
    over: Over,
}

/// An answer that is not over.
#[derive(Debug, Default)]
struct Answer {
    parts: Parts,
    sound: Option<(String, Outgoing)>,
    /// Whether the client was told that it is cut, and that all of it was made.
    cut: bool,
    complete: bool,
    /// How much of it was heard, where it was cut by speech.
    heard: Option<Duration>,
    /// When it is over, where the model does not say so before.
    due: Option<Duration>,
    /// What may still come of each part, where the model did not say that it is over.
    rest: Vec<Came>,
    /// From when on nothing more of it is made until its calls have their results.
    waits: Option<Duration>,
}

impl Answer {
    fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.sound.is_none()
    }

    /// How far it is; for who hears it, or only reads.
    fn came(&self, is_heard: bool) -> Came {
        let came = self.parts.each_came().into_iter().max().unwrap_or_default();
        // Who only reads waits for no voice.
        if came == Came::Words && !is_heard { Came::All } else { came }
    }
}

impl GeminiServed {
    /// A connection, named by something that no other is named by.
    pub fn new(name: &str) -> Self {
        Self { session: name.to_owned(), ..Self::default() }
    }

    /// The same, as the vendor's cloud speaks it.
    pub fn in_the_cloud(name: &str) -> Self {
        Self { is_cloud: true, ..Self::new(name) }
    }

    fn open(&mut self, past: Vec<consort_core::Message>, reply: &mut Reply) {
        let (Some(setup), Some(ears)) = (&self.setup, &mut self.ears) else { return };
        self.is_open = true;
        self.calls.clear();
        self.user.clear();
        (self.owed, self.over) = (0, Over::default());
        self.sent.iter_mut().for_each(Sent::forget_items);
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
            self.hear_again(reply);
        }
    }

    /// Another session hears too what is being said, or may be the beginning of it: speech is noticed late.
    fn hear_again(&mut self, reply: &mut Reply) {
        reply.inputs.extend(self.speech.again(self.heard()));
    }

    /// Whether the client hears answers; else it reads them.
    fn is_heard(&self) -> bool {
        self.setup.as_ref().is_none_or(|setup| setup.speaks)
    }

    /// How much the user said so far, or was silent.
    fn heard(&self) -> Duration {
        self.ears.as_ref().map_or(Duration::ZERO, Ears::heard)
    }

    /// Sound, or the end of a turn. Where nothing may cut an answer it waits until that was heard.
    fn say_aloud(&mut self, heard: Duration, input: SessionInput, at: Duration, reply: &mut Reply) {
        if self.speech.waits() || (self.is_sounding(at) && !self.interrupts()) {
            self.speech.wait(Said::Aloud(heard, input));
        } else {
            self.speech.give(heard, input, &mut reply.inputs);
        }
    }

    /// When no answer is made or played any more; nothing where that is not known. One that waits for what its calls give is
    /// not made: a tool may take as long as it likes.
    fn is_silent_from(&self) -> Option<Duration> {
        match &self.answer {
            Some(answer) => answer.waits.map(|waits| waits.max(self.busy)),
            None => Some(self.busy),
        }
    }

    /// Whether an answer is made, or played.
    fn is_sounding(&self, at: Duration) -> bool {
        self.is_silent_from().is_none_or(|silent| silent > at)
    }

    /// What waits is heard as soon as it cuts nothing.
    fn hand_on(&mut self, at: Duration, reply: &mut Reply) {
        if !self.is_sounding(at) {
            self.hand_on_now(reply);
        }
    }

    /// The model is told all that waits, in its order.
    fn hand_on_now(&mut self, reply: &mut Reply) {
        if !self.speech.waits() {
            return;
        }
        let is_asked = self.speech.is_written_to();
        let again: Vec<SessionInput> =
            if is_asked { self.speech.again(self.heard()).collect() } else { Vec::new() };
        let (mut inputs, mut is_new) = (Vec::new(), false);
        for said in self.speech.take() {
            match said {
                Said::Aloud(at, input) => self.speech.give(at, input, &mut inputs),
                Said::Over => self.speech.known(),
                Said::Written(entry) => {
                    self.past.push(entry);
                    is_new |= self.ask(&mut inputs, reply);
                }
            }
        }
        if is_new {
            // Another session hears first what the one before it heard of who speaks.
            reply.inputs.extend(again);
        }
        reply.inputs.append(&mut inputs);
    }

    /// What is written is to be answered: behind what was said before it and still waits.
    fn say_in_words(&mut self, entry: Entry, reply: &mut Reply) {
        if self.speech.holds_words() {
            return self.speech.wait(Said::Written(entry));
        }
        self.past.push(entry);
        self.ask_now(reply);
    }

    /// What was said is to be answered.
    fn ask_now(&mut self, reply: &mut Reply) {
        let mut inputs = Vec::new();
        let is_new = self.ask(&mut inputs, reply);
        reply.inputs.append(&mut inputs);
        if is_new {
            self.hear_again(reply);
        }
    }

    /// The same; whether another session is opened for it.
    fn ask(&mut self, inputs: &mut Vec<SessionInput>, reply: &mut Reply) -> bool {
        let mut plan = self.past.ask(self.is_open);
        let past = plan.past.take();
        let is_new = past.is_some();
        if let Some(past) = past {
            self.open(past, reply);
        }
        inputs.append(&mut plan.inputs);
        is_new
    }
}

impl ServedWire for GeminiServed {
    fn greet(&mut self) -> Reply {
        Reply::default()
    }

    fn speaks(&mut self, speaks: bool) {
        self.habits.may_sound = speaks;
    }

    fn message(&mut self, message: &[u8], at: Duration) -> Reply {
        let mut reply = Reply::default();
        if let Err(reason) = self.hear(message, at, &mut reply) {
            return Reply { close: Some(Close::new(1007, &reason)), ..Reply::default() };
        }
        self.hand_on(at, &mut reply);
        reply
    }

    fn event(&mut self, event: SessionEvent, at: Duration) -> Reply {
        let mut reply = Reply::default();
        self.told(event, at, &mut reply);
        self.hand_on(at, &mut reply);
        reply
    }

    fn due(&self) -> Option<Duration> {
        let over = self.answer.as_ref().and_then(|answer| answer.due);
        let silent = self.is_silent_from().filter(|_| self.speech.waits());
        over.into_iter().chain(silent).min()
    }

    fn tick(&mut self, at: Duration) -> Reply {
        let mut reply = Reply::default();
        if self.answer.as_ref().and_then(|answer| answer.due).is_some_and(|due| due <= at) {
            self.learn();
            self.finish_early(&mut reply);
        }
        self.hand_on(at, &mut reply);
        reply
    }

    fn leave(&mut self, left: Duration) -> Reply {
        let mut reply = Reply::default();
        reply.send(json!({"goAway": {"timeLeft": format!("{}s", left.as_secs())}}));
        reply
    }
}
