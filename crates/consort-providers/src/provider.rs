//! A hosted API as a provider of models and embedders.
use crate::catalogue::{Cache, Cards, provider_card};
use crate::embedder::HostedEmbedder;
use crate::model::HostedModel;
use crate::spec::ProviderSpec;
use crate::transport::{Endpoint, Services, find_local};
use consort_core::{
    BoxFuture, Context, Embedder, Error, Model, ModelCard, ModelKind, Provider, ProviderCard, Support,
};
use consort_wire::Listed;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A hosted API.
pub struct HostedProvider {
    card: ProviderCard,
    endpoint: Arc<Endpoint>,
    cache: Cache,
}

impl HostedProvider {
    pub(crate) fn new(spec: ProviderSpec, services: Arc<Services>) -> Self {
        let card = provider_card(&spec, &services);
        let cache = Cache::new(services.data(), &spec.id);
        Self { card, cache, endpoint: Arc::new(Endpoint::new(spec, services)) }
    }

    fn spec(&self) -> &ProviderSpec {
        self.endpoint.spec()
    }

    /// The cards of all models that are known: the file's first, then those of the kept list.
    fn cards(&self) -> Vec<ModelCard> {
        let spec = self.spec();
        let mut cards = Cards::new(spec);
        let listed = spec.models.iter().filter(|entry| !entry.is_pattern());
        let mut all: Vec<ModelCard> = listed.map(|entry| cards.card(&entry.name)).collect();
        let known: HashSet<String> = all.iter().map(|card| card.name.clone()).collect();
        let kept = self.cache.read().into_iter().filter(|card| !known.contains(&card.name));
        all.extend(kept.map(|mut card| {
            cards.fill(&mut card);
            card
        }));
        all
    }

    fn hosted(&self, card: ModelCard) -> Arc<dyn Model> {
        Arc::new(HostedModel::new(card, self.endpoint.clone()))
    }

    fn chat_models(&self) -> Vec<Arc<dyn Model>> {
        let chat = self.cards().into_iter().filter(|card| card.kind == ModelKind::Chat);
        chat.map(|card| self.hosted(card)).collect()
    }

    /// Asks the vendor for its list, and keeps it.
    async fn refresh(&self, context: Context) -> Result<(), Error> {
        let spec = self.spec();
        let Some(wire) = consort_wire::wire(&spec.wire) else { return Ok(()) };
        let quirks = crate::catalogue::quirks(spec, "");
        let Some(request) = wire.models_request(&quirks).filter(|_| spec.live.0) else { return Ok(()) };
        let context = match &spec.local {
            Some(local) => {
                find_local(&self.endpoint, &local.ports).await?;
                context.within(Duration::from_secs(3))
            }
            None => context.within(Duration::from_secs(30)),
        };
        let body = self.endpoint.ask(request, &context).await?;
        let value = serde_json::from_slice(&body).map_err(|error| {
            Error::protocol(format!("the list of models could not be read: {error}")).provider(&spec.id)
        })?;
        let listed = wire.decode_models(&value).map_err(|error| error.provider(&spec.id))?;
        let cards = listed.into_iter().map(|listed| card_of(&spec.id, listed)).collect();
        self.cache.write(cards)
    }
}

/// What the vendor's list alone says.
fn card_of(provider: &str, listed: Listed) -> ModelCard {
    let mut card = ModelCard::new(provider, listed.name);
    let support = |known: Option<bool>| known.map_or(Support::Unknown, Support::from);
    card.title = listed.title;
    card.kind = listed.kind;
    card.limits.context = listed.context;
    card.limits.output = listed.output;
    card.capabilities.input = listed.input;
    card.capabilities.tools = support(listed.tools);
    card.capabilities.schema = support(listed.schema);
    card.capabilities.reasoning = support(listed.reasoning);
    card
}

impl Provider for HostedProvider {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(std::future::ready(Ok(self.chat_models())))
    }

    fn discover(&self, context: Context) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(async move {
            self.refresh(context).await?;
            Ok(self.chat_models())
        })
    }

    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        if name.is_empty() {
            return None;
        }
        let entry = self.spec().models.iter().find(|entry| entry.aliases.iter().any(|alias| alias == name));
        let name = entry.map_or(name, |entry| &entry.name);
        Some(self.hosted(Cards::new(self.spec()).card(name)))
    }

    fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        if self.spec().embed_wire.is_none() {
            return Vec::new();
        }
        let cards = self.cards().into_iter().filter(|card| card.kind == ModelKind::Embedding);
        cards
            .map(|card| Arc::new(HostedEmbedder::new(card, self.endpoint.clone())) as Arc<dyn Embedder>)
            .collect()
    }

    fn embedder(&self, name: &str) -> Option<Arc<dyn Embedder>> {
        self.spec().embed_wire.as_ref()?;
        let mut card = Cards::new(self.spec()).card(name);
        card.kind = ModelKind::Embedding;
        Some(Arc::new(HostedEmbedder::new(card, self.endpoint.clone())))
    }
}

impl fmt::Debug for HostedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostedProvider").field(&self.card.id).finish()
    }
}
