//! An assistant that is talked with: a live session with what it knows, kept in the same conversation.
use super::talk::Talk;
use consort_core::{Context, Error, RealtimeModel, SessionConfig};
use consort_realtime::call::{Call, CallSetup, Keep};
use consort_store::NewConversation;

impl Talk {
    /// Opens a live session with a model that talks: with the assistant's instructions, tools and processors, behind what was
    /// said in this conversation, and kept in it as it was heard. What `config` asks for comes beside that: its instructions
    /// stand behind the assistant's.
    ///
    /// Sound goes in by [`Call::hear`] and comes out of [`Call::next`]. The assistant's hooks see chat requests only.
    pub async fn call(&self, model: &dyn RealtimeModel, config: SessionConfig) -> Result<Call, Error> {
        let inner = self.inner();
        let ready = inner.open().await?;
        let said = ready.instructions.iter().filter_map(consort_core::Part::as_text);
        let own = config.instructions.trim();
        let instructions: Vec<&str> = said.chain((!own.is_empty()).then_some(own)).collect();
        let config = SessionConfig { instructions: instructions.join("\n\n"), ..config };
        let context = inner.setup.context.clone();
        let participant = self.speaker().map(str::to_owned).or_else(|| context.participant.clone());
        let mut setup = CallSetup::new(config, Context { participant, ..context });
        setup.tools = inner.tools(self, &ready)?;
        setup.processors = inner.processors(self);
        setup.window = inner.setup.window;
        if inner.kept.history.is_some() {
            // A memory of another's keeps turns, and no sessions: it is told of before, and hears nothing of this one.
            setup.config.messages = self.history().await?;
        } else {
            setup.keep = Some(self.keep().await?);
        }
        let mut call = Call::open(model, setup).await?;
        for warning in ready.notices() {
            call.warn(warning);
        }
        Ok(call)
    }

    /// Behind the end of the conversation, which is made where it is not there.
    async fn keep(&self) -> Result<Keep, Error> {
        let store = self.inner().engine.store().clone();
        let id = self.id();
        let there = store.conversation(id).await?;
        if there.is_none() {
            store.create(NewConversation { id: Some(id), ..NewConversation::default() }).await?;
        }
        let tip = there.and_then(|there| there.tip);
        Ok(Keep { store, conversation: id, tip })
    }
}
