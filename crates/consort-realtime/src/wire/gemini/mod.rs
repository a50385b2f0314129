//! Gemini's Live format.
mod hear;
mod quirks;
mod say;
mod schema;
mod setup;
mod turn;

pub use quirks::GeminiQuirks;

use super::{LiveWire, Step, Then, ends, told};
use crate::audio::{Encoding, Format, Shape};
use crate::wire::sound::Outgoing;
use crate::wire::step::Leaving;
use consort_core::{Message, SessionConfig, SessionEvent, SessionInput, Usage};
use quirks::Past;
use serde_json::{Value, json};
use turn::Saying;

/// A session in Gemini's Live format.
///
/// The vendor has no way to be told how much of an answer was heard: after a cut it may believe that all of it was.
#[derive(Debug)]
pub struct GeminiLive {
    config: SessionConfig,
    model: String,
    quirks: GeminiQuirks,
    /// Takes the session over to another connection.
    handle: Option<String>,
    is_open: bool,
    /// Whether on this connection the user says when they speak: what is set anew counts from the next one on.
    marks: bool,
    /// Whether it ever was: then a connection that is lost is made anew.
    was_open: bool,
    /// Why another connection is to take over, as soon as nothing holds this one: the vendor is about to close it, or settings
    /// change.
    leaving: Option<Leaving>,
    /// What was said before, until the connection takes it.
    past: Vec<Value>,
    /// What a session that is taken over was told below its instructions, since its history lacks it: for good, and on this
    /// connection.
    below: Vec<Message>,
    told: Vec<Message>,
    /// Whether the connection was told of it and said nothing since, and whether one refused it.
    is_told: bool,
    is_refused: bool,
    /// How many parts of what was said before could not be told, as far as that is known to who listens.
    lost: usize,
    out: Outgoing,
    /// How many cuts there were, how many turns, and how often the user spoke.
    epoch: u64,
    turns: u64,
    users: u64,
    user: Option<Saying>,
    answer: Option<Saying>,
    /// Whether a turn was told complete on this connection.
    turned: bool,
    /// Whether a turn of the model is under way, and whether one was cut whose end is still to be told.
    is_answering: bool,
    cut: bool,
    usage: Option<Usage>,
    /// What was asked since the last answer began: a connection that takes over is asked again.
    asked: Vec<Asked>,
    calls: Vec<Call>,
    calls_made: u64,
    /// Whether the user speaks, where they say so themselves.
    is_active: bool,
    /// Whether sound was sent since the last turn ended.
    is_pending: bool,
}

/// What waits for an answer.
#[derive(Debug)]
enum Asked {
    Words(String),
    /// The message that gives a result, and whether the vendor keeps its call for a connection that takes over.
    Result {
        message: Value,
        kept: bool,
    },
}

impl Asked {
    fn words(&self) -> Option<&str> {
        match self {
            Self::Words(words) => Some(words),
            Self::Result { .. } => None,
        }
    }
}

/// A call that has no result yet.
#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    /// Whether the id is ours, because the vendor gave none.
    minted: bool,
    /// Whether the vendor keeps it, for a connection that takes over.
    kept: bool,
}

impl GeminiLive {
    /// A session with this model, under the vendor's name for it.
    pub fn new(model: impl Into<String>, config: SessionConfig, quirks: GeminiQuirks) -> Self {
        Self {
            config,
            model: model.into(),
            quirks,
            handle: None,
            is_open: false,
            marks: false,
            was_open: false,
            leaving: None,
            past: Vec::new(),
            below: Vec::new(),
            told: Vec::new(),
            is_told: false,
            is_refused: false,
            lost: 0,
            out: Outgoing::new(Format::new(Encoding::S16, Shape::MONO_16K)),
            epoch: 0,
            turns: 0,
            users: 0,
            turned: false,
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
        (self.is_open, self.is_told, self.leaving, self.turned) = (false, false, None, false);
        (self.past, self.told) = (Vec::new(), Vec::new());
        self.marks = self.config.turn_detection == Some(false);
        let mut instructions = self.config.instructions.clone();
        let past = setup::answered(past, &mut self.asked);
        // A session that is taken over has its history, and takes no other: what it lacks stands below the instructions.
        if self.handle.is_none() {
            self.below.clear();
        }
        let is_below = self.handle.is_some() || self.is_refused || self.quirks.past == Past::Instructions;
        let lost = if is_below {
            self.told = past;
            let all = [self.below.as_slice(), &self.told].concat();
            let (text, lost) = told::as_text(&all);
            instructions = told::below(&instructions, &text);
            lost
        } else {
            let (turns, lost) = setup::past(&past);
            self.past = turns;
            lost
        };
        if lost > self.lost {
            let more = lost - std::mem::replace(&mut self.lost, lost);
            let what = format!("{more} parts of what was said before cannot be told to this model");
            step.warn("dropped", what);
        }
        if !self.was_open {
            setup::generation(&self.model, &self.config).1.into_iter().for_each(|warning| {
                step.tell(SessionEvent::Warning { warning });
            });
        }
        let mut setup = setup::setup(&self.model, &self.config, &instructions, self.handle.as_deref());
        if !self.past.is_empty() {
            // It waits for it then, and answers none of it.
            setup["setup"]["historyConfig"] = json!({"initialHistoryInClientContent": true});
        }
        step.send(setup);
        step
    }

    fn takes_over(&self) -> bool {
        self.handle.is_some()
    }

    fn input(&mut self, input: SessionInput) -> Step {
        let mut step = Step::default();
        self.say(input, &mut step);
        self.leave(&mut step);
        step
    }

    fn message(&mut self, message: &[u8]) -> Step {
        let mut step = Step::default();
        match serde_json::from_slice(message) {
            Ok(message) => self.hear(message, &mut step),
            Err(error) => step.garbled(&error),
        }
        self.leave(&mut step);
        step
    }

    fn ended(&mut self, code: Option<u16>, reason: &str) -> Step {
        let mut step = Step::default();
        self.cut_all(&mut step);
        step.then = ends::then(code, reason, self.was_open);
        if let Some(Leaving { reason, .. }) = self.leaving.take() {
            step.then = Then::Renew { reason };
        } else if !self.is_open && self.was_open && self.handle.take().is_some() {
            // The session cannot be taken over: it begins with what was said.
            step.then = Then::Renew { reason: "the session could not be resumed".into() };
        } else if code == Some(1007) && std::mem::take(&mut self.is_told) {
            // There is another way to tell it.
            self.is_refused = true;
            step.then = Then::Renew { reason: "what was said before was refused".into() };
        }
        step
    }

    fn finds_turns(&self) -> bool {
        !self.marks
    }

    fn owe(&mut self, words: Option<&str>) {
        let is_asked = |words: &str| self.asked.iter().any(|asked| asked.words() == Some(words));
        if let Some(words) = words.filter(|words| !words.is_empty() && !is_asked(words)) {
            self.asked.push(Asked::Words(words.to_owned()));
        }
    }

    fn waits(&self) -> bool {
        !self.asked.is_empty()
    }
}
