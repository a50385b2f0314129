//! One thing that was said in a session, as it was heard.
use crate::heard::{Played, Sound, Speed};
use crate::shown::Shown;
use consort_core::{Body, Message, Part, Role, ToolCall, ToolResult, TranscriptMode};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Said {
    pub(super) what: What,
    /// Its name; none yet for words that are still to come, or for a picture that they belong to.
    pub(super) item: Option<String>,
    /// Whether it is an answer that is spoken; what is written was read.
    pub(super) is_spoken: bool,
    /// Whether the user's turn, or the sound of the answer, is over; whether all of that sound came; and whether its words are
    /// known for good.
    pub(super) is_over: bool,
    pub(super) is_whole: bool,
    pub(super) is_final: bool,
    /// Whether it is said once more as sound.
    pub(super) is_again: bool,
    pub(super) text: String,
    pub(super) shown: Shown,
    /// Its sound, how much more of it nobody was to hear, and how much was heard where it was cut.
    pub(super) played: Played<Instant>,
    pub(super) unplayed: Duration,
    pub(super) heard: Option<Duration>,
    /// Whether the vendor keeps it.
    pub(super) kept: bool,
}

#[derive(Debug)]
pub(super) enum What {
    User,
    Answer,
    Call(ToolCall),
    Result(ToolResult),
}

impl Said {
    pub(super) fn new(what: What, item: Option<String>) -> Self {
        Self {
            what,
            item,
            is_spoken: false,
            is_over: false,
            is_whole: false,
            is_final: false,
            is_again: false,
            text: String::new(),
            shown: Shown::default(),
            played: Played::default(),
            unplayed: Duration::ZERO,
            heard: None,
            kept: false,
        }
    }

    pub(super) fn is_users(&self) -> bool {
        matches!(self.what, What::User)
    }

    pub(super) fn is_answer(&self) -> bool {
        matches!(self.what, What::Answer)
    }

    /// Whether more of its sound is to be heard, or may come.
    pub(super) fn may_sound(&self, now: Instant) -> bool {
        let sounds = self.is_spoken || !self.played.sounded().is_zero();
        self.is_answer()
            && sounds
            && self.heard.is_none()
            && (!self.is_over || !self.played.left(now).is_zero())
    }

    /// It is cut now, unless it was before: as much of it was heard as there was time for, or all that came.
    pub(super) fn end_at(&mut self, now: Instant, at_once: bool) {
        let heard = if at_once { self.played.sounded() } else { self.played.heard(now) };
        self.heard.get_or_insert(heard);
    }

    pub(super) fn say(&mut self, mode: TranscriptMode, text: &str) {
        if mode != TranscriptMode::Delta {
            self.text.clear();
        }
        self.text.push_str(text);
    }

    pub(super) fn call(&self) -> Option<&str> {
        match &self.what {
            What::Call(call) => Some(&call.id),
            _ => None,
        }
    }

    pub(super) fn size(&self) -> usize {
        match &self.what {
            What::User | What::Answer => self.text.len(),
            What::Call(call) => call.arguments.raw().len(),
            What::Result(result) => result.text().len(),
        }
    }

    /// As much of it as was heard where it was cut, else as will be: what came is played to its end. Spoken so fast. Nothing
    /// where nothing was said.
    pub(super) fn message(&self, speed: Speed) -> Option<Message> {
        let (role, mut parts) = match &self.what {
            What::Call(call) => (Role::Assistant, vec![Body::ToolCall(call.clone()).into()]),
            What::Result(result) => (Role::Tool, vec![Body::ToolResult(result.clone()).into()]),
            What::User => (Role::User, self.shown.parts()),
            What::Answer => (Role::Assistant, Vec::new()),
        };
        let text = if self.is_spoken { self.heard_text(speed) } else { &self.text };
        if !text.trim().is_empty() {
            parts.push(Part::text(text));
        }
        (!parts.is_empty()).then(|| Message::new(role, parts))
    }

    fn heard_text(&self, speed: Speed) -> &str {
        let sound = Sound { came: self.played.sounded() + self.unplayed, is_whole: self.is_whole };
        let heard = self.heard.unwrap_or_else(|| self.played.sounded());
        sound.heard_of(&self.text, heard, speed)
    }
}
