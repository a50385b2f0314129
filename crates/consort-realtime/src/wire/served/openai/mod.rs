//! OpenAI's Realtime format, served: a client of that vendor talks with any live model.
//!
//! Its ids are ours, and its settings are checked as the vendor does: a field that is unknown, or a value that cannot be, and
//! nothing of the message counts. What has no effect here is taken and shown as what it is.
mod answer;
mod client;
mod cut;
mod items;
mod late;
mod queue;
mod refusal;
mod settings;
mod tell;
mod telling;
mod unused;
mod user;
mod wish;

use super::ears::Ears;
use super::past::Past;
use super::patience::{Came, Habits};
use super::recent::Recent;
use super::words::Words;
use super::{Close, Reply, ServedWire};
use crate::audio::Reader;
use answer::Answer;
use consort_core::{SessionConfig, SessionEvent, SessionInput};
use queue::Queue;
use serde_json::{Value, json};
use settings::Settings;
use std::collections::VecDeque;
use std::time::Duration;
use telling::Telling;
use user::Users;
use wish::Wish;

/// How long a model may take to say that an answer ended that made calls.
const CALLS: Duration = Duration::from_millis(150);
/// How long nothing may come of an answer that was asked for.
const EMPTY: Duration = Duration::from_mins(1);
/// Of how many items it is known what the model was told of them.
const MOST_REMEMBERED: usize = 64;

/// A connection in OpenAI's Realtime format.
#[derive(Debug)]
pub struct OpenAiServed {
    /// The model's name as the client has it, and what names this session.
    model: String,
    session: String,
    /// How many events and how many things were named so far.
    events: u64,
    names: u64,
    settings: Settings,
    past: Past,
    ears: Ears,
    reader: Reader,
    is_open: bool,
    /// What the client said since its last turn ended, where it ends its turns itself; and how long it is.
    buffer: Vec<SessionInput>,
    pending: Duration,
    recent: Recent,
    users: Users,
    answer: Option<Answer>,
    habits: Habits,
    /// Until when the client plays what it was sent.
    busy: Duration,
    /// How many ends of answers the model still owes, which the client was told already.
    owed: u32,
    /// What it was asked while a call's result was missing.
    queue: Queue,
    /// Whether an answer was cut before it began, and is not to begin any more.
    hushed: bool,
    /// The newest items of answers that are over.
    said: VecDeque<Said>,
}

/// What was said in an answer that is over.
#[derive(Debug)]
struct Said {
    id: String,
    /// The model's own name for it; empty where that was another session's.
    theirs: String,
    /// How much of it the model was told to be heard, where it was.
    told: Option<Duration>,
    /// What may still come of it.
    rest: Came,
    /// Where its last words go, which may still be missing.
    last: Option<Last>,
    /// Where it is the sound of words that were told before: the item that holds those.
    words_of: Option<String>,
}

/// The words of an answer that is over: so far, and which place of which response they are of.
#[derive(Debug)]
struct Last {
    words: Words,
    response: String,
    output: usize,
    content: usize,
}

impl OpenAiServed {
    /// A connection for this model, named by something that no other session is named by.
    pub fn new(model: impl Into<String>, name: &str) -> Self {
        let settings = Settings::default();
        Self {
            model: model.into(),
            session: format!("sess_{name}"),
            events: 0,
            names: 0,
            past: Past::default(),
            ears: Ears::new(settings.hearing()),
            reader: Reader::new(settings.input),
            is_open: false,
            buffer: Vec::new(),
            pending: Duration::ZERO,
            recent: Recent::default(),
            users: Users::default(),
            answer: None,
            habits: Habits::default(),
            busy: Duration::ZERO,
            owed: 0,
            queue: Queue::default(),
            hushed: false,
            said: VecDeque::new(),
            settings,
        }
    }

    /// A new name for a thing of this kind.
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}_{}_{}", &self.session[5..], self.names)
    }

    fn conversation(&self) -> String {
        format!("conv_{}", &self.session[5..])
    }

    fn tell(&mut self, reply: &mut Reply, value: Value) {
        let value = numbered(&mut self.events, &self.session, value);
        reply.send(value);
    }

    /// The session opens with all that is known by now.
    fn open(&mut self, past: Vec<consort_core::Message>, reply: &mut Reply) {
        self.is_open = true;
        self.ears.renewed();
        for turn in self.users.renewed() {
            self.give_words_up(&turn, reply);
        }
        (self.owed, self.queue, self.hushed) = (0, Queue::default(), false);
        self.said.iter_mut().for_each(|said| said.theirs.clear());
        reply.open = Some(SessionConfig {
            instructions: self.settings.instructions.clone(),
            voice: self.settings.voice_name(),
            tools: self.settings.functions(),
            messages: past,
            input_rate: Some(self.settings.input.shape.rate()),
            output_rate: Some(self.settings.output.shape.rate()),
            turn_detection: Some(self.ears.model_detects()),
            ..SessionConfig::default()
        });
    }

    /// Before the user speaks the model knows what was said, as far as a session can be begun with it.
    fn ready_to_hear(&mut self, at: Duration, reply: &mut Reply) {
        let is_busy = self.answer.is_some() || self.ears.is_speaking();
        if !self.is_open || (self.past.is_stale() && !is_busy) {
            let past = self.past.before_speech();
            self.open(past, reply);
            let waiting = self.past.waiting();
            self.ears.give(&waiting, at);
            reply.inputs.extend(waiting);
            self.hear_again(reply);
        }
    }

    /// Another session hears too what is being said, or may be the beginning of it: speech is noticed late.
    fn hear_again(&mut self, reply: &mut Reply) {
        let began = self.users.speaking().map_or(self.ears.heard(), |turn| turn.began);
        reply.inputs.extend(self.recent.since(began));
    }

    /// An answer begins, for the client.
    fn begin(&mut self, wish: &Wish, reply: &mut Reply) -> &mut Answer {
        let id = self.name("resp");
        let conversation = self.conversation();
        self.hushed = false;
        let mut answer = Answer::new(id, &self.settings, wish);
        answer.habits = self.habits;
        answer.begin(&conversation, reply, &mut |value| numbered(&mut self.events, &self.session, value));
        self.answer.insert(answer)
    }

    /// What tells of the answer under way; one begins where there is none.
    fn telling<'a>(&'a mut self, reply: &'a mut Reply, then: impl FnOnce(&mut Telling<'_>)) {
        if self.answer.is_none() {
            self.begin(&Wish::usual(&self.settings), reply);
        }
        self.ears.answers(true);
        let item_id = self.name("item");
        let before = self.past.last_id().map(str::to_owned);
        let (events, session) = (&mut self.events, &self.session);
        let mut event = |value| numbered(events, session, value);
        if let Some(answer) = &mut self.answer {
            let busy = &mut self.busy;
            then(&mut Telling { answer, reply, event: &mut event, item_id, before, busy });
        }
    }
}

fn numbered(events: &mut u64, session: &str, mut value: Value) -> Value {
    *events += 1;
    value["event_id"] = format!("event_{}_{events}", &session[5..]).into();
    value
}

impl ServedWire for OpenAiServed {
    fn greet(&mut self) -> Reply {
        let mut reply = Reply { find: Some(self.model.clone()), ..Reply::default() };
        let session = self.settings.to_json(&self.session, &self.model);
        self.tell(&mut reply, json!({"type": "session.created", "session": session}));
        reply
    }

    fn speaks(&mut self, speaks: bool) {
        self.habits.may_sound = speaks;
    }

    fn message(&mut self, message: &[u8], at: Duration) -> Reply {
        let mut reply = Reply::default();
        self.hear(message, at, &mut reply);
        reply
    }

    fn event(&mut self, event: SessionEvent, at: Duration) -> Reply {
        let mut reply = Reply::default();
        if !self.holds(&event, at, &mut reply) {
            self.told(event, at, &mut reply);
        }
        reply
    }

    fn due(&self) -> Option<Duration> {
        let answer = self.answer.iter().flat_map(|answer| answer.due.into_iter().chain(answer.limit));
        answer.chain(self.queue.due()).min()
    }

    fn tick(&mut self, at: Duration) -> Reply {
        let mut reply = Reply::default();
        let is_over = |until: Option<Duration>| until.is_some_and(|until| until <= at);
        if is_over(self.queue.due()) {
            self.tell_held(at, &mut reply);
        }
        if self.answer.as_ref().is_some_and(|answer| is_over(answer.due)) {
            self.learn();
            self.finish_early(&mut reply);
        } else if self.answer.as_ref().is_some_and(|answer| is_over(answer.limit)) {
            self.give_up(&mut reply);
        }
        reply
    }

    fn leave(&mut self, _: Duration) -> Reply {
        Reply { close: Some(Close::new(1001, "the server ends")), ..Reply::default() }
    }
}
