//! The conversation that a question belongs to: a new one, or one that goes on; kept, or not.
use super::Question;
use crate::args::Ask;
use crate::engine::Told;
use crate::exit;
use crate::kept::{self, Opening};
use crate::setup::Setup;
use consort_core::{Error, Object};
use consort_engine::{self as engine, Place};
use consort_store::{Conversation, ConversationId, MemoryStore, Store};
use serde_json::Value;
use std::sync::{Arc, OnceLock};

pub(super) struct Talk {
    go_on: bool,
    cid: Option<String>,
    /// The database; absent where nothing is to be kept and nothing to be read.
    database: Option<Arc<Opening>>,
    keeps: bool,
    before: OnceLock<Option<Conversation>>,
}

/// What the conversation was asked with before.
#[derive(Default)]
pub(super) struct Before {
    pub(super) model: Option<String>,
    pub(super) system: Option<String>,
    pub(super) options: Object,
}

/// A question on its way: who asks it and tells of it, and in which conversation.
pub(super) struct Asked {
    pub(super) told: Told,
    pub(super) ask: engine::Ask,
    pub(super) database: Option<Arc<Opening>>,
    /// Whether the conversation is found again later.
    pub(super) kept: bool,
}

impl Talk {
    pub(super) fn open(ask: &Ask, setup: &Setup) -> Self {
        let keeps = setup.settings.keeps_log();
        let needed = keeps || ask.go_on || ask.cid.is_some();
        Self {
            go_on: ask.go_on,
            cid: ask.cid.clone(),
            database: needed.then(|| Arc::new(kept::opening(setup))),
            keeps,
            before: OnceLock::new(),
        }
    }

    /// The conversation that goes on, as it was asked before.
    pub(super) fn before(&self) -> Result<Before, Error> {
        let Some(store) = self.database.as_deref().filter(|_| self.go_on || self.cid.is_some()) else {
            return Ok(Before::default());
        };
        let found = match &self.cid {
            Some(id) => kept::find(store, id),
            None => kept::newest(store).and_then(|found| {
                found.ok_or_else(|| exit::usage("there is no conversation yet that could go on"))
            }),
        };
        let found = found.map_err(kept::unreadable)?;
        let text = |name: &str| found.settings.get(name).and_then(Value::as_str).map(str::to_owned);
        let options = found.settings.get("options").and_then(Value::as_object).cloned();
        let before =
            Before { model: text("model"), system: text("system"), options: options.unwrap_or_default() };
        let _ = self.before.set(Some(found));
        Ok(before)
    }

    /// Where the conversation was cut and can go on without a word: the tools whose calls wait.
    pub(super) fn waits(&self) -> Result<Option<Vec<String>>, Error> {
        self.before()?;
        let tip = self.before.get().and_then(Option::as_ref).and_then(|found| found.tip);
        let (Some(tip), Some(store)) = (tip, self.database.as_deref()) else { return Ok(None) };
        let log = pollster::block_on(store.path(tip)).map_err(kept::unreadable)?;
        let calls = engine::open_calls(&log).into_iter().map(|call| call.name);
        Ok(engine::is_unfinished(&log).then(|| calls.collect()))
    }

    /// The question in its conversation.
    pub(super) fn ask(self, question: Question, setup: &Setup) -> Result<Asked, Error> {
        let Question { model, input, request, tools, context } = question;
        let before = self.before.into_inner().flatten();
        let settings = kept::settings(&model.card().id, &request);
        let store: Arc<dyn Store> = match &self.database {
            Some(database) if self.keeps => database.clone(),
            _ => Arc::new(MemoryStore::new()),
        };
        let (conversation, place): (ConversationId, Place) = if let Some(before) = &before {
            if let Some(database) = self.database.as_deref().filter(|_| !self.keeps) {
                kept::copy(database, store.as_ref(), before)?;
            }
            (before.id, Place::Tip)
        } else {
            let new = kept::begins(input.as_deref().unwrap_or_default(), settings);
            (pollster::block_on(store.create(new))?.id, Place::Start)
        };
        let mut ask = engine::Ask::again(conversation, model, place);
        ask.input = input;
        ask.request = request;
        ask.tools = tools;
        ask.context = context;
        ask.window = setup.settings.context.window;
        Ok(Asked { told: Told::start(store, setup), ask, database: self.database, kept: self.keeps })
    }
}
