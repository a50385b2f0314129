//! The names of models, as they are at this moment: plugins come and go while a chat runs.
use crate::setup::cards;
use consort_core::{Host, ModelKind};
use consort_plugins::Plugins;
use std::sync::{Arc, Mutex, PoisonError};

/// Clones share the list.
#[derive(Clone, Default)]
pub(super) struct ModelNames(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Of all that are no plugins, and of the aliases.
    fixed: Vec<String>,
    plugins: Option<Plugins>,
}

impl ModelNames {
    /// Those of a host, and of these plugins as they change.
    pub(super) fn set(&self, host: &Host, aliases: impl Iterator<Item = String>, plugins: Option<Plugins>) {
        let is_plugged = |id: &str| plugins.as_ref().is_some_and(|plugins| plugins.find(id).is_some());
        let chat = cards(host)
            .into_iter()
            .filter(|(card, _)| card.kind == ModelKind::Chat && !is_plugged(&card.provider))
            .map(|(card, _)| card.id);
        let fixed = aliases.chain(chat).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Known { fixed, plugins };
    }

    /// Those that begin with what was typed, or hold it.
    pub(super) fn matching(&self, typed: &str) -> Vec<String> {
        /// More would fill the screen.
        const MOST: usize = 60;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = known.fixed.clone();
        for provider in known.plugins.iter().flat_map(Plugins::providers) {
            let models = pollster::block_on(provider.models()).unwrap_or_default();
            all.extend(models.iter().map(|model| model.card().id.clone()));
        }
        let typed = typed.to_lowercase();
        let begins = |name: &String| !name.to_lowercase().starts_with(&typed);
        all.retain(|name| name.to_lowercase().contains(&typed));
        all.sort_by_key(|name| (begins(name), name.clone()));
        all.dedup();
        all.truncate(MOST);
        all
    }
}
