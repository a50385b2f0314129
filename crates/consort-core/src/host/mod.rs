//! Where providers come together, and models are found.
mod live;
mod near;
mod with_model;

use crate::{Embedder, Error, ErrorKind, Model, ModelCard, Provider, ProviderCard, State};
use live::{is_named, meant};
use near::{how_to_set_up, nearest, rank};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use with_model::WithModel;

/// Providers in; models by id, alias and search out.
///
/// A model is found by its id (`provider/name`), by an alias, or by its name alone where only one provider
/// has it, or only one that is set up, or, where none is, only one of which nobody knows yet whether it runs. A
/// name that no list holds still reaches its provider when the provider is named: vendors have more models than
/// any list.
#[derive(Default, Clone)]
pub struct Host {
    providers: Vec<Arc<dyn Provider>>,
    aliases: BTreeMap<String, String>,
}

/// A model that a search found.
#[derive(Clone)]
pub struct Match {
    pub model: Arc<dyn Model>,
    /// Lower is better.
    pub rank: u32,
}

impl Host {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider. One with the same id is replaced: the later one is the user's.
    pub fn provider(mut self, provider: impl Provider + 'static) -> Self {
        self.add(Arc::new(provider));
        self
    }

    /// Adds a single model to the provider that its card names, which need not be there.
    pub fn model(self, model: impl Model + 'static) -> Self {
        let provider = &model.card().provider;
        let below = self.provider_by_id(provider).cloned();
        let card = below
            .as_ref()
            .map_or_else(|| ProviderCard::new(provider, provider), |below| below.card().clone());
        self.provider(WithModel { card, below, model: Arc::new(model) })
    }

    pub fn add(&mut self, provider: Arc<dyn Provider>) {
        match self.providers.iter_mut().find(|old| old.card().id == provider.card().id) {
            Some(old) => *old = provider,
            None => self.providers.push(provider),
        }
    }

    /// Lets `name` stand for the model `id`.
    pub fn alias(&mut self, name: impl Into<String>, id: impl Into<String>) {
        self.aliases.insert(name.into(), id.into());
    }

    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.providers
    }

    pub fn provider_by_id(&self, id: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.iter().find(|provider| provider.card().id == id)
    }

    /// All listed models. A provider that cannot list is left out here and keeps its state on its card.
    pub async fn models(&self) -> Vec<Arc<dyn Model>> {
        let mut all = Vec::new();
        for provider in &self.providers {
            all.extend(provider.models().await.unwrap_or_default());
        }
        all
    }

    /// The model of this id, alias or name.
    pub async fn find(&self, wanted: &str) -> Result<Arc<dyn Model>, Error> {
        let wanted = self.aliases.get(wanted).map_or(wanted, String::as_str);
        // The provider that the id names is asked alone first: listing all of them takes longer.
        let named = wanted.split('/').next().and_then(|id| self.provider_by_id(id));
        if let Some(provider) = named
            && let Ok(models) = provider.models().await
            && let Some(model) = models.into_iter().find(|model| model.card().id == wanted)
        {
            return Ok(model);
        }
        let models = self.models().await;
        if let Some(model) = models.iter().find(|model| model.card().id == wanted) {
            return Ok(model.clone());
        }
        let named: Vec<_> = models.iter().filter(|model| is_named(model.card(), wanted)).collect();
        if !named.is_empty() {
            let cards: Vec<&ModelCard> = named.iter().map(|model| model.card()).collect();
            return self.one_of(&cards, wanted).map(|at| Arc::clone(named[at]));
        }
        if let Some(model) = self.unlisted(wanted, |provider, name| provider.model(name)) {
            return Ok(model);
        }
        if let Some(live) = self.live_named(wanted) {
            return Err(Self::only_live(live.card()));
        }
        if let Some(embedder) = self.embedder_named(wanted) {
            return Err(Self::only_vectors(embedder.card()));
        }
        // Of models that are equally near, one that can be used is meant.
        let is_ready = |model: &&Arc<dyn Model>| self.state_of(model.card()) == Some(&State::Ready);
        let (near, far): (Vec<_>, Vec<_>) = models.iter().partition(is_ready);
        Err(self.not_found(wanted, near.into_iter().chain(far).map(|model| model.card().id.clone())))
    }

    /// The embedder of this id, alias or name.
    pub async fn find_embedder(&self, wanted: &str) -> Result<Arc<dyn Embedder>, Error> {
        let wanted = self.aliases.get(wanted).map_or(wanted, String::as_str);
        let all: Vec<_> = self.providers.iter().flat_map(|provider| provider.embedders()).collect();
        if let Some(found) = all.iter().find(|one| one.card().id == wanted) {
            return Ok(found.clone());
        }
        let named: Vec<_> = all.iter().filter(|one| is_named(one.card(), wanted)).collect();
        if !named.is_empty() {
            let cards: Vec<&ModelCard> = named.iter().map(|one| one.card()).collect();
            return self.one_of(&cards, wanted).map(|at| Arc::clone(named[at]));
        }
        if let Some(embedder) = self.unlisted(wanted, |provider, name| provider.embedder(name)) {
            return Ok(embedder);
        }
        // Of those that are listed: what is not listed yet may turn out to be an embedder.
        let models = self.models().await;
        let mut cards = models.iter().map(|model| model.card());
        let model = cards.find(|card| card.id == wanted || is_named(card, wanted));
        let other = match model {
            Some(card) => Some((card.id.clone(), "answers questions")),
            None => self.live_named(wanted).map(|live| (live.card().id.clone(), "holds live sessions")),
        };
        Err(match other {
            Some((id, does)) => Error::unsupported(format!("`{id}` {does} and makes no vectors")),
            None => self.not_found(wanted, all.iter().map(|one| one.card().id.clone())),
        })
    }

    fn embedder_named(&self, wanted: &str) -> Option<Arc<dyn Embedder>> {
        let all = self.providers.iter().flat_map(|provider| provider.embedders()).collect();
        meant(all, |one| one.card(), wanted)
    }

    fn only_vectors(card: &ModelCard) -> Error {
        Error::unsupported(format!("`{}` makes vectors of texts, and nothing else", card.id))
            .hint(format!("make some: consort embed -m {}", card.id))
    }

    /// Models whose id, title or alias holds all the words, best first.
    pub async fn search(&self, words: &str) -> Vec<Match> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let mut found: Vec<Match> = self
            .models()
            .await
            .into_iter()
            .filter_map(|model| rank(model.card(), &words).map(|rank| Match { model, rank }))
            .collect();
        found.sort_by_key(|found| found.rank);
        found
    }

    /// Which of these a bare name means: the only one, or the only one that can be used now, or, where none can,
    /// the only one that may run.
    fn one_of(&self, named: &[&ModelCard], wanted: &str) -> Result<usize, Error> {
        let of = |state: &State| -> Vec<usize> {
            (0..named.len()).filter(|at| self.state_of(named[*at]) == Some(state)).collect()
        };
        let (ready, unchecked) = (of(&State::Ready), of(&State::Unchecked));
        let ids = |of: &mut dyn Iterator<Item = &ModelCard>| {
            of.map(|card| format!("`{}`", card.id)).collect::<Vec<_>>().join(" or ")
        };
        match (named, ready.as_slice(), unchecked.as_slice()) {
            ([_], ..) => return Ok(0),
            (_, [only], _) | (_, [], [only]) => return Ok(*only),
            (_, [], _) => {}
            _ => {
                // A name of its own is meant before what only another calls itself too.
                let own: Vec<usize> = ready.iter().copied().filter(|at| named[*at].name == wanted).collect();
                if let [only] = own.as_slice() {
                    return Ok(*only);
                }
                let first = &named[ready.first().copied().unwrap_or_default()].provider;
                let is_of_one = ready.iter().all(|at| named[*at].provider == *first);
                let several = if is_of_one {
                    format!("several models of `{first}` are called `{wanted}`")
                } else {
                    format!("several providers that are set up have a model `{wanted}`")
                };
                let which = ids(&mut ready.into_iter().map(|at| named[at]));
                return Err(Error::new(ErrorKind::ModelNotFound, several).hint(format!("say which: {which}")));
            }
        }
        let none = if unchecked.is_empty() {
            format!("no provider that has the model `{wanted}` is set up")
        } else {
            // Of a server on this machine nobody can say that it is not set up.
            format!("each provider that has the model `{wanted}` is not set up, or does not run")
        };
        let mut error = Error::new(ErrorKind::Setup, none);
        for provider in named.iter().filter_map(|card| self.provider_by_id(&card.provider)) {
            error = error.hint(how_to_set_up(provider.card()));
        }
        Err(error.hint(format!("or say which: {}", ids(&mut named.iter().copied()))))
    }

    fn state_of(&self, card: &ModelCard) -> Option<&State> {
        self.provider_by_id(&card.provider).map(|provider| &provider.card().state)
    }

    fn unlisted<T>(&self, wanted: &str, get: impl Fn(&dyn Provider, &str) -> Option<T>) -> Option<T> {
        let (provider, name) = wanted.split_once('/')?;
        get(self.provider_by_id(provider)?.as_ref(), name)
    }

    fn not_found(&self, wanted: &str, ids: impl Iterator<Item = String>) -> Error {
        let error = Error::new(ErrorKind::ModelNotFound, format!("no model is named `{wanted}`"));
        let names = ids.chain(self.aliases.keys().cloned());
        match nearest(wanted, names) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.providers.iter().map(|provider| &provider.card().id)).finish()
    }
}

impl fmt::Debug for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.model.card().id, self.rank)
    }
}
