//! What the model answers: which turn a word is of, and when the turn ends.
use super::{Minutes, OWED, Owed, User, Write};
use crate::call::answer::Answer;
use consort_core::{Attempt, Finish, FinishReason, Role, TranscriptMode, Usage};
use consort_store::{Ending, NewTurn, Status};

impl Minutes {
    pub(super) fn spoken_words(&mut self, item: &str, mode: TranscriptMode, text: &str) {
        if self.was_owed(item, mode) {
            return;
        }
        // What an earlier turn holds of the item is not said again.
        let before =
            self.owed.iter().find(|owed| owed.item == item).filter(|_| mode != TranscriptMode::Delta);
        let text = before.and_then(|owed| text.strip_prefix(&owed.text)).unwrap_or(text);
        self.answer(item).item(item).spoken.words(mode, text);
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

    /// Whether these are words of a turn that ended without them: the last ones of it, which it holds as far as they came, or
    /// what a cut answer goes on with, which nobody hears.
    fn was_owed(&mut self, item: &str, mode: TranscriptMode) -> bool {
        let is_final = mode == TranscriptMode::Final;
        let known = self.answers.iter().any(|answer| answer.holds(item));
        let at = self.owed.iter().position(|owed| owed.item == item).filter(|_| !known);
        let Some(at) = at.filter(|at| is_final || self.owed[*at].cut) else { return false };
        if is_final {
            self.owed.remove(at);
        }
        true
    }

    pub(super) fn answer_begins(&mut self) {
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
            let cost = self.about.price.as_ref().and_then(|price| price.cost(usage));
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
        // Of what was passed over, all words are those that were heard.
        answer.end_sound();
        let cut = answer.cut;
        let owed = |(item, text): (&str, &str)| Owed { item: item.to_owned(), text: text.to_owned(), cut };
        self.owed.extend(answer.unfinished().map(owed));
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
}
