//! The conversation of a session: what was said before it, by the user, and as it was heard of the answers.
use super::record::Record;
use consort_core::{Body, Message, Part, Role};
use std::collections::VecDeque;

/// Adds to a turn: words go on in a line of their own.
fn join(turn: &mut Vec<Part>, more: Vec<Part>) {
    for part in more {
        let last = turn.last_mut().map(|last| &mut last.body);
        match (last, part.as_text()) {
            (Some(Body::Text { text, .. }), Some(new)) => {
                text.push('\n');
                text.push_str(new);
            }
            _ => turn.push(part),
        }
    }
}

/// Of so many turns the pictures are kept.
const SHOWN: usize = 3;

/// The conversation as it was heard.
#[derive(Debug, Default)]
pub(super) struct History {
    /// What was said before the session.
    before: Vec<Message>,
    /// Who speaks.
    user: Option<String>,
    turns: VecDeque<Turn>,
}

#[derive(Debug)]
enum Turn {
    User(Vec<Part>),
    Answer(Record),
}

impl History {
    pub(super) fn new(before: Vec<Message>, user: Option<String>) -> Self {
        Self { before, user, turns: VecDeque::new() }
    }

    /// Adds what a user said. What nobody answered yet is one turn with it.
    pub(super) fn user(&mut self, parts: Vec<Part>) {
        match self.turns.back_mut() {
            Some(Turn::User(last)) => join(last, parts),
            _ => self.turns.push_back(Turn::User(parts)),
        }
        self.forget_pictures();
    }

    /// Only what the user showed last is looked at.
    fn forget_pictures(&mut self) {
        let is_picture = |part: &Part| matches!(part.body, Body::Media(_));
        let turns = self.turns.iter_mut().rev().filter_map(|turn| match turn {
            Turn::User(parts) => Some(parts),
            Turn::Answer(_) => None,
        });
        let shown = turns.filter(|parts| parts.iter().any(is_picture));
        shown.skip(SHOWN).for_each(|parts| parts.retain(|part| !is_picture(part)));
    }

    pub(super) fn answer(&mut self, record: Record) {
        self.turns.push_back(Turn::Answer(record));
    }

    /// Whether the oldest turn was forgotten, to remember no more than so many.
    pub(super) fn forget(&mut self, most: usize) -> bool {
        let is_full = self.turns.len() > most.max(1);
        if is_full {
            self.turns.pop_front();
            // An answer alone, without its question, begins no conversation.
            while matches!(self.turns.front(), Some(Turn::Answer(_))) {
                self.turns.pop_front();
            }
        }
        is_full
    }

    /// Forgets the older half of all that was said. False where there is nothing but the last turn.
    pub(super) fn forget_half(&mut self) -> bool {
        let all = self.before.len() + self.turns.len();
        let (last, half) = (self.last_question(), all.div_ceil(2));
        // A conversation begins with a question; the last one is always told.
        let begins = |at: usize| match self.before.get(at) {
            Some(message) => message.role == Role::User,
            None => matches!(self.turns.get(at - self.before.len()), Some(Turn::User(_))),
        };
        let Some(from) = (half.min(last)..=last).find(|at| begins(*at)).filter(|from| *from > 0) else {
            return false;
        };
        let before = from.min(self.before.len());
        self.before.drain(..before);
        self.turns.drain(..from - before);
        true
    }

    /// Where the last question stands.
    fn last_question(&self) -> usize {
        let turn = self.turns.iter().rposition(|turn| matches!(turn, Turn::User(_)));
        let before = self.before.iter().rposition(|message| message.role == Role::User);
        turn.map(|at| self.before.len() + at).or(before).unwrap_or_default()
    }

    /// The answers, newest first: where a name is used twice, the newest has it.
    pub(super) fn answers(&mut self) -> impl Iterator<Item = &mut Record> {
        self.turns.iter_mut().rev().filter_map(|turn| match turn {
            Turn::Answer(record) => Some(record),
            Turn::User(_) => None,
        })
    }

    /// The newest turn, where it is an answer.
    pub(super) fn last_answer(&mut self) -> Option<&mut Record> {
        match self.turns.back_mut() {
            Some(Turn::Answer(record)) => Some(record),
            _ => None,
        }
    }

    /// All of it, with what the answer under way has said and done.
    pub(super) fn messages(&self, more: &[Part], under_way: Option<&Record>) -> Vec<Message> {
        let mut all = self.before.clone();
        for turn in &self.turns {
            match turn {
                Turn::User(parts) => all.push(self.said(parts)),
                Turn::Answer(record) => record.write(&mut all),
            }
        }
        if !more.is_empty() {
            match all.last_mut().filter(|last| last.role == Role::User) {
                Some(last) => join(&mut last.parts, more.to_vec()),
                None => all.push(self.said(more)),
            }
        }
        if let Some(record) = under_way {
            record.write(&mut all);
        }
        all
    }

    fn said(&self, parts: &[Part]) -> Message {
        Message { name: self.user.clone(), ..Message::new(Role::User, parts.to_vec()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Clause;
    use super::*;

    #[test]
    fn turns_that_nobody_answered_are_one() {
        let answer = |text: &str| {
            let mut record = Record::new("answer0".into(), false);
            record.clauses.push(Clause::new(text.into(), 0));
            record
        };
        let mut history = History::new(vec![], None);
        history.user(vec![Part::text("a")]);
        history.user(vec![Part::text("b")]);
        history.answer(answer("c"));
        history.answer(answer("d"));
        let roles: Vec<(Role, String)> =
            history.messages(&[Part::text("e")], None).iter().map(|m| (m.role, m.text())).collect();
        assert_eq!(
            roles,
            [(Role::User, "a\nb".into()), (Role::Assistant, "cd".into()), (Role::User, "e".into())]
        );
    }
}
