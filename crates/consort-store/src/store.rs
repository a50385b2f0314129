//! The seam between Consort and what keeps its conversations.
use crate::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, CostRow, Ending, GroupBy, Hit,
    NewConversation, NewRecord, NewTurn, Record, RecordId, RecordQuery, Spend, SpendQuery, Summary,
    SummaryId, Turn, TurnId, TurnQuery,
};
use consort_core::{Attempt, BoxFuture, Error, Event, Media};

/// Keeps conversations, spending and records. What a call says is kept when its future is done.
///
/// The futures need no runtime, so that a command which reads one row starts none.
pub trait Store: Send + Sync {
    fn create(&self, new: NewConversation) -> BoxFuture<'_, Result<Conversation, Error>>;
    fn conversation(&self, id: ConversationId) -> BoxFuture<'_, Result<Option<Conversation>, Error>>;
    fn conversations(&self, query: ConversationQuery) -> BoxFuture<'_, Result<Vec<Conversation>, Error>>;
    /// Changes a conversation; false where it is not at the revision that the change was made from.
    fn change(&self, id: ConversationId, change: ConversationChange) -> BoxFuture<'_, Result<bool, Error>>;
    /// Removes a conversation and all that only it holds, for good. What it cost stays.
    fn purge(&self, id: ConversationId) -> BoxFuture<'_, Result<(), Error>>;

    /// Begins a turn, and makes it its conversation's tip, unless it only follows the tip and that is elsewhere.
    fn begin(&self, turn: NewTurn) -> BoxFuture<'_, Result<(), Error>>;
    /// Begins a turn behind its conversation's tip, wherever that is by then: of several at once, one follows the other.
    /// The turn's own parent counts for nothing.
    fn append(&self, turn: NewTurn) -> BoxFuture<'_, Result<(), Error>>;
    /// More of a running turn. The events are those of its answer since the last call.
    fn grow(&self, turn: TurnId, events: Vec<Event>) -> BoxFuture<'_, Result<(), Error>>;
    /// Ends a turn, and books what its tries cost.
    fn end(&self, turn: TurnId, ending: Ending) -> BoxFuture<'_, Result<(), Error>>;
    fn pin(&self, turn: TurnId, pinned: bool) -> BoxFuture<'_, Result<(), Error>>;
    fn turn(&self, id: TurnId) -> BoxFuture<'_, Result<Option<Turn>, Error>>;
    /// The turns from the first one to this one.
    fn path(&self, to: TurnId) -> BoxFuture<'_, Result<Vec<Turn>, Error>>;
    /// All turns of a conversation, oldest first: its whole tree.
    fn tree(&self, conversation: ConversationId) -> BoxFuture<'_, Result<Vec<Turn>, Error>>;
    /// Turns over all conversations, newest first, or those that hold the words that are searched for.
    fn turns(&self, query: TurnQuery) -> BoxFuture<'_, Result<Vec<Hit>, Error>>;

    /// Something that a turn holds, by the SHA-256 of its bytes, in hex.
    fn media(&self, hash: &str) -> BoxFuture<'_, Result<Option<Media>, Error>>;

    fn summaries(&self, conversation: ConversationId) -> BoxFuture<'_, Result<Vec<Summary>, Error>>;
    /// Keeps a summary; one with the same id is replaced.
    fn put_summary(&self, summary: Summary) -> BoxFuture<'_, Result<(), Error>>;
    fn remove_summary(&self, id: SummaryId) -> BoxFuture<'_, Result<(), Error>>;

    fn remember(&self, record: NewRecord) -> BoxFuture<'_, Result<Record, Error>>;
    fn records(&self, query: RecordQuery) -> BoxFuture<'_, Result<Vec<Record>, Error>>;
    /// Forgets a record; false where there was none.
    fn forget(&self, id: RecordId) -> BoxFuture<'_, Result<bool, Error>>;

    /// Books tries that were made for a conversation beside its turns: for a summary of it.
    fn book(
        &self,
        conversation: ConversationId,
        key: Option<String>,
        attempts: Vec<Attempt>,
    ) -> BoxFuture<'_, Result<(), Error>>;
    fn spend(&self, query: SpendQuery) -> BoxFuture<'_, Result<Spend, Error>>;
    fn costs(&self, query: SpendQuery, by: GroupBy) -> BoxFuture<'_, Result<Vec<CostRow>, Error>>;
}
