//! Where conversations are kept, for every command that needs them.
mod opening;
mod spending;

pub(crate) use opening::Opening;
pub(crate) use spending::Spending;

use crate::exit;
use crate::setup::Setup;
use consort_core::{Error, ErrorKind, Memory, Object, Part, Request};
use consort_engine::{StoreMemory, title};
use consort_settings::Folders;
use consort_store::{
    Conversation, ConversationId, ConversationQuery, MemoryStore, NewConversation, NewTurn, SqliteStore,
    Store, TurnQuery,
};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// The database of conversations.
pub(crate) fn database(setup: &Setup) -> PathBuf {
    database_in(&setup.folders)
}

/// The same, before all files are read.
pub(crate) fn database_in(folders: &Folders) -> PathBuf {
    folders.data.join("conversations.db")
}

/// What opens the memory of plugins: a database of their own, so that nothing that they keep stands among the user's
/// conversations, or is what `-c` goes on with. Where nothing is to be kept, it ends with the program.
pub(crate) fn plugins_memory(setup: &Setup) -> impl Fn() -> Result<Arc<dyn Memory>, Error> + use<> {
    let path = setup.settings.keeps_log().then(|| setup.folders.data.join("plugin-memory.db"));
    move || {
        let store: Arc<dyn Store> = match &path {
            Some(path) => Arc::new(SqliteStore::open(path)?),
            None => Arc::new(MemoryStore::new()),
        };
        Ok(Arc::new(StoreMemory::new(store)))
    }
}

/// The database, which opens on a thread of its own.
pub(crate) fn opening(setup: &Setup) -> Opening {
    let path = database(setup);
    Opening::new(move || SqliteStore::open(path))
}

/// The database, to be looked into only.
pub(crate) fn to_read(setup: &Setup) -> Result<SqliteStore, Error> {
    SqliteStore::open_to_read(database(setup))
}

/// The conversation in which something was said last.
pub(crate) fn newest(store: &dyn Store) -> Result<Option<Conversation>, Error> {
    pollster::block_on(async {
        let newest = store.turns(TurnQuery { limit: Some(1), ..TurnQuery::default() }).await?;
        match newest.first() {
            Some(hit) => store.conversation(hit.turn.conversation).await,
            None => Ok(None),
        }
    })
}

/// The conversation of an id, or of the beginning of one.
pub(crate) fn find(store: &dyn Store, id: &str) -> Result<Conversation, Error> {
    let id = id.trim().to_lowercase();
    if let Ok(whole) = id.parse::<ConversationId>() {
        let found = pollster::block_on(store.conversation(whole))?;
        return found.ok_or_else(|| none(&id));
    }
    let Some(ids) = ConversationId::beginning(&id).filter(|_| !id.is_empty()) else { return Err(none(&id)) };
    let query = ConversationQuery { ids: Some(ids), limit: Some(2), ..ConversationQuery::default() };
    let mut matching = pollster::block_on(store.conversations(query))?.into_iter();
    match (matching.next(), matching.next()) {
        (Some(found), None) => Ok(found),
        (None, _) => Err(none(&id)),
        (Some(_), _) => Err(exit::usage(format!("several conversations begin with `{id}`"))
            .hint("`consort logs` shows more of each id")),
    }
}

fn none(id: &str) -> Error {
    exit::usage(format!("there is no conversation `{id}`")).hint("`consort logs` lists them")
}

/// The beginning of an id, as lists show it: it tells when the conversation began, to the millisecond.
pub(crate) fn short(id: ConversationId) -> String {
    id.to_string().chars().take(13).collect()
}

/// A conversation that begins with these words.
pub(crate) fn begins(parts: &[Part], settings: Object) -> NewConversation {
    NewConversation { id: Some(ConversationId::new()), title: title(parts), settings }
}

/// What the next question of a conversation starts from.
pub(crate) fn settings(model: &str, request: &Request) -> Object {
    let mut settings = Object::new();
    settings.insert("model".to_owned(), model.into());
    let system = request.instructions_text();
    if !system.is_empty() {
        settings.insert("system".to_owned(), system.into());
    }
    if !request.options.is_empty() {
        settings.insert("options".to_owned(), Value::Object(request.options.clone()));
    }
    settings
}

/// Puts a conversation into another store, up to its tip.
pub(crate) fn copy(from: &dyn Store, to: &dyn Store, conversation: &Conversation) -> Result<(), Error> {
    pollster::block_on(async {
        let new = NewConversation { id: Some(conversation.id), ..NewConversation::default() };
        to.create(new).await?;
        let Some(tip) = conversation.tip else { return Ok(()) };
        for turn in from.path(tip).await? {
            to.begin(NewTurn {
                id: turn.id,
                participant: turn.participant,
                status: turn.status,
                answer: turn.answer,
                run: turn.run,
                ..NewTurn::complete(turn.conversation, turn.parent, turn.role, turn.parts)
            })
            .await?;
        }
        Ok(())
    })
}

/// Says where the trouble is, when a conversation was asked for that cannot be read.
pub(crate) fn unreadable(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Setup => error.hint("without `-c` the question is answered all the same"),
        _ => error,
    }
}
