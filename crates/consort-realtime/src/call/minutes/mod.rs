//! The minutes of a call: what goes into the log of what happens in it, in the order in which it was said, as it was heard.
mod answers;
mod users;

use super::answer::Answer;
use consort_core::{Attempt, Body, Error, Event, Part, Price, Role, SessionEvent, Speaker, ToolResult};
use consort_store::{self as store, ConversationId, Ending, NewTurn, TurnId};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// What stands for what somebody said and the model wrote down nothing of.
const WORDLESS: &str = "[spoken; there is no transcript]";
/// How many turns of users may wait for their words, and how many items of ended answers.
const WAITING: usize = 8;
const OWED: usize = 64;

/// What is to be written.
#[derive(Debug)]
pub(super) enum Write {
    Begin(NewTurn),
    Grow(TurnId, Vec<Event>),
    End(TurnId, Ending),
    /// What was paid for beside all turns.
    Book(Box<Attempt>),
    /// What the conversation may be called by.
    Title(Vec<Part>),
}

/// What is known of the call beforehand.
#[derive(Debug)]
pub(super) struct About {
    pub(super) conversation: ConversationId,
    /// The turn that the call goes on behind.
    pub(super) tip: Option<TurnId>,
    /// What each answer is known by.
    pub(super) answer: store::Answer,
    pub(super) price: Option<Price>,
}

/// It does no I/O and waits for nothing: it is told what happens and when, and gives what is to be written.
#[derive(Debug)]
pub(super) struct Minutes {
    about: About,
    /// Whether a turn of it stands at the conversation's tip already.
    follows: bool,
    users: VecDeque<User>,
    answers: VecDeque<Answer>,
    /// Items of turns that ended before their words were final.
    owed: VecDeque<Owed>,
    /// The turns whose calls have no result yet.
    calls: HashMap<String, TurnId>,
    /// Pictures that belong to what is said next.
    pictures: Vec<Part>,
    /// Who speaks.
    speaker: Option<String>,
    /// Whether somebody spoke, as far as only the microphone tells.
    spoke: bool,
    /// Whether the model tells when somebody speaks, and whether it speaks itself.
    tells: bool,
    speaks: bool,
    /// Whether the last turn holds a result.
    resulted: bool,
    asked: Option<Instant>,
    now: Instant,
    writes: Vec<Write>,
}

/// An item of a turn that ended before its words were final.
#[derive(Debug)]
struct Owed {
    item: String,
    /// What had come of it.
    text: String,
    /// Whether it was cut: what comes of it is heard by nobody.
    cut: bool,
}

/// Something that a user says.
#[derive(Debug, Default)]
struct User {
    item: Option<String>,
    text: String,
    by: Option<String>,
    turn: Option<TurnId>,
    pictures: Vec<Part>,
}

impl Minutes {
    pub(super) fn new(about: About, speaker: Option<String>, now: Instant) -> Self {
        Self {
            about,
            follows: false,
            users: VecDeque::new(),
            answers: VecDeque::new(),
            owed: VecDeque::new(),
            calls: HashMap::new(),
            pictures: Vec::new(),
            speaker,
            spoke: false,
            tells: false,
            speaks: false,
            resulted: false,
            asked: None,
            now,
            writes: Vec::new(),
        }
    }

    pub(super) fn at(&mut self, now: Instant) -> &mut Self {
        self.now = now;
        self
    }

    /// What is to be written by now.
    pub(super) fn take(&mut self) -> Vec<Write> {
        self.settle();
        std::mem::take(&mut self.writes)
    }

    /// When something is to be written, if nothing more happens.
    pub(super) fn due(&self) -> Option<Instant> {
        self.answers.iter().filter_map(Answer::ends).min()
    }

    // -- what users do

    /// Somebody says this in words.
    pub(super) fn said(&mut self, text: &str) {
        self.drop_noise();
        let mut parts = std::mem::take(&mut self.pictures);
        parts.push(Part::text(text));
        self.writes.push(Write::Title(parts.clone()));
        let by = self.speaker.clone();
        self.user_begins();
        self.begin(NewTurn { participant: by, ..self.turn(Role::User, parts) });
        self.asked = Some(self.now);
    }

    pub(super) fn shown(&mut self, picture: Part) {
        self.pictures.push(picture);
    }

    /// The microphone heard somebody.
    pub(super) fn spoke(&mut self, by: Option<&str>) {
        self.spoke = true;
        if let Some(by) = by {
            self.speaker = Some(by.to_owned());
        }
    }

    /// So much more of an item is to be played.
    pub(super) fn sounds(&mut self, item: &str, length: Duration) {
        self.speaks = true;
        // Sound that is wanted is of something new, whatever its name was before.
        self.owed.iter_mut().filter(|owed| owed.item == item).for_each(|owed| owed.cut = false);
        self.answer(item).item(item).spoken.sounds(length);
    }

    /// So much more of an item was played.
    pub(super) fn heard(&mut self, item: &str, length: Duration) {
        let now = self.now;
        for answer in self.answers.iter_mut().rev() {
            if answer.hear(item, length) {
                answer.touched = now;
                return;
            }
        }
    }

    /// What waits to be played is not heard any more.
    pub(super) fn cut(&mut self) {
        let (now, speaks) = (self.now, self.speaks);
        for answer in self.answers.iter_mut().filter(|answer| !answer.cut) {
            answer.cut(speaks);
            answer.touched = now;
        }
    }

    pub(super) fn result(&mut self, result: &ToolResult) {
        let called = self.calls.remove(&result.call_id);
        if let Some(answer) = self.answers.iter_mut().find(|answer| Some(answer.turn) == called) {
            answer.passed = true;
        }
        let is_last = called.is_some() && called == self.about.tip;
        if is_last || self.resulted {
            self.begin(self.turn(Role::Tool, vec![Body::ToolResult(result.clone()).into()]));
            self.resulted = true;
            return;
        }
        // Vendors take results right behind their calls only.
        let words = format!("[`{}` answered late: {}]", result.name, result.text());
        self.begin(self.turn(Role::User, vec![Part::text(words)]));
    }

    // -- what the session tells

    pub(super) fn event(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::SpeechStarted { by: Speaker::User } => self.speech_began(),
            SessionEvent::SpeechStopped { by: Speaker::User } => self.asked = Some(self.now),
            SessionEvent::Transcript { item, by: Speaker::User, mode, text } => {
                self.user_words(item, *mode, text);
            }
            SessionEvent::Transcript { item, by: Speaker::Assistant, mode, text } => {
                self.spoken_words(item, *mode, text);
            }
            SessionEvent::Text { item, text } => self.answer(item).item(item).written.push_str(text),
            SessionEvent::AudioDone { item, .. } => {
                let now = self.now;
                if let Some(answer) = self.answers.iter_mut().rev().find(|answer| answer.holds(item)) {
                    answer.item(item).spoken.end();
                    answer.touched = now;
                }
            }
            SessionEvent::ToolCall { call } => {
                let answer = self.answer("");
                answer.call(call.clone());
                let turn = answer.turn;
                self.calls.insert(call.id.clone(), turn);
            }
            SessionEvent::Interrupted { .. } => self.cut(),
            SessionEvent::TurnDone { finish, usage } => self.done(finish, usage.as_ref()),
            SessionEvent::Error { error } => {
                if let Some(answer) = self.answers.back_mut().filter(|answer| !answer.is_over()) {
                    answer.failed = Some(error.clone());
                }
            }
            SessionEvent::Warning { warning } => self.about.answer.warnings.push(warning.clone()),
            SessionEvent::Connected { model, .. } => {
                self.about.answer.resolved_model.clone_from(model);
            }
            _ => {}
        }
    }

    /// The session is over. What plays is not heard to its end, where it has not been.
    pub(super) fn close(&mut self, error: Option<&Error>) {
        let speaks = self.speaks;
        for answer in &mut self.answers {
            if answer.is_over() || error.is_none() {
                answer.end_sound();
                answer.passed = true;
            }
            answer.cut(speaks);
            if !answer.is_over() {
                answer.failed = answer.failed.take().or(error.cloned());
            }
        }
        while let Some(answer) = self.answers.pop_front() {
            self.end_answer(answer);
        }
        while let Some(user) = self.users.pop_front() {
            self.end_user(user);
        }
    }

    // -- the log

    fn turn(&self, role: Role, parts: Vec<Part>) -> NewTurn {
        NewTurn::complete(self.about.conversation, self.about.tip, role, parts)
    }

    fn begin(&mut self, turn: NewTurn) {
        let turn =
            NewTurn { parent: self.about.tip, follows: std::mem::replace(&mut self.follows, true), ..turn };
        self.about.tip = Some(turn.id);
        self.writes.push(Write::Begin(turn));
    }
}
