//! Keeps everything in this process, and nothing after it: for tests, assistants without a disk, and `--no-log`.
mod ledger;
mod log;
mod records;

use crate::booking::tried;
use crate::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, CostRow, Ending, GroupBy, Hit,
    NewConversation, NewRecord, NewTurn, Record, RecordId, RecordQuery, Spend, SpendQuery, Store, Summary,
    SummaryId, Turn, TurnId, TurnQuery,
};
use consort_core::{Attempt, BoxFuture, Error, Event, Media};
use std::sync::{Mutex, PoisonError};

/// A store in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    log: log::Log,
    ledger: ledger::Ledger,
    records: records::Records,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// Does the work at once, so that its future is done before it is asked.
    fn now<T: Send + 'static>(&self, work: impl FnOnce(&mut Kept) -> T) -> BoxFuture<'_, T> {
        let result = work(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(std::future::ready(result))
    }
}

impl Store for MemoryStore {
    fn create(&self, new: NewConversation) -> BoxFuture<'_, Result<Conversation, Error>> {
        self.now(|kept| Ok(kept.log.create(new)))
    }

    fn conversation(&self, id: ConversationId) -> BoxFuture<'_, Result<Option<Conversation>, Error>> {
        self.now(|kept| Ok(kept.log.conversation(id)))
    }

    fn conversations(&self, query: ConversationQuery) -> BoxFuture<'_, Result<Vec<Conversation>, Error>> {
        self.now(|kept| Ok(kept.log.conversations(&query)))
    }

    fn change(&self, id: ConversationId, change: ConversationChange) -> BoxFuture<'_, Result<bool, Error>> {
        self.now(|kept| kept.log.change(id, change))
    }

    fn purge(&self, id: ConversationId) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| {
            kept.log.purge(id);
            Ok(())
        })
    }

    fn begin(&self, turn: NewTurn) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| {
            let turn = kept.log.begin(turn)?;
            kept.ledger.book(&turn);
            Ok(())
        })
    }

    fn append(&self, turn: NewTurn) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| {
            let parent = kept.log.conversation(turn.conversation).and_then(|there| there.tip);
            let turn = kept.log.begin(NewTurn { parent, ..turn })?;
            kept.ledger.book(&turn);
            Ok(())
        })
    }

    fn grow(&self, turn: TurnId, events: Vec<Event>) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| kept.log.grow(turn, events))
    }

    fn end(&self, turn: TurnId, ending: Ending) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| {
            let turn = kept.log.end(turn, ending)?;
            kept.ledger.book(&turn);
            Ok(())
        })
    }

    fn pin(&self, turn: TurnId, pinned: bool) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| kept.log.pin(turn, pinned))
    }

    fn turn(&self, id: TurnId) -> BoxFuture<'_, Result<Option<Turn>, Error>> {
        self.now(|kept| Ok(kept.log.turn(id)))
    }

    fn path(&self, to: TurnId) -> BoxFuture<'_, Result<Vec<Turn>, Error>> {
        self.now(|kept| Ok(kept.log.path(to)))
    }

    fn tree(&self, conversation: ConversationId) -> BoxFuture<'_, Result<Vec<Turn>, Error>> {
        self.now(|kept| Ok(kept.log.tree(conversation)))
    }

    fn turns(&self, query: TurnQuery) -> BoxFuture<'_, Result<Vec<Hit>, Error>> {
        self.now(|kept| Ok(kept.log.turns(&query)))
    }

    fn media(&self, hash: &str) -> BoxFuture<'_, Result<Option<Media>, Error>> {
        self.now(|kept| Ok(kept.log.media(hash)))
    }

    fn summaries(&self, conversation: ConversationId) -> BoxFuture<'_, Result<Vec<Summary>, Error>> {
        self.now(|kept| Ok(kept.log.summaries(conversation)))
    }

    fn put_summary(&self, summary: Summary) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| kept.log.put_summary(summary))
    }

    fn remove_summary(&self, id: SummaryId) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| {
            kept.log.remove_summary(id);
            Ok(())
        })
    }

    fn remember(&self, record: NewRecord) -> BoxFuture<'_, Result<Record, Error>> {
        self.now(|kept| kept.records.remember(record))
    }

    fn records(&self, query: RecordQuery) -> BoxFuture<'_, Result<Vec<Record>, Error>> {
        self.now(|kept| kept.records.find(&query))
    }

    fn forget(&self, id: RecordId) -> BoxFuture<'_, Result<bool, Error>> {
        self.now(|kept| Ok(kept.records.forget(id)))
    }

    fn book(
        &self,
        conversation: ConversationId,
        key: Option<String>,
        attempts: Vec<Attempt>,
    ) -> BoxFuture<'_, Result<(), Error>> {
        self.now(|kept| {
            kept.ledger.add(conversation, key.as_ref(), tried(&attempts));
            Ok(())
        })
    }

    fn spend(&self, query: SpendQuery) -> BoxFuture<'_, Result<Spend, Error>> {
        self.now(|kept| Ok(kept.ledger.spend(&query)))
    }

    fn costs(&self, query: SpendQuery, by: GroupBy) -> BoxFuture<'_, Result<Vec<CostRow>, Error>> {
        self.now(|kept| Ok(kept.ledger.costs(&query, by)))
    }
}
