//! What outlives a change of the settings: the memory of targets, limits and kept answers.
use crate::cache::Cache;
use crate::limit::Limiter;
use crate::settings::{Keep, Limits};
use crate::state::{Standing, TargetState};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The memory of routes, by name. Clones share it: routes that are built anew from changed settings, over the same
/// registry, go on where the old ones stood.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    targets: HashMap<String, Arc<TargetState>>,
    limiters: HashMap<(String, Limits), Arc<Limiter>>,
    caches: HashMap<String, (Keep, Arc<Cache>)>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn target(&self, id: &str) -> Arc<TargetState> {
        self.lock().targets.entry(id.to_owned()).or_default().clone()
    }

    pub(crate) fn limiter(&self, name: &str, limits: Limits) -> Arc<Limiter> {
        let mut known = self.lock();
        let key = (name.to_owned(), limits);
        let limiter = known
            .limiters
            .entry(key)
            .or_insert_with_key(|(name, limits)| Arc::new(Limiter::new(name.clone(), limits.clone())));
        limiter.clone()
    }

    pub(crate) fn cache(&self, route: &str, keep: &Keep) -> Arc<Cache> {
        let mut known = self.lock();
        match known.caches.get(route) {
            Some((same, cache)) if same == keep => cache.clone(),
            _ => {
                let cache = Arc::new(Cache::new(keep.clone()));
                known.caches.insert(route.to_owned(), (keep.clone(), cache.clone()));
                cache
            }
        }
    }

    /// The settings changed: a target that rests because its key was refused is asked again. What nobody uses any more
    /// is forgotten.
    pub fn settings_changed(&self) {
        let mut known = self.lock();
        known.limiters.retain(|_, limiter| Arc::strong_count(limiter) > 1);
        known.caches.retain(|_, (_, cache)| Arc::strong_count(cache) > 1);
        known.targets.retain(|_, state| Arc::strong_count(state) > 1);
        for state in known.targets.values() {
            state.settings_changed();
        }
    }

    /// How a target stands, if it was ever asked.
    pub fn standing(&self, id: &str, now: Instant) -> Option<Standing> {
        let state = self.lock().targets.get(id).cloned();
        state.map(|state| state.standing(now))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().targets.keys()).finish()
    }
}
