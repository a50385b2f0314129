//! What cuts an answer: somebody speaks into it, or wants no more of it; and what was heard of it then.
//!
//! - Speech pauses an answer: it falls silent, and is over once words come, or goes on where none do.
//! - Whoever plays it has a moment to report how much was heard; else it is what the clock says. That is told. A report that
//!   comes later, or once more, may only take back ([`Record`](super::super::record::Record)): that is told too.
//! - A report never ends a pause, however often it comes: a clock may say it first, and then whoever played it, who threw away
//!   what was left and is told the rest anew. What ends a pause, besides words, is a wish that names no answer.
//! - Where all sound of the answer was told before, and nobody says how much of it was heard until it would go on, whoever
//!   plays it plays on: nothing is said again.
//! - Every other wish for the end of an answer ends it. One that names no answer knows of no moment: it means what sounds or
//!   is made now, and how much was heard is what the clock says.
use super::Session;
use crate::cascade::answer::{Answer, said};
use consort_core::{Finish, FinishReason, SessionEvent, SessionTeller, TranscriptMode};
use std::time::{Duration, Instant};

/// Whoever plays the answer has so long to say how much of it was heard; then it is what should have been.
const GRACE: Duration = Duration::from_millis(200);

/// An answer that was cut by speech, while nobody knows whether that was meant.
pub(super) struct Paused {
    item: String,
    /// How much was heard, as far as is known.
    heard: Duration,
    /// The answer, where not all of it was made. Of one that was, the conversation holds the record.
    pub(super) answer: Option<Answer>,
    /// When the clock's word is taken for that; none once somebody's was, or where the answer was made.
    pub(super) close_at: Option<Instant>,
    /// Whether whoever plays it has said how much.
    reported: bool,
}

impl Session {
    /// Somebody speaks into the answer, or before it: it says no more until it is known what they say.
    pub(super) fn barge_in(&mut self, say: &SessionTeller) {
        let now = self.clock.now();
        self.drop_early();
        let (item, heard, answer, close_at) = if let Some(mut answer) = self.answer.take() {
            self.end_paused(say);
            answer.mute(say);
            (answer.record.item.clone(), answer.record.heard_by(now), Some(answer), Some(now + GRACE))
        } else {
            let sounding = self.history.last_answer().filter(|last| !last.left_at(now).is_zero());
            let Some(last) = sounding.filter(|_| self.paused.is_none()) else { return };
            say.push(SessionEvent::Interrupted { item: Some(last.item.clone()) });
            (last.item.clone(), last.heard_by(now), None, None)
        };
        self.paused = Some(Paused { item, heard, answer, close_at, reported: false });
    }

    /// Somebody wants no more of an answer, of which this much was heard where they name it.
    pub(super) fn interrupt(&mut self, item: Option<&str>, heard: Duration, say: &SessionTeller) {
        let names = |own: &str| item.is_none_or(|item| item == own);
        if self.paused.as_ref().is_some_and(|paused| names(&paused.item)) {
            return if item.is_some() { self.report(heard, say) } else { self.end_paused(say) };
        }
        let now = self.clock.now();
        let is_wanted = |answer: &Answer| answer.held.is_some() || !names(&answer.record.item);
        if let Some(mut answer) = self.answer.take_if(|answer| !is_wanted(answer)) {
            let heard = if item.is_some() { heard } else { answer.record.heard_by(now) };
            answer.mute(say);
            if !answer.record.is_audible() {
                say.push(SessionEvent::Interrupted { item: None });
            }
            answer.close_item(heard, say);
            self.give_up(answer, say);
        } else if let Some(answer) = &mut self.answer {
            // What still comes is of another answer, and is wanted.
            answer.epoch = say.epoch();
        }
        self.cut_told(item, heard, say);
    }

    /// The same of an answer that was made to its end.
    fn cut_told(&mut self, item: Option<&str>, heard: Duration, say: &SessionTeller) {
        let now = self.clock.now();
        let found = match item {
            Some(item) => self.history.answers().find(|record| record.item == item),
            None => self.history.answers().next().filter(|record| !record.left_at(now).is_zero()),
        };
        let Some(record) = found else { return };
        let heard = if item.is_some() { heard } else { record.heard_by(now) };
        if record.cut(heard) || (item.is_some() && record.correct(heard)) {
            say.push(said(&record.item, TranscriptMode::Final, record.text()));
        }
    }

    /// Who plays what is paused says how much of it was heard.
    fn report(&mut self, heard: Duration, say: &SessionTeller) {
        let Some(paused) = &mut self.paused else { return };
        let was_reported = std::mem::replace(&mut paused.reported, true);
        let is_known = if paused.answer.is_some() { paused.close_at.is_none() } else { was_reported };
        paused.heard = if is_known { paused.heard.min(heard) } else { heard };
        let heard = paused.heard;
        match &mut paused.answer {
            Some(answer) if is_known => {
                if answer.record.correct(heard) {
                    say.push(said(&paused.item, TranscriptMode::Final, answer.record.text()));
                }
            }
            Some(_) => self.close_paused(say),
            None => {
                let item = paused.item.clone();
                self.cut_told(Some(&item), heard, say);
            }
        }
    }

    /// It is known how much was heard of what is paused.
    pub(super) fn close_paused(&mut self, say: &SessionTeller) {
        if let Some(paused) = &mut self.paused
            && paused.close_at.take().is_some()
            && let Some(answer) = &mut paused.answer
        {
            answer.close_item(paused.heard, say);
        }
    }

    /// Somebody meant it: the answer that they spoke into is over.
    pub(super) fn end_paused(&mut self, say: &SessionTeller) {
        self.close_paused(say);
        let Some(paused) = self.paused.take() else { return };
        match paused.answer {
            Some(answer) => self.give_up(answer, say),
            None => self.cut_told(Some(&paused.item), paused.heard, say),
        }
    }

    /// Nobody meant it: the answer goes on where it was cut.
    pub(super) fn resume(&mut self, say: &SessionTeller) {
        if !self.parts.settings.resume {
            return self.end_paused(say);
        }
        self.close_paused(say);
        let Some(paused) = self.paused.take() else { return };
        if paused.answer.is_none() && !paused.reported {
            return;
        }
        let item = self.item();
        if let Some(mut answer) = paused.answer {
            let old = answer.go_on(item, say);
            if !old.clauses.is_empty() || !old.rounds.is_empty() {
                self.history.answer(old);
            }
            self.answer = Some(answer);
            return;
        }
        let cut = self.history.answers().find(|record| record.item == paused.item);
        let rest = cut.map(|record| record.unheard()).unwrap_or_default();
        if !rest.is_empty() {
            let mut answer = self.new_answer(item, say);
            answer.repeat(&rest);
            self.answer = Some(answer);
        }
    }

    /// Keeps what was heard of an answer that was cut for good.
    fn give_up(&mut self, mut answer: Answer, say: &SessionTeller) {
        answer.drop_rest(say);
        let was_told = answer.has_spoken() || !answer.record.rounds.is_empty();
        let usage = answer.usage.take();
        if was_told {
            let finish = Finish::new(FinishReason::Other, "interrupted");
            say.push(SessionEvent::TurnDone { finish, usage });
            self.history.answer(answer.record);
        } else {
            self.keep_spent(usage);
        }
    }
}
