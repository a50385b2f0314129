//! An answer as it was given and heard, and the conversation that is made of such.
use crate::heard::heard_of;
use consort_core::{Body, Message, Part, Role, ToolCall, ToolResult};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A clause of an answer.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) text: String,
    /// After how many rounds of tools it was said.
    pub(super) round: usize,
    /// How much sound of it was told.
    pub(super) sound: Duration,
    /// Whether its words were told.
    pub(super) told: bool,
}

/// What a model asked of tools, and what they said.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    /// The parts of its answer that are no text: calls, and thinking that the vendor wants back.
    pub(super) parts: Vec<Part>,
    pub(super) results: Vec<ToolResult>,
}

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) item: String,
    pub(super) clauses: Vec<Clause>,
    pub(super) rounds: Vec<Round>,
    /// How much sound of it was told, and until when it sounds where it is played at once.
    pub(super) sounded: Duration,
    pub(super) until: Option<Instant>,
    /// How much of it was heard, where it was cut.
    pub(super) heard: Option<Duration>,
}

impl Record {
    pub(super) fn new(item: String) -> Self {
        Self {
            item,
            clauses: Vec::new(),
            rounds: Vec::new(),
            sounded: Duration::ZERO,
            until: None,
            heard: None,
        }
    }

    /// How much of it was heard by now, by whoever plays at once what is told.
    pub(super) fn heard_by(&self, now: Instant) -> Duration {
        let left = self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        self.sounded.saturating_sub(left)
    }

    /// Whether it still sounds.
    pub(super) fn sounds_at(&self, now: Instant) -> bool {
        self.heard.is_none() && self.until.is_some_and(|until| now < until)
    }

    /// Counts a piece of sound of a clause, told now.
    pub(super) fn sound(&mut self, clause: usize, time: Duration, now: Instant) {
        if let Some(clause) = self.clauses.get_mut(clause) {
            clause.sound += time;
        }
        self.sounded += time;
        self.until = Some(self.until.map_or(now, |until| until.max(now)) + time);
    }

    /// Which clause was being heard, and how long before it began.
    fn place(&self, heard: Duration) -> (usize, Duration) {
        let mut before = Duration::ZERO;
        for (at, clause) in self.clauses.iter().enumerate() {
            if before + clause.sound > heard || !clause.told {
                return (at, before);
            }
            before += clause.sound;
        }
        (self.clauses.len(), before)
    }

    /// The clauses of which not all was heard: they are to be said again.
    pub(super) fn unheard(&self, heard: Duration) -> &[Clause] {
        &self.clauses[self.place(heard).0..]
    }

    /// The words of a round that were heard: whole clauses, and of one that was cut as much as its sound allows.
    fn words(&self, round: usize) -> String {
        let Some(heard) = self.heard else {
            return self
                .clauses
                .iter()
                .filter(|clause| clause.round == round)
                .map(|clause| &*clause.text)
                .collect();
        };
        let (at, before) = self.place(heard);
        let mut words = String::new();
        for clause in self.clauses[..at].iter().filter(|clause| clause.round == round) {
            words += &clause.text;
        }
        if let Some(cut) = self.clauses.get(at).filter(|clause| clause.round == round && clause.told) {
            words += part_of(cut, heard.saturating_sub(before));
        }
        words
    }

    /// All words that were heard.
    pub(super) fn text(&self) -> String {
        (0..=self.rounds.len()).map(|round| self.words(round)).collect()
    }

    /// Puts a result in its place: a late one over the words that stand for it.
    pub(super) fn answer(&mut self, result: &ToolResult) -> bool {
        let mut all = self.rounds.iter_mut().flat_map(|round| &mut round.results);
        let place = all.find(|old| old.call_id == result.call_id);
        place.map(|place| result.clone_into(place)).is_some()
    }

    /// As the messages of a conversation.
    fn write(&self, to: &mut Vec<Message>) {
        for (at, round) in self.rounds.iter().enumerate() {
            let mut parts: Vec<Part> = Vec::new();
            let words = self.words(at);
            let is_thought = |part: &Part| matches!(part.body, Body::Reasoning { .. });
            parts.extend(round.parts.iter().filter(|part| is_thought(part)).cloned());
            parts.extend((!words.trim().is_empty()).then(|| Part::text(words)));
            parts.extend(round.parts.iter().filter(|part| !is_thought(part)).cloned());
            to.push(Message::new(Role::Assistant, parts));
            let results = round.results.iter().map(|result| Body::ToolResult(result.clone()).into());
            to.push(Message::new(Role::Tool, results.collect()));
        }
        let words = self.words(self.rounds.len());
        if words.trim().is_empty() {
            return;
        }
        // What went on after a false interruption is one answer.
        match to.last_mut().filter(|last| last.role == Role::Assistant) {
            Some(last) => last.parts.push(Part::text(words)),
            None => to.push(Message::assistant(words)),
        }
    }
}

impl Round {
    pub(super) fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(Part::as_tool_call)
    }
}

/// So much of a clause's words as of its sound: of one that was not spoken yet, nothing.
fn part_of(clause: &Clause, heard: Duration) -> &str {
    if clause.sound.is_zero() { "" } else { heard_of(&clause.text, heard, clause.sound) }
}

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

/// The conversation as it was heard.
#[derive(Debug, Default)]
pub(super) struct History {
    /// What was said before the session.
    before: Vec<Message>,
    turns: VecDeque<Turn>,
}

#[derive(Debug)]
enum Turn {
    User(Vec<Part>),
    Answer(Record),
}

impl History {
    pub(super) fn new(before: Vec<Message>) -> Self {
        Self { before, turns: VecDeque::new() }
    }

    /// Adds what a user said. What nobody answered yet is one turn with it.
    pub(super) fn user(&mut self, parts: Vec<Part>) {
        match self.turns.back_mut() {
            Some(Turn::User(last)) => join(last, parts),
            _ => self.turns.push_back(Turn::User(parts)),
        }
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

    /// The answers, newest first.
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
                Turn::User(parts) => all.push(Message::new(Role::User, parts.clone())),
                Turn::Answer(record) => record.write(&mut all),
            }
        }
        if !more.is_empty() {
            match all.last_mut().filter(|last| last.role == Role::User) {
                Some(last) => join(&mut last.parts, more.to_vec()),
                None => all.push(Message::new(Role::User, more.to_vec())),
            }
        }
        if let Some(record) = under_way {
            record.write(&mut all);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn record(texts: &[&str]) -> Record {
        let mut record = Record::new("answer0".into());
        for text in texts {
            let clause = Clause { text: (*text).into(), round: 0, sound: 2 * S, told: true };
            record.clauses.push(clause);
            record.sounded += 2 * S;
        }
        record
    }

    #[test]
    fn what_was_heard_is_what_was_said() {
        let check = |texts: &[&str], heard: Duration, wanted: &str| {
            let mut record = record(texts);
            record.heard = Some(heard);
            assert_eq!(record.text(), wanted, "{heard:?}");
        };
        let texts = ["One two.", " Three four five."];
        check(&texts, Duration::ZERO, "");
        check(&texts, S, "One");
        check(&texts, 2 * S, "One two.");
        check(&texts, 3 * S, "One two. Three");
        check(&texts, 9 * S, "One two. Three four five.");
        check(&["你好我是助手。"], S, "你好我");
    }

    #[test]
    fn what_was_not_heard_is_said_again_from_its_clause_on() {
        let record = record(&["One.", " Two.", " Three."]);
        let rest = |heard| record.unheard(heard).iter().map(|clause| &*clause.text).collect::<String>();
        assert_eq!((rest(Duration::ZERO), rest(3 * S)), ("One. Two. Three.".into(), " Two. Three.".into()));
        assert_eq!((rest(2 * S), rest(6 * S)), (" Two. Three.".into(), String::new()));
    }

    #[test]
    fn turns_that_nobody_answered_are_one() {
        let mut history = History::new(vec![]);
        history.user(vec![Part::text("a")]);
        history.user(vec![Part::text("b")]);
        history.answer(record(&["c"]));
        history.answer(record(&["d"]));
        let roles: Vec<(Role, String)> =
            history.messages(&[Part::text("e")], None).iter().map(|m| (m.role, m.text())).collect();
        assert_eq!(
            roles,
            [(Role::User, "a\nb".into()), (Role::Assistant, "cd".into()), (Role::User, "e".into())]
        );
    }
}
