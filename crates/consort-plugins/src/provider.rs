//! A plugin as a provider of models, embedders and live models.
use crate::learnt::{Learnt, Outcome};
use crate::plugin::Plugin;
use consort_core::{
    BoxFuture, ConfigKey, Context, Embedder, Error, Model, ModelCard, Provider, ProviderCard, RealtimeModel,
    State,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A plugin as a provider: what is known of it at one moment.
#[derive(Debug)]
pub struct PluginProvider {
    card: ProviderCard,
    plugin: Arc<Plugin>,
    learnt: Option<Arc<Learnt>>,
    /// The models whose key is not there.
    lacked: BTreeMap<String, String>,
}

impl PluginProvider {
    pub fn new(plugin: Arc<Plugin>) -> Self {
        let learnt = plugin.learnt();
        let lacked = learnt.as_ref().map(|learnt| plugin.keys_lacked(learnt)).unwrap_or_default();
        Self { card: plugin.provider_card(), plugin, learnt, lacked }
    }
}

impl Provider for PluginProvider {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(std::future::ready(Ok(self.plugin.models())))
    }

    fn discover(&self, _context: Context) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(async move {
            match self.plugin.check().await.outcome {
                Outcome::Ready => Ok(self.plugin.models()),
                _ => Err(self.plugin.not_ready()),
            }
        })
    }

    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        self.plugin.model(name)
    }

    fn needs(&self, model: &ModelCard) -> Vec<ConfigKey> {
        let known = self.learnt.iter().flat_map(|learnt| &learnt.models);
        let its = known.filter(|known| known.card.name == model.name);
        let names: Vec<&String> = its.flat_map(|known| &known.secrets).collect();
        self.card.keys.iter().filter(|key| names.contains(&&key.name)).cloned().collect()
    }

    fn state_of(&self, model: &ModelCard) -> State {
        match self.lacked.get(&model.name) {
            Some(key) if self.card.state == State::Ready => {
                State::NeedsSetup { missing: format!("the key `{key}`") }
            }
            _ => self.card.state.clone(),
        }
    }

    fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        self.plugin.embedders()
    }

    fn embedder(&self, name: &str) -> Option<Arc<dyn Embedder>> {
        self.plugin.embedder(name)
    }

    fn realtime_models(&self) -> Vec<Arc<dyn RealtimeModel>> {
        self.plugin.realtime_models()
    }

    fn realtime_model(&self, name: &str) -> Option<Arc<dyn RealtimeModel>> {
        self.plugin.realtime_model(name)
    }
}
