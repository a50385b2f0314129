//! An answer while it comes and is played: what it is made of, and how much of it was heard.
use super::spoken::Spoken;
use crate::heard::{Speed, is_beginning};
use consort_core::{Body, Delta, Error, Event, Finish, Part, PartKey, PartKind, ToolCall, Usage};
use consort_store::{Status, TurnId};
use std::time::{Duration, Instant};

/// How long words may come behind the end of an answer before its turn ends without them.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// An item of a turn that is over.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) item: String,
    /// What had come of it.
    pub(super) text: String,
    /// Whether its words were not final.
    pub(super) owed: bool,
    /// Whether it was cut: what still comes of it is heard by nobody.
    pub(super) cut: bool,
    /// Whether the model said that it is complete. One that was only passed over may go on.
    pub(super) over: bool,
}

impl Past {
    /// A session that gives items no names says of nothing what it belongs to.
    pub(super) fn is_named(&self) -> bool {
        !self.item.is_empty()
    }

    /// Whether words of it are nothing new: it was said to its end, was cut, or ended without its last words, which it
    /// holds as far as they came.
    pub(super) fn is_late(&self, is_final: bool, text: &str) -> bool {
        let goes_on = self.owed && !self.cut && !self.over;
        match (self.is_named(), is_final) {
            (true, false) => !goes_on,
            (true, true) => true,
            (false, false) => self.owed && self.cut,
            (false, true) => self.owed || is_beginning(text, &self.text),
        }
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) turn: TurnId,
    /// How long a letter of it sounds.
    letter: Duration,
    items: Vec<Item>,
    calls: Vec<ToolCall>,
    /// How it ended, where that was said.
    pub(super) done: Option<(Finish, Option<Usage>)>,
    /// Whether something else was said behind it: it is over, whatever the model says of it.
    pub(super) passed: bool,
    pub(super) cut: bool,
    pub(super) failed: Option<Error>,
    /// When something of it first came, and when something last did.
    pub(super) first: Instant,
    pub(super) touched: Instant,
    /// How many of its parts the log knows.
    parts: u32,
    grown_calls: usize,
}

#[derive(Debug)]
pub(super) struct Item {
    name: String,
    pub(super) spoken: Spoken,
    pub(super) written: String,
    /// Which part of the turn it is, and how many bytes of it are in the log.
    part: Option<PartKey>,
    grown: usize,
}

impl Item {
    fn new(name: String, letter: Duration) -> Self {
        Self { name, spoken: Spoken::new(letter), written: String::new(), part: None, grown: 0 }
    }

    /// Whether words of it came without sound, and more may come.
    fn is_ahead(&self) -> bool {
        self.spoken.is_silent() && !self.spoken.is_final()
    }

    fn text(&self) -> String {
        let spoken = self.spoken.text();
        let gap = if spoken.is_empty() || self.written.is_empty() { "" } else { "\n" };
        format!("{spoken}{gap}{}", self.written)
    }
}

impl Answer {
    pub(super) fn new(turn: TurnId, letter: Duration, now: Instant) -> Self {
        Self {
            turn,
            letter,
            items: Vec::new(),
            calls: Vec::new(),
            done: None,
            passed: false,
            cut: false,
            failed: None,
            first: now,
            touched: now,
            parts: 0,
            grown_calls: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.done.is_some() || self.passed
    }

    /// Whether this item is one of it that may still change.
    pub(super) fn holds(&self, name: &str) -> bool {
        let item = self.items.iter().find(|item| item.name == name);
        item.is_some_and(|item| !(self.is_over() && item.spoken.is_final()))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.items.iter().any(|item| item.name == name)
    }

    pub(super) fn item(&mut self, name: &str) -> &mut Item {
        let at = self.items.iter().position(|item| item.name == name).unwrap_or_else(|| {
            self.items.push(Item::new(name.to_owned(), self.letter));
            self.items.len() - 1
        });
        &mut self.items[at]
    }

    /// Whether a session may still say what was heard of an item that was cut.
    pub(super) fn awaits(&self, name: &str) -> bool {
        self.items.iter().any(|item| item.name == name && item.spoken.is_unsettled())
    }

    /// So much more of an item was heard. False where it is none of this answer's.
    pub(super) fn hear(&mut self, name: &str, length: Duration) -> bool {
        let item = self.items.iter_mut().find(|item| item.name == name);
        item.map(|item| item.spoken.hear(length)).is_some()
    }

    pub(super) fn call(&mut self, call: ToolCall) {
        self.calls.push(call);
    }

    /// What of it was not heard yet is not heard any more, and what still comes is not either.
    /// Of words that came just now the sound may be about to come.
    pub(super) fn cut(&mut self, sound_comes: bool) {
        if self.is_over() {
            // What it said to its end and made no sound was read.
            self.items.iter_mut().filter(|item| item.spoken.is_read()).for_each(|item| item.spoken.end());
        }
        let is_ahead = sound_comes && !self.is_over();
        let is_ahead = is_ahead && self.items.iter().any(|item| item.spoken.is_awaited());
        let is_whole = !is_ahead && ((self.is_over() && self.is_heard()) || self.is_read());
        if is_whole && self.done.is_some() {
            return;
        }
        self.cut |= !is_whole;
        self.items.iter_mut().for_each(|item| item.spoken.cut(sound_comes));
    }

    /// Nothing more comes of any: what was told is all, and what makes no sound was read. Words that were not final need not be
    /// all that there was to say.
    pub(super) fn close(&mut self, failed: Option<&Error>) {
        let is_open = !self.is_over();
        if !is_open || failed.is_none() {
            self.end_sound();
            self.passed = true;
        }
        self.cut(false);
        self.cut |= is_open && self.items.iter().any(Item::is_ahead);
        if !self.is_over() {
            self.failed = self.failed.take().or(failed.cloned());
        }
    }

    /// Whether all of it is words that were read. What is only written is whole when the model says so.
    pub(super) fn is_read(&self) -> bool {
        let is_read = |item: &Item| item.spoken.is_read() && item.written.is_empty();
        !self.items.is_empty() && self.calls.is_empty() && self.items.iter().all(is_read)
    }

    /// No more sound of it comes.
    pub(super) fn end_sound(&mut self) {
        self.items.iter_mut().for_each(|item| item.spoken.end());
    }

    /// Whether all that came of it was heard. What was passed over need not say that its sound is complete.
    fn is_heard(&self) -> bool {
        self.items.iter().all(|item| item.spoken.is_whole() || (self.passed && item.spoken.is_caught_up()))
    }

    /// How fast it was spoken.
    pub(super) fn teach(&self, speed: &mut Speed) {
        self.items.iter().for_each(|item| item.spoken.teach(speed));
    }

    /// What is remembered of its items, once it is over.
    pub(super) fn past(&self) -> impl Iterator<Item = Past> {
        self.items.iter().map(|item| Past {
            item: item.name.clone(),
            text: item.spoken.so_far().to_owned(),
            owed: !item.spoken.is_final(),
            cut: self.cut || item.spoken.is_cut(),
            over: self.done.is_some(),
        })
    }

    /// When its turn ends, if nothing more of it comes; none where it goes on.
    pub(super) fn ends(&self) -> Option<Instant> {
        let is_played = self.cut || (self.is_over() && self.is_heard());
        let is_known = |item: &Item| item.spoken.is_final() && !item.spoken.is_unsettled();
        let is_known = self.items.iter().all(is_known);
        let wait = if self.done.is_some() && is_known { Duration::ZERO } else { SETTLE };
        is_played.then(|| self.touched + wait)
    }

    /// What of it was heard, and is not in the log yet.
    pub(super) fn growth(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for item in &mut self.items {
            let text = item.text();
            // What was set right behind this is right at its end.
            let Some(more) = text.get(item.grown..).filter(|more| !more.is_empty()) else { continue };
            let part = *item.part.get_or_insert_with(|| start(&mut self.parts, PartKind::Text, &mut events));
            events.push(Event::PartDelta { part, delta: Delta::Text(more.to_owned()) });
            item.grown = text.len();
        }
        for call in &self.calls[self.grown_calls..] {
            let kind = PartKind::ToolCall { id: call.id.clone(), name: call.name.clone() };
            let part = start(&mut self.parts, kind, &mut events);
            let delta = Delta::Arguments(call.arguments.json_text().to_owned());
            events.extend([Event::PartDelta { part, delta }, Event::PartEnd { part }]);
        }
        self.grown_calls = self.calls.len();
        events
    }

    /// What was heard of it, and what it called.
    pub(super) fn parts(&self) -> Vec<Part> {
        let texts = self.items.iter().map(Item::text);
        let said = texts.filter(|text| !text.trim().is_empty()).map(|text| Part::text(text.trim()));
        said.chain(self.calls.iter().map(|call| Body::ToolCall(call.clone()).into())).collect()
    }

    pub(super) fn status(&self) -> Status {
        match self.failed {
            Some(_) if self.parts().is_empty() => Status::Failed,
            Some(_) => Status::Interrupted,
            None if self.cut => Status::Interrupted,
            None => Status::Complete,
        }
    }
}

fn start(parts: &mut u32, kind: PartKind, events: &mut Vec<Event>) -> PartKey {
    let part = PartKey(*parts);
    *parts += 1;
    events.push(Event::PartStart { part, choice: 0, kind });
    part
}
