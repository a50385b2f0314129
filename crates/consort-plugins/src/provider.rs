//! A plugin as a provider of models, embedders and live models.
use crate::learnt::Outcome;
use crate::plugin::Plugin;
use consort_core::{BoxFuture, Context, Embedder, Error, Model, Provider, ProviderCard, RealtimeModel};
use std::sync::Arc;

/// A plugin as a provider: what is known of it at one moment.
#[derive(Debug)]
pub struct PluginProvider {
    card: ProviderCard,
    plugin: Arc<Plugin>,
}

impl PluginProvider {
    pub fn new(plugin: Arc<Plugin>) -> Self {
        Self { card: plugin.provider_card(), plugin }
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
