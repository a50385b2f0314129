//! An engine on a store in memory, for models that play a script.
use consort_core::Part;
use consort_engine::{Ask, Engine, Envelope, Outcome, Place, Run, What};
use consort_store::{ConversationId, MemoryStore, NewConversation, Store, Turn};
use std::sync::Arc;

pub(crate) use consort_testkit::{Scripted, Step};

/// An engine with one conversation.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) conversation: ConversationId,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::default())).await
    }

    pub(crate) async fn on(store: Arc<dyn Store>) -> Self {
        let conversation = store.create(NewConversation::default()).await.unwrap().id;
        Self { engine: Engine::new(store.clone()), store, conversation }
    }

    pub(crate) fn ask(&self, model: &Arc<Scripted>, text: &str) -> Ask {
        Ask::new(self.conversation, model.clone(), vec![Part::text(text)])
    }

    pub(crate) fn again(&self, model: &Arc<Scripted>) -> Ask {
        Ask::again(self.conversation, model.clone(), Place::Tip)
    }

    pub(crate) async fn run(&self, ask: Ask) -> (Outcome, Vec<Arc<Envelope>>) {
        let run = self.engine.start(ask).await.unwrap();
        let outcome = run.done().await;
        (outcome, all(&run).await)
    }

    /// The branch that is shown.
    pub(crate) async fn branch(&self) -> Vec<Turn> {
        let tip = self.store.conversation(self.conversation).await.unwrap().unwrap().tip;
        self.store.path(tip.unwrap()).await.unwrap()
    }
}

/// All that happened in a run that is over.
pub(crate) async fn all(run: &Run) -> Vec<Arc<Envelope>> {
    let mut events = run.events(0);
    let mut found = Vec::new();
    while let Some(envelope) = events.next().await {
        found.push(envelope);
    }
    found
}

/// The kinds of what happened, in order, pieces of answers left out.
pub(crate) fn kinds(envelopes: &[Arc<Envelope>]) -> Vec<String> {
    let told = envelopes.iter().filter(|envelope| envelope.what.event().is_none());
    told.map(|envelope| serde_json::to_value(envelope.as_ref()).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn notices(envelopes: &[Arc<Envelope>]) -> Vec<String> {
    let notice = |envelope: &Arc<Envelope>| match &envelope.what {
        What::Notice { warning } => Some(warning.message.clone()),
        _ => None,
    };
    envelopes.iter().filter_map(notice).collect()
}
