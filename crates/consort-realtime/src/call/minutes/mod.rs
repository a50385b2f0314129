//! The minutes of a call: what goes into the log of what happens in it, in the order in which it was said, as it was heard.
mod answers;
mod users;

use super::answer::{Answer, Past, SETTLE};
use crate::heard::Speed;
use crate::shown;
use consort_core::{
    Attempt, Body, Error, Event, Media, Part, Price, Role, SessionEvent, Speaker, ToolResult,
};
use consort_store::{self as store, ConversationId, Ending, NewTurn, TurnId};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// What stands for what somebody said and the model wrote down nothing of.
pub(super) const WORDLESS: &str = "[spoken; there is no transcript]";
/// How many turns of users may wait for their words.
const WAITING: usize = 8;
/// How many items are remembered of turns that are over.
const PAST: usize = 64;

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
    /// Whether it speaks, as its card says.
    pub(super) speaks: bool,
}

/// It does no I/O and waits for nothing: it is told what happens and when, and gives what is to be written.
#[derive(Debug)]
pub(super) struct Minutes {
    about: About,
    /// Whether a turn of it stands at the conversation's tip already.
    follows: bool,
    users: VecDeque<User>,
    answers: VecDeque<Answer>,
    speed: Speed,
    /// The last items of turns that are over, and those of users whose words are known for good.
    past: VecDeque<Past>,
    understood: VecDeque<String>,
    /// The turns whose calls have no result yet.
    calls: HashMap<String, TurnId>,
    /// Pictures that belong to what is said next, and whether there were more than are kept.
    pictures: Vec<Media>,
    is_overfull: bool,
    /// Who speaks.
    speaker: Option<String>,
    /// Whether somebody spoke, as far as only the microphone tells.
    spoke: bool,
    /// Whether the model tells when somebody speaks, and whether it speaks itself.
    tells: bool,
    speaks: bool,
    /// The same as its card says, and it never yet gave all of its words and no sound.
    may_speak: bool,
    /// The turn whose call the result is of that the last turn holds.
    resulted: Option<TurnId>,
    asked: Option<Instant>,
    now: Instant,
    writes: Vec<Write>,
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

impl User {
    /// What they said and showed, as far as it is known.
    fn parts(&self) -> Vec<Part> {
        let text = self.text.trim();
        let said = (!text.is_empty()).then(|| Part::text(text));
        self.pictures.iter().cloned().chain(said).collect()
    }
}

impl Minutes {
    pub(super) fn new(about: About, speaker: Option<String>, now: Instant) -> Self {
        let may_speak = about.speaks;
        Self {
            about,
            follows: false,
            users: VecDeque::new(),
            answers: VecDeque::new(),
            speed: Speed::default(),
            past: VecDeque::new(),
            understood: VecDeque::new(),
            calls: HashMap::new(),
            pictures: Vec::new(),
            is_overfull: false,
            speaker,
            spoke: false,
            tells: false,
            speaks: false,
            may_speak,
            resulted: None,
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

    /// What a turn that goes on holds by now; nothing of one that is over.
    pub(super) fn so_far(&self, turn: TurnId) -> Option<Vec<Part>> {
        let answer = self.answers.iter().find(|answer| answer.turn == turn);
        let user = || self.users.iter().find(|user| user.turn == Some(turn));
        answer.map(Answer::parts).or_else(|| user().map(User::parts))
    }

    // -- what users do

    /// Somebody says this in words.
    pub(super) fn said(&mut self, text: &str) {
        self.drop_noise();
        let mut parts = self.pictures();
        parts.push(Part::text(text));
        self.writes.push(Write::Title(parts.clone()));
        let by = self.speaker.clone();
        self.user_begins();
        self.begin(NewTurn { participant: by, ..self.turn(Role::User, parts) });
        self.asked = Some(self.now);
    }

    /// A picture that belongs to what is said next. False where, for the first time, not all of those are kept.
    pub(super) fn shown(&mut self, picture: Media) -> bool {
        self.pictures.push(picture);
        let over = shown::bound(&mut self.pictures) > 0;
        !over || std::mem::replace(&mut self.is_overfull, true)
    }

    fn pictures(&mut self) -> Vec<Part> {
        self.is_overfull = false;
        std::mem::take(&mut self.pictures).into_iter().map(Part::media).collect()
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
        self.past.iter_mut().filter(|past| past.item == item).for_each(|past| past.cut = false);
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
        let (now, speaks) = (self.now, self.speaks || self.may_speak);
        for answer in self.answers.iter_mut().filter(|answer| !answer.cut) {
            let is_new = now.saturating_duration_since(answer.touched) < SETTLE;
            answer.cut(speaks && is_new);
            answer.touched = now;
        }
    }

    pub(super) fn result(&mut self, result: &ToolResult) {
        let called = self.calls.remove(&result.call_id);
        if let Some(answer) = self.answers.iter_mut().find(|answer| Some(answer.turn) == called) {
            answer.passed = true;
        }
        // Behind its own call, and behind other results of that turn.
        if called.is_some() && (called == self.about.tip || called == self.resulted) {
            self.begin(self.turn(Role::Tool, vec![Body::ToolResult(result.clone()).into()]));
            self.resulted = called;
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
            SessionEvent::Text { item, text } => self.written_words(item, text),
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
        self.answers.iter_mut().for_each(|answer| answer.close(error));
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
        self.resulted = None;
        self.writes.push(Write::Begin(turn));
    }
}
