//! The models, embedders and live models of one plugin, by their names.
use crate::embedder::PluginEmbedder;
use crate::learnt::{Known, Outcome};
use crate::model::PluginModel;
use crate::plugin::Plugin;
use crate::realtime::PluginRealtime;
use crate::start::shell_word;
use consort_core::{Embedder, Error, ErrorKind, Model, ModelCard, ModelKind, RealtimeModel};
use serde_json::Value;
use std::sync::Arc;

impl Plugin {
    /// The chat models that are known. A plugin that never ran is one model of its own name.
    pub(crate) fn models(self: &Arc<Self>) -> Vec<Arc<dyn Model>> {
        let model = |card: ModelCard| self.model_of(card);
        match self.learnt() {
            Some(learnt) if learnt.outcome == Outcome::Ready => {
                learnt.chat_models().map(|known| model(known.card.clone())).collect()
            }
            _ => self.unlearnt_cards().into_iter().map(model).collect(),
        }
    }

    /// A model of this card; what its file and surroundings are now is its version.
    fn model_of(self: &Arc<Self>, card: ModelCard) -> Arc<dyn Model> {
        let version = Some(self.found.fingerprint.as_str()).filter(|version| !version.is_empty());
        let card = ModelCard { version: version.map(Arc::from), ..card };
        Arc::new(PluginModel::new(card, self.clone()))
    }

    /// The cards of a plugin that could not be asked: those of its manifest, else one of its own name.
    fn unlearnt_cards(&self) -> Vec<ModelCard> {
        let listed = self.found.manifest.models.clone().unwrap_or_default();
        if listed.len() > 1 {
            return listed.into_iter().map(|name| ModelCard::new(self.id(), name)).collect();
        }
        let name = listed.into_iter().next().unwrap_or_else(|| self.found.id.clone());
        let mut card = ModelCard::new(self.id(), name);
        card.id.clone_from(&self.found.id);
        vec![card]
    }

    pub(crate) fn model(self: &Arc<Self>, name: &str) -> Option<Arc<dyn Model>> {
        Some(self.model_of(self.card_named(name, ModelKind::Chat)?))
    }

    /// The card of this name. Of a plugin that nobody looked at yet any name may be right.
    fn card_named(&self, name: &str, kind: ModelKind) -> Option<ModelCard> {
        if let Some(learnt) = self.learnt().filter(|learnt| learnt.outcome == Outcome::Ready) {
            let named = |card: &ModelCard| {
                card.name == name || card.id == name || card.aliases.iter().any(|alias| alias == name)
            };
            return Some(learnt.of_kind(kind).find(|known| named(&known.card))?.card.clone());
        }
        let mut cards = self.unlearnt_cards().into_iter();
        let found = cards.find(|card| card.name == name || card.id == name);
        Some(ModelCard { kind, ..found.unwrap_or_else(|| ModelCard::new(self.id(), name)) })
    }

    /// The live models that are known.
    pub(crate) fn realtime_models(self: &Arc<Self>) -> Vec<Arc<dyn RealtimeModel>> {
        let learnt = self.learnt();
        let all = learnt.iter().flat_map(|learnt| learnt.of_kind(ModelKind::Realtime));
        all.map(|known| {
            Arc::new(PluginRealtime::new(known.card.clone(), self.clone())) as Arc<dyn RealtimeModel>
        })
        .collect()
    }

    pub(crate) fn realtime_model(self: &Arc<Self>, name: &str) -> Option<Arc<dyn RealtimeModel>> {
        let card = self.card_named(name, ModelKind::Realtime)?;
        Some(Arc::new(PluginRealtime::new(card, self.clone())))
    }

    /// The model of a card that may have been guessed: the plugin is started where nobody looked at it yet.
    pub async fn model_for(self: &Arc<Self>, card: &ModelCard) -> Result<Arc<dyn Model>, Error> {
        let (name, _) = self.model_named(&card.name).await?;
        self.model(&name).ok_or_else(|| self.not_ready())
    }

    pub(crate) fn embedders(self: &Arc<Self>) -> Vec<Arc<dyn Embedder>> {
        let learnt = self.learnt();
        let all = learnt.iter().flat_map(|learnt| &learnt.models);
        all.filter(|known| known.card.kind == ModelKind::Embedding)
            .map(|known| Arc::new(PluginEmbedder::new(known.card.clone(), self.clone())) as Arc<dyn Embedder>)
            .collect()
    }

    /// The embedder of a name or alias; the only one by the plugin's own name too.
    pub(crate) fn embedder(self: &Arc<Self>, name: &str) -> Option<Arc<dyn Embedder>> {
        let all = self.embedders();
        let named = |one: &&Arc<dyn Embedder>| {
            let card = one.card();
            card.name == name || card.aliases.iter().any(|alias| alias == name)
        };
        let own = || all.first().filter(|_| name == self.found.id && all.len() == 1);
        all.iter().find(named).or_else(own).cloned()
    }

    /// The model's name as the plugin knows it, and the schema of its options. A plugin that never ran is asked.
    pub(crate) async fn model_named(&self, name: &str) -> Result<(String, Option<Value>), Error> {
        let card = self.known_named(name, ModelKind::Chat).await?;
        let schema = card.options.as_ref().clone();
        Ok((card.name, Some(schema).filter(|schema| !schema.is_null())))
    }

    /// The live model's name as the plugin knows it.
    pub(crate) async fn live_named(&self, name: &str) -> Result<String, Error> {
        Ok(self.known_named(name, ModelKind::Realtime).await?.name)
    }

    async fn known_named(&self, name: &str, kind: ModelKind) -> Result<ModelCard, Error> {
        let mut learnt = self.ready().await?;
        if learnt.models.is_empty() {
            learnt = self.listed_late().await;
        }
        let named =
            |known: &&Known| known.card.name == name || known.card.aliases.iter().any(|alias| alias == name);
        // Asked for by the plugin's own name: the only model, or the first.
        let own = name == self.found.id;
        let find = |kind| {
            let mut all = learnt.of_kind(kind);
            all.find(named).or_else(|| learnt.of_kind(kind).next().filter(|_| own))
        };
        if let Some(known) = find(kind) {
            return Ok(known.card.clone());
        }
        let error = |kind, message: String| Error::new(kind, message).provider(self.id());
        match kind {
            ModelKind::Realtime if find(ModelKind::Chat).is_some() => {
                let message = format!("`{name}` answers questions and holds no live sessions");
                return Err(error(ErrorKind::Unsupported, message).hint("ask it, or chat with it"));
            }
            ModelKind::Chat if find(ModelKind::Realtime).is_some() => {
                let message = format!("`{name}` holds live sessions and answers no questions");
                let help = format!("talk with it: consort talk {}", shell_word(name));
                return Err(error(ErrorKind::Unsupported, message).hint(help));
            }
            _ => {}
        }
        let names: Vec<&str> = learnt.of_kind(kind).map(|known| known.card.name.as_str()).collect();
        let error = error(ErrorKind::ModelNotFound, format!("it has no model `{name}`"));
        let hint = match (names.is_empty(), learnt.left_out.first()) {
            (false, _) => format!("it has {}", names.join(", ")),
            (true, Some(note)) => note.clone(),
            (true, None) => "its `models/list` names none of this kind".to_owned(),
        };
        Err(error.hint(hint))
    }
}
