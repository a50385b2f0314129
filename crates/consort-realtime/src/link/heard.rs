//! What was said in a session so far, as it was heard: another connection begins with it. The rules stand in `memory.rs`.
mod told;

use super::said::{Said, What};
use crate::shown::fade;
use consort_core::{FinishReason, Message, SessionEvent, SessionInput, Speaker, TranscriptMode};
use std::time::{Duration, Instant};

/// So much of a long session is told to another connection: the newest.
const MOST_SAID: usize = 400;
const MOST_TEXT: usize = 256 * 1024;

/// The conversation of a session.
#[derive(Debug, Default)]
pub(super) struct Heard {
    before: Vec<Message>,
    said: Vec<Said>,
    /// The turn that the user is in, where words of it came before its end.
    open: Option<String>,
    /// Whether the vendor keeps what was said before, for another connection.
    kept: bool,
    /// How many of the oldest were let go since that was last told, and how many pictures.
    forgotten: usize,
    faded: usize,
    /// Whether what is told counts as heard at once; else when the player is done with what it has.
    at_once: bool,
    busy: Option<Instant>,
}

impl Heard {
    pub(super) fn new(before: Vec<Message>, at_once: bool) -> Self {
        Self { before, at_once, ..Self::default() }
    }

    pub(super) fn input(&mut self, input: &SessionInput, now: Instant) {
        match input {
            SessionInput::Text { text } => {
                let turn = self.picture();
                turn.text.clone_from(text);
                (turn.item, turn.is_over, turn.is_final) = (Some(String::new()), true, true);
            }
            SessionInput::Image { media } => {
                self.picture().shown.push(media.clone());
                self.faded += fade(self.said.iter_mut().rev().map(|said| &mut said.shown));
            }
            SessionInput::ToolResult { result } => {
                self.push(What::Result(result.clone()), None);
            }
            SessionInput::Interrupt { item, heard } => self.cut(item.as_deref(), *heard, now),
            SessionInput::Audio(_)
            | SessionInput::Video { .. }
            | SessionInput::Commit
            | SessionInput::Update { .. } => {}
        }
    }

    /// Whether an answer begins with it.
    pub(super) fn event(&mut self, event: &SessionEvent, now: Instant) -> bool {
        let begins = match event {
            SessionEvent::Transcript { item, by: Speaker::Assistant, .. }
            | SessionEvent::Text { item, .. }
            | SessionEvent::Audio { item, .. } => self.answer_at(item).is_none(),
            SessionEvent::ToolCall { .. } => true,
            _ => false,
        };
        if begins {
            self.open = None;
        }
        match event {
            SessionEvent::Transcript { item, by: Speaker::User, mode, text } => {
                let said = self.user(item);
                said.is_final |= *mode == TranscriptMode::Final;
                said.say(*mode, text);
            }
            SessionEvent::Transcript { item, by: Speaker::Assistant, mode, text } => {
                let said = self.answer(item);
                said.is_spoken = true;
                // What is said to its end without a sound is read.
                let is_silent = said.played.sounded().is_zero() && said.heard.is_none() && !said.is_over;
                said.is_whole |= is_silent && *mode == TranscriptMode::Final;
                said.say(*mode, text);
            }
            SessionEvent::Text { item, text } => self.answer(item).say(TranscriptMode::Delta, text),
            SessionEvent::Audio { item, pcm, .. } => {
                let from = self.busy.map_or(now, |busy| busy.max(now));
                let said = self.answer(item);
                (said.is_over, said.is_whole) = (false, false);
                self.busy = Some(said.played.push(pcm.duration(), from));
            }
            SessionEvent::AudioDone { item, interrupted } => {
                if let Some(at) = self.answer_at(item) {
                    (self.said[at].is_over, self.said[at].is_whole) = (true, !interrupted);
                }
            }
            SessionEvent::TurnDone { finish, .. } => self.done(finish.reason != FinishReason::Other),
            SessionEvent::Interrupted { item } => self.interrupted(item.as_deref(), now),
            SessionEvent::ToolCall { call } => {
                self.push(What::Call(call.clone()), None);
            }
            SessionEvent::ToolCancelled { id } => {
                self.said.retain(|said| !matches!(&said.what, What::Call(call) if call.id == *id));
            }
            _ => {}
        }
        begins
    }

    /// Sound of an answer that was cut: its words have it, and nobody hears it or waits for it.
    pub(super) fn unplayed(&mut self, item: &str, length: Duration, now: Instant) {
        if let Some(at) = self.answer_at(item) {
            let (answer, at_once) = (&mut self.said[at], self.at_once);
            answer.end_at(now, at_once);
            answer.unplayed += length;
        }
    }

    /// The user begins to speak: words that come without a name known so far may be theirs.
    pub(super) fn turn_began(&mut self) {
        self.open = None;
    }

    /// A turn of the user is over, and has its place from now on.
    pub(super) fn turn_ended(&mut self) {
        let open = self.open.take();
        let is_its = |said: &Said| open.is_some() && said.is_users() && said.item == open;
        let is_picture = |said: &Said| said.is_users() && said.item.is_none() && !said.is_over;
        let at = self.said.iter().rposition(is_its);
        let at = at.or_else(|| self.said.len().checked_sub(1).filter(|last| is_picture(&self.said[*last])));
        match at {
            Some(at) => self.said[at].is_over = true,
            None => self.push(What::User, None).is_over = true,
        }
    }

    /// The turn that ended has this name.
    pub(super) fn named(&mut self, item: &str) {
        if self.said.iter().any(|said| said.is_users() && said.item.as_deref() == Some(item)) {
            return;
        }
        let last_answer = self.last_answer();
        let mut places = self.said[last_answer..].iter_mut();
        let place = places.find(|said| said.is_users() && said.item.is_none());
        let said = match place {
            Some(said) => said,
            None => self.push(What::User, None),
        };
        (said.item, said.is_over) = (Some(item.to_owned()), true);
    }

    /// Whether no answer stands behind these words.
    pub(super) fn is_unanswered(&self, item: &str) -> bool {
        self.said[self.last_answer()..]
            .iter()
            .any(|said| said.is_users() && said.item.as_deref() == Some(item))
    }

    /// The newest words of the user.
    pub(super) fn last_words(&self) -> String {
        let last = self.said.iter().rev().find(|said| said.is_users() && !said.is_again);
        last.map(|said| said.text.clone()).unwrap_or_default()
    }

    /// Behind the last answer or call.
    fn last_answer(&self) -> usize {
        let is_answer = |said: &Said| matches!(said.what, What::Answer | What::Call(_));
        self.said.iter().rposition(is_answer).map_or(0, |at| at + 1)
    }

    /// The connection is lost: no words come for places that have none. Where the user's turn is said once more as sound, what
    /// is known of it so far is forgotten.
    pub(super) fn lost(&mut self, is_said_again: bool) {
        self.open = None;
        self.done(false);
        self.said.retain(|said| {
            let is_empty = said.is_users() && said.item.is_none() && said.shown.is_empty();
            !(said.is_again || is_empty)
        });
        let last_answer = self.last_answer();
        for said in &mut self.said {
            // Nothing more comes of an answer, whether or not anybody still says so.
            said.is_over |= said.is_answer();
            if said.is_users() && said.item.is_none() {
                (said.item, said.is_final) = (Some(String::new()), true);
            }
        }
        for said in &mut self.said[last_answer..] {
            said.is_again = is_said_again && said.is_users() && !said.is_final && said.shown.is_empty();
        }
    }

    fn push(&mut self, what: What, item: Option<String>) -> &mut Said {
        self.said.push(Said::new(what, item));
        self.trim();
        let last = self.said.len() - 1;
        &mut self.said[last]
    }

    /// Lets the oldest go where there is too much.
    fn trim(&mut self) {
        while self.said.len() > 1
            && (self.said.len() > MOST_SAID || self.said.iter().map(Said::size).sum::<usize>() > MOST_TEXT)
        {
            // What was said before the session is older than all of it.
            if self.before.is_empty() {
                self.said.remove(0);
            } else {
                self.before.remove(0);
            }
            self.forgotten += 1;
        }
    }

    /// The place of pictures whose words are still to come.
    fn picture(&mut self) -> &mut Said {
        match self.said.last() {
            Some(last) if last.is_users() && last.item.is_none() && !last.is_over => {
                let last = self.said.len() - 1;
                &mut self.said[last]
            }
            _ => self.push(What::User, None),
        }
    }

    /// What the user said under this name: the oldest place that waits for words, where the name is new.
    fn user(&mut self, item: &str) -> &mut Said {
        // What is typed has no name.
        let is_known =
            |said: &Said| said.item.as_deref() == Some(item) && !(item.is_empty() && said.is_final);
        if let Some(at) = self.said.iter().position(|said| said.is_users() && is_known(said)) {
            return &mut self.said[at];
        }
        // Pictures that were answered without words have none to wait for, once that answer is over: words may come late.
        let is_done = |said: &Said| said.is_answer() && (said.is_over || said.heard.is_some());
        let is_answer = |said: &Said| is_done(said) || said.call().is_some();
        let answered = self.said.iter().rposition(is_answer).map_or(0, |at| at + 1);
        let waits = |(at, said): (usize, &Said)| {
            said.is_users() && said.item.is_none() && (said.is_over || at >= answered)
        };
        let place = self.said.iter().enumerate().position(waits);
        if place.is_none_or(|at| !self.said[at].is_over) {
            self.open = Some(item.to_owned());
        }
        let said = match place {
            Some(at) => &mut self.said[at],
            None => self.push(What::User, None),
        };
        said.item = Some(item.to_owned());
        said
    }

    fn answer_at(&self, item: &str) -> Option<usize> {
        let is_its = |said: &Said| said.is_answer() && said.item.as_deref() == Some(item);
        self.said.iter().rposition(is_its)
    }

    fn answer(&mut self, item: &str) -> &mut Said {
        match self.answer_at(item) {
            Some(at) => &mut self.said[at],
            None => self.push(What::Answer, Some(item.to_owned())),
        }
    }

    /// The user spoke into an answer: the one of this name, else the last one that may still sound. What is over takes
    /// nothing back.
    fn cut(&mut self, item: Option<&str>, heard: Duration, now: Instant) {
        let at_once = self.at_once;
        let sounds = |said: &Said| said.may_sound(now) && !(at_once && said.is_over);
        let is_meant = |said: &&mut Said| {
            said.is_answer() && item.map_or_else(|| sounds(said), |item| said.item.as_deref() == Some(item))
        };
        if let Some(answer) = self.said.iter_mut().rev().find(is_meant) {
            answer.heard = Some(heard);
        }
        // What waited behind it is not played. One that is under way goes on.
        self.stop(now, |said| said.is_over);
    }

    /// No more comes of the answers so far, whether or not there was sound of them.
    fn done(&mut self, is_whole: bool) {
        for said in self.said.iter_mut().filter(|said| said.is_answer() && !said.is_over) {
            said.is_over = true;
            said.is_whole |= is_whole && said.heard.is_none();
        }
    }

    /// The other side cut it: whoever plays it at once has heard so much of it, unless they say another.
    fn interrupted(&mut self, item: Option<&str>, now: Instant) {
        let newest = || self.said.iter().rposition(|said| said.may_sound(now));
        let at = item.map_or_else(newest, |item| self.answer_at(item));
        if let Some(at) = at {
            self.said[at].end_at(now, self.at_once);
        }
        self.stop(now, |_| true);
    }

    /// Nothing more is played of what is there.
    fn stop(&mut self, now: Instant, is_its: impl Fn(&Said) -> bool) {
        if self.at_once {
            return;
        }
        self.busy = None;
        for said in self.said.iter_mut().filter(|said| said.heard.is_none() && is_its(said)) {
            if !said.played.left(now).is_zero() {
                said.heard = Some(said.played.heard(now));
            }
        }
    }
}

#[cfg(test)]
mod tests;
