//! A provider with one model more.
use crate::{
    BoxFuture, ConfigKey, Context, Embedder, Error, Model, ModelCard, Provider, ProviderCard, RealtimeModel,
    State,
};
use std::sync::Arc;

/// A provider with one model more, or of that one model alone.
pub(super) struct WithModel {
    pub(super) card: ProviderCard,
    pub(super) below: Option<Arc<dyn Provider>>,
    pub(super) model: Arc<dyn Model>,
}

impl WithModel {
    /// A model that was handed over needs nothing more, whatever the provider that it joined needs.
    fn is_own(&self, model: &ModelCard) -> bool {
        self.model.card().id == model.id
    }

    /// The models below, with this one in the place of one with its id.
    fn join(&self, below: Vec<Arc<dyn Model>>) -> Vec<Arc<dyn Model>> {
        let id = &self.model.card().id;
        let others = below.into_iter().filter(|model| model.card().id != *id);
        others.chain([self.model.clone()]).collect()
    }
}

impl Provider for WithModel {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(async {
            let Some(below) = &self.below else { return Ok(self.join(Vec::new())) };
            Ok(self.join(below.models().await?))
        })
    }

    fn discover(&self, context: Context) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(async {
            let Some(below) = &self.below else { return Ok(self.join(Vec::new())) };
            Ok(self.join(below.discover(context).await?))
        })
    }

    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        if self.model.card().name == name {
            return Some(self.model.clone());
        }
        self.below.as_ref()?.model(name)
    }

    fn needs(&self, model: &ModelCard) -> Vec<ConfigKey> {
        match &self.below {
            Some(below) if !self.is_own(model) => below.needs(model),
            _ => Vec::new(),
        }
    }

    fn state_of(&self, model: &ModelCard) -> State {
        match &self.below {
            Some(below) if !self.is_own(model) => below.state_of(model),
            _ => State::Ready,
        }
    }

    fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        self.below.as_ref().map(|below| below.embedders()).unwrap_or_default()
    }

    fn embedder(&self, name: &str) -> Option<Arc<dyn Embedder>> {
        self.below.as_ref()?.embedder(name)
    }

    fn realtime_models(&self) -> Vec<Arc<dyn RealtimeModel>> {
        self.below.as_ref().map(|below| below.realtime_models()).unwrap_or_default()
    }

    fn realtime_model(&self, name: &str) -> Option<Arc<dyn RealtimeModel>> {
        self.below.as_ref()?.realtime_model(name)
    }
}
