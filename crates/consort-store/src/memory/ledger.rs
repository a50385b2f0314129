//! The ledger in memory.
use crate::booking::{Try, tries};
use crate::report::{Booked, report};
use crate::{ConversationId, CostRow, GroupBy, Spend, SpendQuery, Status, Turn, growth};

#[derive(Debug, Default)]
pub(super) struct Ledger(Vec<(Booked, Try)>);

impl Ledger {
    /// Books the tries of a turn that has ended.
    pub(super) fn book(&mut self, turn: &Turn) {
        let Some(answer) = turn.answer.as_ref().filter(|_| turn.status != Status::Running) else { return };
        self.add(turn.conversation, answer.key.as_ref(), tries(answer, turn.status));
    }

    pub(super) fn add(&mut self, conversation: ConversationId, key: Option<&String>, tries: Vec<Try>) {
        let at = growth::micros(growth::now());
        let booked = Booked { at, conversation, key: key.cloned() };
        self.0.extend(tries.into_iter().map(|one| (booked.clone(), one)));
    }

    pub(super) fn spend(&self, query: &SpendQuery) -> Spend {
        let mut sum = Spend::default();
        self.matching(query).for_each(|(_, one)| sum.book(one));
        sum
    }

    pub(super) fn costs(&self, query: &SpendQuery, by: GroupBy) -> Vec<CostRow> {
        let rows = self.matching(query).map(|(key, one)| {
            let mut spend = Spend::default();
            spend.book(one);
            (key.name(&one.model, by), spend)
        });
        report(rows, by)
    }

    fn matching<'a>(&'a self, query: &'a SpendQuery) -> impl Iterator<Item = &'a (Booked, Try)> {
        let since = query.since.map_or(i64::MIN, growth::micros);
        let until = query.until.map_or(i64::MAX, growth::micros);
        self.0.iter().filter(move |(key, one)| {
            (since..until).contains(&key.at)
                && query.key.as_ref().is_none_or(|wanted| key.key.as_ref() == Some(wanted))
                && query.model.as_ref().is_none_or(|wanted| one.model == *wanted)
                && query.conversation.is_none_or(|wanted| key.conversation == wanted)
        })
    }
}
