//! Live models by their names; and what is said where one sort of model is wanted and another has the name.
use super::Host;
use crate::{Error, ModelCard, Provider, RealtimeModel, State};
use std::sync::Arc;

impl Host {
    /// All listed live models.
    pub fn realtime_models(&self) -> Vec<Arc<dyn RealtimeModel>> {
        self.providers.iter().flat_map(|provider| provider.realtime_models()).collect()
    }

    /// The live model of this id, alias or name.
    pub async fn find_realtime(&self, wanted: &str) -> Result<Arc<dyn RealtimeModel>, Error> {
        let wanted = self.aliases.get(wanted).map_or(wanted, String::as_str);
        let all = self.realtime_models();
        if let Some(model) = all.iter().find(|model| model.card().id == wanted) {
            return Ok(model.clone());
        }
        let named: Vec<_> = all.iter().filter(|model| is_named(model.card(), wanted)).collect();
        if !named.is_empty() {
            let cards: Vec<&ModelCard> = named.iter().map(|model| model.card()).collect();
            return self.one_of(&cards, wanted).map(|at| Arc::clone(named[at]));
        }
        // One that nobody looked at yet may be called by its provider's name alone.
        let own = self.provider_by_id(wanted).and_then(|provider| provider.realtime_model(wanted));
        let unlisted = || self.unlisted(wanted, |provider, name| provider.realtime_model(name));
        if let Some(model) = own.or_else(unlisted) {
            return Ok(model);
        }
        if let Ok(model) = self.find(wanted).await {
            let message = format!("`{}` answers questions and holds no live sessions", model.card().id);
            // Those that can be talked with now, where there are any.
            let is_ready = |provider: &&Arc<dyn Provider>| provider.card().state == State::Ready;
            let ready: Vec<_> = self
                .providers
                .iter()
                .filter(is_ready)
                .flat_map(|provider| provider.realtime_models())
                .collect();
            let shown = if ready.is_empty() { &all } else { &ready };
            let ids: Vec<String> =
                shown.iter().take(4).map(|model| format!("`{}`", model.card().id)).collect();
            let error = Error::unsupported(message);
            return Err(if ids.is_empty() {
                error
            } else {
                error.hint(format!("these do: {}", ids.join(", ")))
            });
        }
        if let Some(embedder) = self.embedder_named(wanted) {
            return Err(Self::only_vectors(embedder.card()));
        }
        Err(self.not_found(wanted, all.iter().map(|model| model.card().id.clone())))
    }

    pub(super) fn live_named(&self, wanted: &str) -> Option<Arc<dyn RealtimeModel>> {
        meant(self.realtime_models(), |model| model.card(), wanted)
    }

    pub(super) fn only_live(card: &ModelCard) -> Error {
        Error::unsupported(format!("`{}` holds live sessions and answers no questions", card.id))
            .hint(format!("talk with it: consort talk {}", card.id))
    }
}

pub(super) fn is_named(card: &ModelCard, wanted: &str) -> bool {
    card.name == wanted || card.aliases.iter().any(|alias| alias == wanted)
}

/// The one of this id; else the first of this name.
pub(super) fn meant<T>(mut all: Vec<T>, card: impl Fn(&T) -> &ModelCard, wanted: &str) -> Option<T> {
    let at = all
        .iter()
        .position(|one| card(one).id == wanted)
        .or_else(|| all.iter().position(|one| is_named(card(one), wanted)))?;
    Some(all.swap_remove(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_meant_before_a_name() {
        let card = |id: &str, name: &str| ModelCard { id: id.into(), ..ModelCard::new("x", name) };
        let all = || vec![card("demo/live", "live"), card("live", "mine"), card("other", "mine")];
        let found = |wanted| meant(all(), |card| card, wanted).map(|card| card.id);
        assert_eq!(found("live").as_deref(), Some("live"));
        assert_eq!(found("mine").as_deref(), Some("live"));
        assert_eq!(found("demo/live").as_deref(), Some("demo/live"));
        assert_eq!(found("none"), None);
    }
}
