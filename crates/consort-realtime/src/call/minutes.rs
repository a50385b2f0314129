//! The minutes of a call: what goes into the log of what happens in it, in the order in which it was said, as it was heard.
use super::answer::Answer;
use consort_core::{
    Attempt, Body, Error, Event, Finish, FinishReason, Part, Price, Role, SessionEvent, Speaker, ToolResult,
    TranscriptMode, Usage,
};
use consort_store::{self as store, ConversationId, Ending, NewTurn, Status, TurnId};
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
    /// Items of turns that ended before their words were final, and whether they were cut.
    owed: VecDeque<(String, bool)>,
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
        self.owed.retain(|(owed, _)| owed != item);
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
                if !self.was_owed(item, *mode) {
                    self.answer(item).item(item).spoken.words(*mode, text);
                }
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

    // -- users

    fn speech_began(&mut self) {
        self.tells = true;
        if self.users.iter().all(|user| user.turn.is_some()) {
            self.users.push_back(User { by: self.speaker.clone(), ..User::default() });
        }
    }

    fn user_words(&mut self, item: &str, mode: TranscriptMode, text: &str) {
        let mine = |user: &User| user.item.as_deref() == Some(item);
        let known = self.users.iter().position(mine);
        let at = known.or_else(|| self.users.iter().position(|user| user.item.is_none()));
        let at = at.unwrap_or_else(|| {
            self.users.push_back(User { by: self.speaker.clone(), ..User::default() });
            self.users.len() - 1
        });
        let user = &mut self.users[at];
        user.item = Some(item.to_owned());
        if mode == TranscriptMode::Delta {
            user.text.push_str(text);
        } else {
            text.clone_into(&mut user.text);
        }
        let said_something = !user.text.trim().is_empty();
        if said_something && user.turn.is_none() {
            self.place(at);
        }
        if mode == TranscriptMode::Final
            && let Some(at) = self.users.iter().position(mine)
            && let Some(user) = self.users.remove(at)
        {
            self.end_user(user);
        }
    }

    /// Gives what a user says its place in the log, before its words are known.
    fn place(&mut self, at: usize) {
        self.user_begins();
        self.spoke = false;
        let turn = self.turn(Role::User, Vec::new());
        let pictures = std::mem::take(&mut self.pictures);
        let Some(user) = self.users.get_mut(at) else { return };
        user.pictures = pictures;
        user.turn = Some(turn.id);
        let new = NewTurn { participant: user.by.clone(), status: Status::Running, ..turn };
        self.begin(new);
        if self.users.len() > WAITING
            && let Some(oldest) = self.users.pop_front()
        {
            self.end_user(oldest);
        }
    }

    fn end_user(&mut self, user: User) {
        // What was no speech after all has no turn.
        let Some(turn) = user.turn else { return };
        let mut parts = user.pictures;
        let text = user.text.trim();
        if text.is_empty() {
            parts.push(Part::text(WORDLESS));
        } else {
            parts.push(Part::text(text));
            self.writes.push(Write::Title(parts.clone()));
        }
        self.writes.push(Write::End(turn, Ending { status: Status::Complete, parts, answer: None }));
    }

    /// Somebody says something new: the answer before it is over.
    fn user_begins(&mut self) {
        self.resulted = false;
        for answer in self.answers.iter_mut().filter(|answer| !answer.passed) {
            answer.passed = true;
            answer.touched = self.now;
        }
    }

    /// What began and became no words is forgotten, once something else is said.
    fn drop_noise(&mut self) {
        self.users.retain(|user| user.turn.is_some());
        self.spoke = false;
    }

    // -- answers

    /// The answer that this item is of.
    fn answer(&mut self, item: &str) -> &mut Answer {
        let known = self.answers.iter().rposition(|answer| !item.is_empty() && answer.holds(item));
        let newest = self.answers.len().checked_sub(1);
        let open = newest.filter(|at| !self.answers[*at].is_over() && !self.answers[*at].cut);
        let at = known.or(open).unwrap_or_else(|| {
            self.answer_begins();
            self.answers.len() - 1
        });
        self.answers[at].touched = self.now;
        &mut self.answers[at]
    }

    /// Whether these are words of a turn that ended without them: the last ones of it, which it holds as far as they came, or
    /// what a cut answer goes on with, which nobody hears.
    fn was_owed(&mut self, item: &str, mode: TranscriptMode) -> bool {
        let is_final = mode == TranscriptMode::Final;
        let known = self.answers.iter().any(|answer| answer.holds(item));
        let at = self.owed.iter().position(|(owed, _)| owed == item).filter(|_| !known);
        let Some(at) = at.filter(|at| is_final || self.owed[*at].1) else { return false };
        if is_final {
            self.owed.remove(at);
        }
        true
    }

    fn answer_begins(&mut self) {
        let waiting = self.users.iter().position(|user| user.turn.is_none());
        if let Some(at) = waiting {
            self.place(at);
        } else if self.spoke && !self.tells && !self.resulted {
            self.users.push_back(User { by: self.speaker.clone(), ..User::default() });
            self.place(self.users.len() - 1);
        }
        self.resulted = false;
        let answer = Some(Box::new(self.about.answer.clone()));
        let turn = NewTurn { status: Status::Running, answer, ..self.turn(Role::Assistant, Vec::new()) };
        self.answers.push_back(Answer::new(turn.id, self.now));
        self.begin(turn);
    }

    /// The newest answer is complete, and those before it are.
    fn done(&mut self, finish: &Finish, usage: Option<&Usage>) {
        let now = self.now;
        let newest = self.answers.iter().rposition(|answer| answer.done.is_none());
        for (at, answer) in self.answers.iter_mut().enumerate() {
            if Some(at) == newest {
                answer.done = Some((finish.clone(), usage.cloned()));
                answer.end_sound();
            }
            answer.passed = true;
            answer.touched = now;
        }
        if newest.is_none()
            && let Some(usage) = usage
        {
            let cost = self.about.price.as_ref().and_then(|price| price.cost(usage));
            let usage = Some(usage.clone());
            let attempt = Attempt { usage, cost, ..Attempt::new(&self.about.answer.model) };
            self.writes.push(Write::Book(Box::new(attempt)));
        }
    }

    /// Ends what is over, and writes what was heard of the rest.
    fn settle(&mut self) {
        let now = self.now;
        while let Some(at) =
            self.answers.iter().position(|answer| answer.ends().is_some_and(|end| end <= now))
        {
            if let Some(answer) = self.answers.remove(at) {
                self.end_answer(answer);
            }
        }
        for answer in &mut self.answers {
            let events = answer.growth();
            if !events.is_empty() {
                self.writes.push(Write::Grow(answer.turn, events));
            }
        }
    }

    fn end_answer(&mut self, mut answer: Answer) {
        // Of what was passed over, all words are those that were heard.
        answer.end_sound();
        self.owed.extend(answer.unfinished().map(|item| (item.to_owned(), answer.cut)));
        self.owed.drain(..self.owed.len().saturating_sub(OWED));
        let mut about = self.about.answer.clone();
        if let Some((finish, usage)) = &answer.done {
            about.finish = (!answer.cut && answer.failed.is_none()).then(|| finish.clone());
            about.usage.clone_from(usage);
            let price = self.about.price.as_ref();
            about.cost = usage.as_ref().zip(price).and_then(|(usage, price)| price.cost(usage));
        } else if !answer.cut && answer.failed.is_none() {
            about.finish = Some(FinishReason::Stop.into());
        }
        if let Some(asked) = self.asked.filter(|asked| *asked <= answer.first) {
            about.first = Some(answer.first.saturating_duration_since(asked));
            about.took = Some(answer.touched.saturating_duration_since(asked));
        }
        about.error.clone_from(&answer.failed);
        self.about.answer.warnings.clear();
        let ending = Ending { status: answer.status(), parts: answer.parts(), answer: Some(Box::new(about)) };
        self.writes.push(Write::End(answer.turn, ending));
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
