//! Memory on any store: records are found by their words and, with an embedder, by what they mean.
use consort_core::{
    BoxFuture, Context, EmbedRequest, Embedder, Error, ErrorKind, Keeps, Memory, MemoryRecord, Message,
};
use consort_store::{
    ConversationId, ConversationQuery, MemoryStore, NewConversation, NewRecord, NewTurn, Record, RecordQuery,
    Store, Vector,
};
use std::fmt;
use std::sync::Arc;

/// Keeps both halves in a store. An engine on the same store keeps more of a conversation (branches, what broke off,
/// costs), so that this half is for programs without one.
#[derive(Clone)]
pub struct StoreMemory {
    store: Arc<dyn Store>,
    embedder: Option<(Arc<dyn Embedder>, Context)>,
}

impl StoreMemory {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, embedder: None }
    }

    /// Kept in this process, and nothing after it.
    pub fn in_process() -> Self {
        Self::new(Arc::new(MemoryStore::new()))
    }

    /// Records are found by this embedder too. Its calls are made in this context, whose credentials they need.
    pub fn embedder(mut self, embedder: Arc<dyn Embedder>, context: Context) -> Self {
        self.embedder = Some((embedder, context));
        self
    }

    /// Where a text stands among others; nothing without an embedder.
    async fn vector(&self, text: &str) -> Result<Option<Vector>, Error> {
        let Some((embedder, context)) = &self.embedder else { return Ok(None) };
        let card = embedder.card();
        let request = EmbedRequest { model: card.name.clone(), ..EmbedRequest::new([text]) };
        let answer = embedder.embed(request, context.clone()).await?;
        let Some(values) = answer.vectors.into_iter().next() else {
            return Err(Error::protocol(format!("the embedder `{}` gave no vector", card.id)));
        };
        Ok(Some(Vector { embedder: card.id.clone(), values }))
    }

    async fn records(&self, query: RecordQuery) -> Result<Vec<MemoryRecord>, Error> {
        Ok(self.store.records(query).await?.into_iter().map(record_of).collect())
    }

    async fn read(&self, conversation: &str) -> Result<Vec<Message>, Error> {
        let found = self.store.conversation(ConversationId::named(conversation)).await?;
        let Some(tip) = found.and_then(|found| found.tip) else { return Ok(Vec::new()) };
        let turns = self.store.path(tip).await?.into_iter();
        Ok(turns
            .map(|turn| Message { name: turn.participant, ..Message::new(turn.role, turn.parts) })
            .collect())
    }

    async fn write(&self, conversation: &str, message: Message) -> Result<(), Error> {
        let title = Some(conversation.to_owned());
        let id = Some(ConversationId::named(conversation));
        let there = self.store.create(NewConversation { id, title, ..NewConversation::default() }).await?;
        let turn = NewTurn {
            participant: message.name,
            ..NewTurn::complete(there.id, None, message.role, message.parts)
        };
        // Two messages at once follow each other.
        self.store.append(turn).await
    }

    async fn forget_of(&self, scope: &str, id: &str) -> Result<bool, Error> {
        let Ok(id) = id.parse() else { return Ok(false) };
        // A record of another scope is not this one's to forget.
        let query = RecordQuery { scope: scope.to_owned(), ..RecordQuery::default() };
        let here = self.store.records(query).await?.iter().any(|record| record.id == id);
        if here { self.store.forget(id).await } else { Ok(false) }
    }
}

impl Memory for StoreMemory {
    fn name(&self) -> &'static str {
        "store"
    }

    fn keeps(&self) -> Keeps {
        Keeps::Both
    }

    fn history<'a>(&'a self, conversation: &'a str) -> BoxFuture<'a, Result<Vec<Message>, Error>> {
        Box::pin(self.read(conversation))
    }

    fn append<'a>(&'a self, conversation: &'a str, message: Message) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.write(conversation, message))
    }

    fn clear<'a>(&'a self, conversation: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let id = ConversationId::named(conversation);
            if self.store.conversation(id).await?.is_some() { self.store.purge(id).await } else { Ok(()) }
        })
    }

    fn add<'a>(&'a self, scope: &'a str, text: String) -> BoxFuture<'a, Result<MemoryRecord, Error>> {
        Box::pin(async move {
            if text.trim().is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "there is nothing to remember: the text is empty",
                ));
            }
            let vector = self.vector(&text).await?;
            let new = NewRecord { scope: scope.to_owned(), text, vector, ..NewRecord::default() };
            self.store.remember(new).await.map(record_of)
        })
    }

    fn search<'a>(
        &'a self,
        scope: &'a str,
        text: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<MemoryRecord>, Error>> {
        Box::pin(async move {
            // Without a word the store would give the newest.
            if text.trim().is_empty() {
                return Ok(Vec::new());
            }
            let vector = self.vector(text).await?;
            let search = Some(text.to_owned());
            self.records(RecordQuery { scope: scope.to_owned(), search, vector, limit: Some(limit) }).await
        })
    }

    fn list<'a>(&'a self, scope: &'a str) -> BoxFuture<'a, Result<Vec<MemoryRecord>, Error>> {
        Box::pin(self.records(RecordQuery { scope: scope.to_owned(), ..RecordQuery::default() }))
    }

    fn forget<'a>(&'a self, scope: &'a str, id: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(self.forget_of(scope, id))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            let query = ConversationQuery { limit: Some(1), ..ConversationQuery::default() };
            self.store.conversations(query).await.map(drop)
        })
    }
}

impl fmt::Debug for StoreMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let embedder = self.embedder.as_ref().map(|(embedder, _)| embedder.card().id.as_str());
        f.debug_struct("StoreMemory").field("embedder", &embedder).finish_non_exhaustive()
    }
}

fn record_of(record: Record) -> MemoryRecord {
    MemoryRecord { id: record.id.to_string(), text: record.text, data: record.data }
}
