//! What the model answers: which turn a word is of, and when the turn ends.
use super::{Minutes, PAST, User, Write};
use crate::call::answer::{Answer, Past};
use consort_core::{Attempt, Finish, FinishReason, Role, TranscriptMode, Usage};
use consort_store::{Ending, NewTurn, Status};

impl Minutes {
    pub(super) fn spoken_words(&mut self, item: &str, mode: TranscriptMode, text: &str) {
        if self.is_late(item, mode, text) {
            return;
        }
        // What an earlier turn holds of the item is not said again.
        let before = self.owed(item).filter(|_| mode != TranscriptMode::Delta);
        let text = before.and_then(|at| text.strip_prefix(&self.past[at].text)).unwrap_or(text);
        self.answer(item).item(item).spoken.words(mode, text);
    }

    /// Words that are read and not spoken.
    pub(super) fn written_words(&mut self, item: &str, text: &str) {
        let known = self.answers.iter().rposition(|answer| !item.is_empty() && answer.has(item));
        if known.is_none() && self.newest_past(item).is_some_and(|past| past.is_named() && past.over) {
            return;
        }
        let now = self.now;
        let answer = match known {
            Some(at) => &mut self.answers[at],
            None => self.answer(item),
        };
        answer.item(item).written.push_str(text);
        answer.touched = now;
    }

    /// Whether these are words of an item that was said to its end, or of a turn that ended without them. They never begin a
    /// turn, nor go into another one: only sound is something new. Last words of a turn that goes on set right what it holds.
    fn is_late(&mut self, item: &str, mode: TranscriptMode, text: &str) -> bool {
        if self.answers.iter().any(|answer| answer.holds(item)) {
            return false;
        }
        let (now, is_final) = (self.now, mode == TranscriptMode::Final);
        // Of items without names the last words alone are known to be of one: others may begin the next.
        let is_it = |answer: &Answer| answer.awaits(item) && (is_final || !item.is_empty());
        let of_it = |answer: &&mut Answer| is_it(answer) || (!item.is_empty() && answer.has(item));
        if let Some(answer) = self.answers.iter_mut().rev().find(of_it) {
            if is_final {
                answer.item(item).spoken.words(mode, text);
                answer.touched = now;
            }
            return true;
        }
        let Some(past) = self.newest_past(item) else { return false };
        let is_late = past.is_late(is_final, text);
        past.owed &= !is_final;
        is_late
    }

    fn newest_past(&mut self, item: &str) -> Option<&mut Past> {
        self.past.iter_mut().rev().find(|past| past.item == item)
    }

    /// Where this item stands among those of which words are to come.
    fn owed(&self, item: &str) -> Option<usize> {
        self.past.iter().position(|past| past.owed && past.item == item)
    }

    /// The answer that this item is of.
    pub(super) fn answer(&mut self, item: &str) -> &mut Answer {
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

    pub(super) fn answer_begins(&mut self) {
        let waiting = self.users.iter().position(|user| user.turn.is_none());
        if let Some(at) = waiting {
            self.place(at);
        } else if self.spoke && !self.tells && self.resulted.is_none() {
            self.users.push_back(User { by: self.speaker.clone(), ..User::default() });
            self.place(self.users.len() - 1);
        }
        let answer = Some(Box::new(self.about.answer.clone()));
        let turn = NewTurn { status: Status::Running, answer, ..self.turn(Role::Assistant, Vec::new()) };
        self.answers.push_back(Answer::new(turn.id, self.speed.letter(), self.now));
        self.begin(turn);
    }

    /// The newest answer is complete, and those before it are.
    pub(super) fn done(&mut self, finish: &Finish, usage: Option<&Usage>) {
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
            let cost = self.about.price.as_ref().and_then(|price| price.cost(Some(usage)));
            let usage = Some(usage.clone());
            let attempt = Attempt { usage, cost, ..Attempt::new(&self.about.answer.model) };
            self.writes.push(Write::Book(Box::new(attempt)));
        }
    }

    /// Ends what is over, and writes what was heard of the rest.
    pub(super) fn settle(&mut self) {
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

    pub(super) fn end_answer(&mut self, mut answer: Answer) {
        self.may_speak &= answer.cut || !answer.is_read();
        answer.teach(&mut self.speed);
        // Of what was passed over, all words are those that were heard.
        answer.end_sound();
        self.past.extend(answer.past());
        self.past.drain(..self.past.len().saturating_sub(PAST));
        let mut about = self.about.answer.clone();
        if let Some((finish, usage)) = &answer.done {
            about.finish = (!answer.cut && answer.failed.is_none()).then(|| finish.clone());
            about.usage.clone_from(usage);
        } else if !answer.cut && answer.failed.is_none() {
            about.finish = Some(FinishReason::Stop.into());
        }
        if let Some(asked) = self.asked.filter(|asked| *asked <= answer.first) {
            about.first = Some(answer.first.saturating_duration_since(asked));
            about.took = Some(answer.touched.saturating_duration_since(asked));
        }
        about.cost = self.about.price.as_ref().and_then(|price| price.cost(about.usage.as_ref()));
        about.error.clone_from(&answer.failed);
        self.about.answer.warnings.clear();
        let ending = Ending { status: answer.status(), parts: answer.parts(), answer: Some(Box::new(about)) };
        self.writes.push(Write::End(answer.turn, ending));
    }
}
