//! One conversation with an assistant.
use super::reply::Reply;
use super::start::Wish;
use super::{Assistant, Inner};
use consort_core::{Error, MemoryRecord, Message, Part, Request};
use consort_store::ConversationId;
use std::sync::Arc;

/// One conversation with an assistant, and who speaks in it. What is said before its reply has ended waits.
#[derive(Debug, Clone)]
pub struct Talk {
    assistant: Assistant,
    name: String,
    participant: Option<String>,
}

/// What is said: text, or parts.
#[derive(Debug, Clone)]
pub struct Input(pub Vec<Part>);

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self(vec![Part::text(text)])
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self(vec![Part::text(text)])
    }
}

impl From<Part> for Input {
    fn from(part: Part) -> Self {
        Self(vec![part])
    }
}

impl From<Vec<Part>> for Input {
    fn from(parts: Vec<Part>) -> Self {
        Self(parts)
    }
}

impl Talk {
    pub(super) fn new(assistant: Assistant, name: String) -> Self {
        Self { assistant, name, participant: None }
    }

    /// Who speaks. Each has a long-term memory of their own.
    pub fn participant(mut self, name: impl Into<String>) -> Self {
        self.participant = Some(name.into());
        self
    }

    /// The conversation in the engine's store.
    pub fn id(&self) -> ConversationId {
        if self.name.parse::<ConversationId>().is_ok() {
            return ConversationId::named(&self.name);
        }
        // Two assistants on one store do not share what they call alike.
        ConversationId::named(&format!("{}/{}", self.assistant.name(), self.name))
    }

    /// What a memory calls it.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.assistant.name(), self.name)
    }

    pub(super) fn speaker(&self) -> Option<&str> {
        self.participant.as_deref()
    }

    /// Says something.
    pub fn say(&self, input: impl Into<Input>) -> Reply {
        self.start(Wish::Say(input.into().0))
    }

    /// Asks for an answer to what was said last, without saying it again: after a failure, or for another answer.
    pub fn again(&self) -> Reply {
        self.start(Wish::Again)
    }

    /// Makes a vendor's own call in this conversation: its one user message is said, and the vendor's own events come
    /// beside the others.
    pub fn native(&self, call: Request) -> Reply {
        self.start(Wish::Native(Box::new(call)))
    }

    fn start(&self, wish: Wish) -> Reply {
        self.inner().clone().reply(self.clone(), wish)
    }

    /// All that was said in it, as the model would be sent it.
    pub async fn history(&self) -> Result<Vec<Message>, Error> {
        if let Some(memory) = &self.inner().kept.history {
            return memory.history(&self.key()).await;
        }
        let store = self.inner().engine.store();
        let Some(tip) = store.conversation(self.id()).await?.and_then(|found| found.tip) else {
            return Ok(Vec::new());
        };
        let turns = store.path(tip).await?.into_iter().filter(|turn| !turn.parts.is_empty());
        Ok(turns
            .map(|turn| Message { name: turn.participant, ..Message::new(turn.role, turn.parts) })
            .collect())
    }

    /// Forgets what was said in it, for good. What is remembered over all conversations stays.
    pub async fn clear(&self) -> Result<(), Error> {
        let turn = self.inner().turn(&self.key());
        let _alone = turn.lock().await;
        if let Some(memory) = &self.inner().kept.history {
            return memory.clear(&self.key()).await;
        }
        let store = self.inner().engine.store();
        if store.conversation(self.id()).await?.is_some() { store.purge(self.id()).await } else { Ok(()) }
    }

    /// Remembers something over all conversations with whoever speaks here.
    pub async fn remember(&self, text: impl Into<String>) -> Result<MemoryRecord, Error> {
        self.inner().kept.records.add(&self.scope(), text.into()).await
    }

    /// All that is remembered, newest first.
    pub async fn memories(&self) -> Result<Vec<MemoryRecord>, Error> {
        self.inner().kept.records.list(&self.scope()).await
    }

    /// What is remembered of this, best first.
    pub async fn recall(&self, text: &str, limit: usize) -> Result<Vec<MemoryRecord>, Error> {
        self.inner().kept.records.search(&self.scope(), text, limit).await
    }

    /// Forgets one thing; false where there was none of this id.
    pub async fn forget(&self, id: &str) -> Result<bool, Error> {
        self.inner().kept.records.forget(&self.scope(), id).await
    }

    /// Whose memory it is.
    pub(super) fn scope(&self) -> String {
        match &self.participant {
            Some(participant) => format!("{}/{participant}", self.assistant.name()),
            None => self.assistant.name().to_owned(),
        }
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.assistant.0
    }
}
