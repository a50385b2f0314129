//! A hosted API as a provider of models and embedders.
use crate::audio::HostedAudio;
use crate::catalogue::{Cache, Cards, provider_card};
use crate::clock::TokioClock;
use crate::embedder::HostedEmbedder;
use crate::live::HostedLive;
use crate::model::HostedModel;
use crate::spec::ProviderSpec;
use crate::transport::{Endpoint, Services, find_local};
use consort_core::{
    BoxFuture, Context, Embedder, Error, Model, ModelCard, ModelKind, NoCredentials, Phase, Provider,
    ProviderCard, Support,
};
use consort_wire::{Listed, Wire, WireRequest};
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

    /// The cards of its models that hear or speak, and that it lists.
    pub fn audio_models(&self) -> Vec<ModelCard> {
        let is_audio = |card: &ModelCard| matches!(card.kind, ModelKind::Transcription | ModelKind::Speech);
        self.cards().into_iter().filter(is_audio).collect()
    }

    /// The model of this name, listed or not, where it hears or speaks.
    pub fn audio(&self, name: &str, kind: ModelKind) -> Option<HostedAudio> {
        let card = Cards::new(self.spec()).card(name);
        (card.kind == kind).then(|| HostedAudio::new(card, self.endpoint.clone()))
    }

    pub fn id(&self) -> &str {
        &self.card.id
    }

    /// Its live models, for whoever knows their formats: they are no [`RealtimeModel`](consort_core::RealtimeModel) here.
    pub fn live_models(&self) -> Vec<HostedLive> {
        if self.spec().live_wire.is_none() {
            return Vec::new();
        }
        let live = self.cards().into_iter().filter(|card| card.kind == ModelKind::Realtime);
        live.map(|card| HostedLive::new(card, self.endpoint.clone())).collect()
    }

    /// The live model of this name, listed or not; none where its file knows the name for another kind of model.
    pub fn live_model(&self, name: &str) -> Option<HostedLive> {
        self.spec().live_wire.as_ref()?;
        let mut card = Cards::new(self.spec()).card(name);
        let is_known = self.spec().models.iter().any(|entry| entry.fits(name));
        if name.is_empty() || (is_known && card.kind != ModelKind::Realtime) {
            return None;
        }
        card.kind = ModelKind::Realtime;
        Some(HostedLive::new(card, self.endpoint.clone()))
    }

    /// Whether it is a server at its usual place on this machine: asking it needs no network.
    pub fn is_here(&self) -> bool {
        self.is_local() && self.endpoint.is_near()
    }

    /// Whether its file says that it is a server on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.spec().local.is_some()
    }

    /// The request for its list of models, where it has one.
    fn list_request(&self) -> Option<(&'static dyn Wire, WireRequest)> {
        let spec = self.spec();
        let wire = consort_wire::wire(&spec.wire).filter(|_| spec.live.0)?;
        Some((wire, wire.models_request(&crate::catalogue::quirks(spec, ""))?))
    }

    /// Asks the vendor for its list, and keeps it.
    async fn refresh(&self, context: Context) -> Result<(), Error> {
        let Some((wire, request)) = self.list_request() else { return Ok(()) };
        let context = match &self.spec().local {
            Some(local) => {
                find_local(&self.endpoint, &local.ports).await?;
                context.within(Duration::from_secs(3))
            }
            None => context.within(Duration::from_secs(30)),
        };
        self.keep(wire, &self.endpoint.ask(request, &context).await?)
    }

    /// Looks whether this server of this machine runs, asks it for its list of models, and keeps it. Nobody has to
    /// want this look: it shows no key and nothing else that a file adds, runs no command, and asks neither a
    /// proxy nor another machine. A server that is not at its usual place on this machine is not asked.
    pub async fn look_here(&self, limit: Duration) -> Result<(), Error> {
        tokio::time::timeout(limit, self.look(limit)).await.unwrap_or_else(|_| {
            let late = Error::timeout(Phase::Deadline, "the server on this machine did not answer in time");
            Err(self.endpoint.complete(late))
        })
    }

    async fn look(&self, limit: Duration) -> Result<(), Error> {
        let Some(local) = self.spec().local.as_ref().filter(|_| self.endpoint.is_near()) else {
            return Ok(());
        };
        let Some((wire, request)) = self.list_request() else { return Ok(()) };
        find_local(&self.endpoint, &local.ports).await?;
        let context = Context::new(Arc::new(TokioClock), Arc::new(NoCredentials)).within(limit);
        self.keep(wire, &self.endpoint.ask_bare(request, &context).await?)
    }

    /// Keeps the list that an answer holds.
    fn keep(&self, wire: &dyn Wire, body: &[u8]) -> Result<(), Error> {
        let id = &self.spec().id;
        let value = serde_json::from_slice(body).map_err(|error| {
            Error::protocol(format!("the list of models could not be read: {error}")).provider(id)
        })?;
        let listed = wire.decode_models(&value).map_err(|error| error.provider(id))?;
        self.cache.write(listed.into_iter().filter_map(|listed| card_of(id, listed)).take(MOST).collect())
    }
}

/// So many models of one list are kept.
const MOST: usize = 10_000;

/// What the vendor's list alone says; nothing of a model whose name nobody could type or show.
fn card_of(provider: &str, listed: Listed) -> Option<ModelCard> {
    if !is_sound(&listed.name) {
        return None;
    }
    let mut card = ModelCard::new(provider, listed.name);
    let support = |known: Option<bool>| known.map_or(Support::Unknown, Support::from);
    card.title = listed.title.filter(|title| is_sound(title));
    card.kind = listed.kind;
    card.limits.context = listed.context;
    card.limits.output = listed.output;
    card.capabilities.input = listed.input;
    card.capabilities.tools = support(listed.tools);
    card.capabilities.schema = support(listed.schema);
    card.capabilities.reasoning = support(listed.reasoning);
    Some(card)
}

/// Whether a name is one line of fair length that a terminal shows as it is: anybody may listen on a port.
fn is_sound(name: &str) -> bool {
    const LONGEST: usize = 200;
    let is_odd = |c: char| {
        // Line and paragraph ends, and what turns the direction of writing.
        c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !name.is_empty() && name.chars().count() <= LONGEST && !name.chars().any(is_odd)
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
