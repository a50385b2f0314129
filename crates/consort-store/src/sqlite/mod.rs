//! Keeps everything in one SQLite file.
//!
//! One thread writes, and commits together what waits together; a few read, each from a moment of its own. Nothing is
//! opened to write, and no thread starts, before there is work for it.
mod call;
mod conversations;
mod fault;
mod lease;
mod ledger;
mod log;
mod open;
mod parts;
mod readers;
mod records;
mod recover;
mod summaries;
mod turns;
mod writer;

use crate::booking::tried;
use crate::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, CostRow, Ending, GroupBy, Hit,
    NewConversation, NewRecord, NewTurn, Record, RecordId, RecordQuery, Spend, SpendQuery, Status, Store,
    Summary, SummaryId, Turn, TurnId, TurnQuery,
};
use consort_core::{Attempt, BoxFuture, Error, ErrorKind, Event, Media};
use fault::Done;
use readers::Readers;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use turns::Reading;
use writer::{Session, Writer};

/// A store in an SQLite file. Several processes may use one file at once.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    readers: Readers,
    /// Absent where it may only be read.
    writer: Option<Writer>,
}

impl SqliteStore {
    /// Opens a file, to read and to write. It is made when the first thing is written.
    ///
    /// An error where it is no database of ours, damaged, or newer than this program. It is left as it is, then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::with(absolute(path.as_ref())?, true)
    }

    /// Opens a file that is only read. It is not changed, and may stand where nothing can be written.
    pub fn open_to_read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::with(absolute(path.as_ref())?, false)
    }

    fn with(path: PathBuf, writes: bool) -> Result<Self, Error> {
        let first = open::to_read(&path, writes)?;
        let left = writes && !lease::dead(&first, &path).map_err(|fault| fault.of(&path))?.is_empty();
        let writer = writes.then(|| Writer::new(path.clone()));
        let store = Self { readers: Readers::new(path.clone(), first), writer, path };
        if left {
            // Nobody waits for it: what was left is shown as what it is, whether this is done or not.
            drop(store.write(|session| recover::interrupted(&session.connection, &session.path)));
        }
        Ok(store)
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Done<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Error>> {
        let (work, result) = call::call(work);
        self.readers.send(work);
        result
    }

    fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Reading<'_>) -> Done<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Error>> {
        let path = self.path.clone();
        self.read(move |connection| work(&mut Reading::new(connection, &path)))
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Session) -> Done<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Error>> {
        self.write_as(false, work)
    }

    fn write_as<T: Send + 'static>(
        &self,
        runs: bool,
        work: impl FnOnce(&Session) -> Done<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Error>> {
        let Some(writer) = &self.writer else {
            let message = format!("{} was opened to be read only", self.path.display());
            return Box::pin(std::future::ready(Err(Error::new(ErrorKind::Setup, message))));
        };
        let (work, result) = call::call(work);
        writer.send(work, runs);
        result
    }
}

/// The whole path: the database must not move when the program changes its folder.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| fault::file(path, &error))
}

/// Work is handed over when a method is called, and is done whether its future is waited for or not.
impl Store for SqliteStore {
    fn create(&self, new: NewConversation) -> BoxFuture<'_, Result<Conversation, Error>> {
        self.write(|session| conversations::create(&session.connection, new))
    }

    fn conversation(&self, id: ConversationId) -> BoxFuture<'_, Result<Option<Conversation>, Error>> {
        self.read(move |connection| conversations::conversation(connection, id))
    }

    fn conversations(&self, query: ConversationQuery) -> BoxFuture<'_, Result<Vec<Conversation>, Error>> {
        self.read(move |connection| conversations::conversations(connection, &query))
    }

    fn change(&self, id: ConversationId, change: ConversationChange) -> BoxFuture<'_, Result<bool, Error>> {
        self.write(move |session| conversations::change(&session.connection, id, change))
    }

    fn purge(&self, id: ConversationId) -> BoxFuture<'_, Result<(), Error>> {
        self.write(move |session| log::purge(&session.connection, id))
    }

    fn begin(&self, turn: NewTurn) -> BoxFuture<'_, Result<(), Error>> {
        self.write_as(turn.status == Status::Running, move |session| log::begin(session, &turn))
    }

    fn append(&self, turn: NewTurn) -> BoxFuture<'_, Result<(), Error>> {
        self.write_as(turn.status == Status::Running, move |session| log::append(session, turn))
    }

    fn grow(&self, turn: TurnId, events: Vec<Event>) -> BoxFuture<'_, Result<(), Error>> {
        self.write(move |session| log::grow(session, turn, &events))
    }

    fn end(&self, turn: TurnId, ending: Ending) -> BoxFuture<'_, Result<(), Error>> {
        self.write(move |session| log::end(session, turn, ending))
    }

    fn pin(&self, turn: TurnId, pinned: bool) -> BoxFuture<'_, Result<(), Error>> {
        self.write(move |session| log::pin(&session.connection, turn, pinned))
    }

    fn turn(&self, id: TurnId) -> BoxFuture<'_, Result<Option<Turn>, Error>> {
        self.reading(move |reading| reading.turn(id))
    }

    fn path(&self, to: TurnId) -> BoxFuture<'_, Result<Vec<Turn>, Error>> {
        self.reading(move |reading| reading.path(to))
    }

    fn tree(&self, conversation: ConversationId) -> BoxFuture<'_, Result<Vec<Turn>, Error>> {
        self.reading(move |reading| reading.tree(conversation))
    }

    fn turns(&self, query: TurnQuery) -> BoxFuture<'_, Result<Vec<Hit>, Error>> {
        self.reading(move |reading| reading.turns(&query))
    }

    fn media(&self, hash: &str) -> BoxFuture<'_, Result<Option<Media>, Error>> {
        let hash = hash.to_owned();
        self.reading(move |reading| reading.media(&hash))
    }

    fn summaries(&self, conversation: ConversationId) -> BoxFuture<'_, Result<Vec<Summary>, Error>> {
        self.read(move |connection| summaries::of(connection, conversation))
    }

    fn put_summary(&self, summary: Summary) -> BoxFuture<'_, Result<(), Error>> {
        self.write(move |session| summaries::put(&session.connection, &summary))
    }

    fn remove_summary(&self, id: SummaryId) -> BoxFuture<'_, Result<(), Error>> {
        self.write(move |session| summaries::remove(&session.connection, id))
    }

    fn remember(&self, record: NewRecord) -> BoxFuture<'_, Result<Record, Error>> {
        self.write(|session| records::remember(&session.connection, record))
    }

    fn records(&self, query: RecordQuery) -> BoxFuture<'_, Result<Vec<Record>, Error>> {
        self.read(move |connection| records::find(connection, &query))
    }

    fn forget(&self, id: RecordId) -> BoxFuture<'_, Result<bool, Error>> {
        self.write(move |session| records::forget(&session.connection, id))
    }

    fn book(
        &self,
        conversation: ConversationId,
        key: Option<String>,
        attempts: Vec<Attempt>,
    ) -> BoxFuture<'_, Result<(), Error>> {
        self.write(move |session| {
            ledger::book(&session.connection, conversation, key.as_deref(), &tried(&attempts))
        })
    }

    fn spend(&self, query: SpendQuery) -> BoxFuture<'_, Result<Spend, Error>> {
        self.read(move |connection| ledger::spend(connection, &query))
    }

    fn costs(&self, query: SpendQuery, by: GroupBy) -> BoxFuture<'_, Result<Vec<CostRow>, Error>> {
        self.read(move |connection| ledger::costs(connection, &query, by))
    }
}
