//! Where a talk is kept: in a conversation of its own, or in one that goes on.
use crate::args::Talk;
use crate::exit;
use crate::kept::{self, Opening};
use crate::setup::Setup;
use consort_core::{Error, Object};
use consort_realtime::call::Keep;
use consort_store::{Conversation, ConversationId, MemoryStore, NewConversation, Store};
use serde_json::Value;
use std::sync::Arc;

/// The conversation of a talk.
pub(super) struct Kept {
    store: Arc<dyn Store>,
    database: Option<Arc<Opening>>,
    before: Option<Conversation>,
    id: ConversationId,
}

impl Kept {
    pub(super) fn open(talk: &Talk, setup: &Setup) -> Result<Self, Error> {
        let keeps = setup.settings.keeps_log();
        let goes_on = talk.go_on || talk.cid.is_some();
        let database = (keeps || goes_on).then(|| Arc::new(kept::opening(setup)));
        let before = database.as_deref().filter(|_| goes_on).map(|store| match &talk.cid {
            Some(id) => kept::find(store, id),
            None => kept::newest(store).and_then(|found| {
                found.ok_or_else(|| exit::usage("there is no conversation yet that could go on"))
            }),
        });
        let before = before.transpose()?;
        let store: Arc<dyn Store> = match &database {
            Some(database) if keeps => database.clone(),
            _ => Arc::new(MemoryStore::new()),
        };
        if let (Some(before), Some(database), false) = (&before, &database, keeps) {
            kept::copy(database.as_ref(), store.as_ref(), before)?;
        }
        let id = before.as_ref().map_or_else(ConversationId::new, |before| before.id);
        Ok(Self { store, database, before, id })
    }

    /// The instructions that the conversation had.
    pub(super) fn system(&self) -> Option<&str> {
        self.before.as_ref()?.settings.get("system").and_then(Value::as_str)
    }

    pub(super) fn keep(&self) -> Keep {
        let tip = self.before.as_ref().and_then(|before| before.tip);
        Keep { store: self.store.clone(), conversation: self.id, tip }
    }

    /// A new conversation begins, now that there is somebody to talk with. It names no model that is asked, since who goes on in
    /// writing has another one; the page goes on with this one.
    pub(super) fn begin(&self, system: &str, live: &str) -> Result<(), Error> {
        if self.before.is_some() {
            return Ok(());
        }
        let mut settings = Object::new();
        settings.insert("live".to_owned(), live.into());
        if !system.is_empty() {
            settings.insert("system".to_owned(), system.into());
        }
        let new = NewConversation { id: Some(self.id), settings, ..NewConversation::default() };
        pollster::block_on(self.store.create(new)).map(drop)
    }

    /// Waits until all of it is written. A talk in which nothing was said leaves no conversation.
    pub(super) fn close(self) {
        if self.before.is_none()
            && let Ok(Some(made)) = pollster::block_on(self.store.conversation(self.id))
            && made.tip.is_none()
        {
            // What cannot be taken away is an empty row, which the user can delete.
            let _ = pollster::block_on(self.store.purge(self.id));
        }
        if let Some(database) = self.database {
            database.close();
        }
    }
}
