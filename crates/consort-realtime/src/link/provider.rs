//! A hosted API with its live models.
use super::hosted::of_hosted;
use crate::record::Recorder;
use consort_core::{BoxFuture, Context, Embedder, Error, Model, Provider, ProviderCard, RealtimeModel};
use consort_providers::HostedProvider;
use std::sync::Arc;

/// A hosted API, with the live models that its file describes.
#[derive(Debug)]
pub struct LiveProvider(Arc<HostedProvider>, Option<Arc<Recorder>>);

impl LiveProvider {
    pub fn new(hosted: Arc<HostedProvider>) -> Self {
        Self(hosted, None)
    }

    /// Keeps the frames of its sessions.
    pub fn recording(self, recorder: Arc<Recorder>) -> Self {
        Self(self.0, Some(recorder))
    }
}

impl Provider for LiveProvider {
    fn card(&self) -> &ProviderCard {
        self.0.card()
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        self.0.models()
    }

    fn discover(&self, context: Context) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        self.0.discover(context)
    }

    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        self.0.model(name)
    }

    fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        self.0.embedders()
    }

    fn embedder(&self, name: &str) -> Option<Arc<dyn Embedder>> {
        self.0.embedder(name)
    }

    fn realtime_models(&self) -> Vec<Arc<dyn RealtimeModel>> {
        let live = self.0.live_models().into_iter();
        live.map(|model| Arc::new(of_hosted(model, self.1.clone())) as Arc<dyn RealtimeModel>).collect()
    }

    fn realtime_model(&self, name: &str) -> Option<Arc<dyn RealtimeModel>> {
        Some(Arc::new(of_hosted(self.0.live_model(name)?, self.1.clone())))
    }
}
