//! The row of one plugin: its state, what to do about it, and its card.
use crate::learnt::{Learnt, Outcome};
use crate::plugin::Plugin;
use crate::start::{is_for, keys, shell_word};
use consort_core::{ConfigKey, Context, Error, ErrorKind, ProviderCard, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

impl Plugin {
    /// The state of its row.
    pub fn state(&self) -> State {
        if self.gone.load(Ordering::Relaxed) {
            return State::Missing { reason: format!("{} was removed", self.found.file.display()) };
        }
        if *self.loading.lock().unwrap_or_else(PoisonError::into_inner) {
            return State::Loading;
        }
        let outcome = match self.cannot_run() {
            Some(outcome) => outcome,
            None => match self.learnt() {
                None => return State::Unchecked,
                Some(learnt) if self.is_stale(&learnt) => return State::Unchecked,
                Some(learnt) => match self.missing_key(&learnt) {
                    Some(name) => return State::NeedsSetup { missing: format!("the key `{name}`") },
                    None => learnt.outcome.clone(),
                },
            },
        };
        state_of(&outcome)
    }

    /// `file:line` of what keeps it from being ready, where it is one line.
    pub fn place(&self) -> Option<String> {
        let known = || self.learnt().map(|learnt| learnt.outcome.clone());
        match self.cannot_run().or_else(known)? {
            Outcome::Ready => None,
            Outcome::NeedsSetup { at, .. } | Outcome::Broken { at, .. } | Outcome::Unlisted { at, .. } => at,
        }
    }

    /// What to do about the state, where it is known.
    pub fn help(&self) -> Option<String> {
        if self.gone.load(Ordering::Relaxed) {
            return Some("put the file back, or choose another model".to_owned());
        }
        let outcome = if let Some(outcome) = self.cannot_run() {
            outcome
        } else {
            let learnt = self.learnt()?;
            if self.is_stale(&learnt) {
                return None;
            }
            if let Some(name) = self.missing_key(&learnt) {
                return Some(self.key_help(&name));
            }
            learnt.outcome.clone()
        };
        match outcome {
            Outcome::Ready => None,
            Outcome::Broken { help: None, at: Some(at), .. } => {
                Some(format!("mend {at}; it is looked at again when it is asked"))
            }
            Outcome::NeedsSetup { help, .. } | Outcome::Broken { help, .. } => help,
            Outcome::Unlisted { at, .. } => Some(unlisted_help(at.as_deref())),
        }
    }

    /// A key that the first model lacks, where none of the models has its keys.
    fn missing_key(&self, learnt: &Learnt) -> Option<String> {
        if learnt.outcome != Outcome::Ready {
            return None;
        }
        let lacked = self.keys_lacked(learnt);
        let first = lacked.get(&learnt.models.first()?.card.name)?.clone();
        learnt.models.iter().all(|known| lacked.contains_key(&known.card.name)).then_some(first)
    }

    /// The models whose key is not there, by name, each with that key.
    pub fn keys_lacked(&self, learnt: &Learnt) -> BTreeMap<String, String> {
        if learnt.models.iter().all(|known| known.secrets.is_empty()) {
            return BTreeMap::new();
        }
        let there = self.keys_there(learnt);
        let lacked = learnt
            .models
            .iter()
            .filter_map(|known| Some((known.card.name.clone(), there.lacks(&known.secrets)?.clone())));
        lacked.collect()
    }

    /// An error where the model needs a key that is not there: it is not asked in vain. Python plugins say so themselves; those of
    /// `llm` have keys of their own.
    pub async fn has_key_for(&self, model: &str, context: &Context) -> Result<(), Error> {
        let Some(learnt) = self.learnt().filter(|_| !self.is_python()) else { return Ok(()) };
        let Some(key) = self.keys_lacked(&learnt).remove(model) else { return Ok(()) };
        let Some(known) = learnt.models.iter().find(|known| known.card.name == model) else { return Ok(()) };
        // It may read it by itself, or this call brings its own.
        if known.env.iter().any(|variable| self.sees(variable))
            || context.credentials.resolve(self.id(), &ConfigKey::default()).await?.is_some()
        {
            return Ok(());
        }
        let message = format!("`{}` needs setup: the key `{key}`", known.card.id);
        Err(Error::new(ErrorKind::Setup, message).provider(self.id()).hint(self.key_help(&key)))
    }

    /// Whether a variable that holds something is among those that its process is given.
    fn sees(&self, variable: &str) -> bool {
        let granted = self.granted();
        let has = |name: &str| granted.contains(name) && self.is_set(name);
        let key = self.found.manifest.env.iter().flatten().find(|(name, _)| *name == variable);
        has(variable)
            || key.is_some_and(|(_, key)| has(key))
            || self.home.plain_env().iter().any(|(name, _)| name == variable)
    }

    /// Whether it listed nothing for want of keys that are all there now: another look would find more.
    fn is_stale(&self, learnt: &Learnt) -> bool {
        let needs = &learnt.list_needs.secrets;
        let lacked = matches!(learnt.outcome, Outcome::NeedsSetup { .. }) && learnt.models.is_empty();
        lacked && !needs.is_empty() && self.keys_there(learnt).lacks(needs).is_none()
    }

    /// Which keys it has, by all that is known of where they may be.
    pub(crate) fn keys_there(&self, learnt: &Learnt) -> There {
        let granted = keys(&self.found, Some(learnt), &self.granted());
        let stored = if granted.is_empty() { Vec::new() } else { self.home.keys.names().unwrap_or_default() };
        let is_there = |key: &ConfigKey| {
            stored.contains(&key.name) || key.env.iter().any(|variable| self.home.env.get(variable).is_some())
        };
        There(granted.into_iter().filter(is_there).map(|key| key.name).collect())
    }

    /// Whether a key or variable is there: stored, or in the environment.
    pub fn is_set(&self, name: &str) -> bool {
        let learnt = self.learnt();
        // Nobody knows yet which variable it reads: one that is named after the key.
        let is_exported = || self.home.env.iter().any(|(variable, _)| is_for(variable, name));
        if learnt.is_none() && is_exported() {
            return true;
        }
        let wanted = BTreeSet::from([name.to_owned()]);
        let known = keys(&self.found, learnt.as_deref(), &wanted);
        let mut variables = known.iter().flat_map(|key| &key.env).map(String::as_str).chain([name]);
        // A drop-in file finds a stored key in the variable that is named after it.
        let is_its = |stored: &String| {
            stored == name || (self.found.env.iter().any(|env| env == name) && is_for(name, stored))
        };
        let is_stored = || self.home.keys.names().unwrap_or_default().iter().any(is_its);
        variables.any(|variable| self.home.env.get(variable).is_some()) || is_stored()
    }

    /// What to do where it lacks this key.
    pub fn key_help(&self, name: &str) -> String {
        if self.granted().contains(name) {
            format!("consort keys set {name}")
        } else {
            format!("consort plugins grant {} {name}", shell_word(self.id()))
        }
    }

    /// The card of the plugin as a provider.
    pub(crate) fn provider_card(&self) -> ProviderCard {
        let learnt = self.learnt();
        let title = learnt.as_ref().and_then(|learnt| learnt.title.clone());
        let name = self.found.manifest.name.clone().or(title).unwrap_or_else(|| self.found.id.clone());
        let mut card = ProviderCard::new(self.id(), name);
        card.state = self.state();
        card.keys = learnt.map(|learnt| learnt.keys()).unwrap_or_default();
        card
    }

    fn is_unlisted(&self) -> bool {
        let learnt = self.learnt();
        self.cannot_run().is_none()
            && learnt.is_some_and(|learnt| matches!(learnt.outcome, Outcome::Unlisted { .. }))
    }

    /// The error of a plugin that cannot answer, with what to do.
    pub fn not_ready(&self) -> Error {
        let (kind, what) = match self.state() {
            State::NeedsSetup { missing } => (ErrorKind::Setup, format!("the plugin needs setup: {missing}")),
            // As its help has it: whether it is broken, nobody can tell.
            State::Broken { reason } if self.is_unlisted() => (ErrorKind::PluginBug, reason),
            State::Broken { reason } => (ErrorKind::PluginBug, format!("the plugin is broken: {reason}")),
            State::Missing { reason } => {
                (ErrorKind::ModelNotFound, format!("the plugin is missing: {reason}"))
            }
            State::Loading | State::Unchecked | State::Ready => {
                (ErrorKind::PluginCrash, "the plugin did not start".to_owned())
            }
        };
        let error = Error::new(kind, what).provider(self.id());
        match self.help() {
            Some(help) => error.hint(help),
            None => error.hint(format!("consort plugins why {}", shell_word(self.id()))),
        }
    }
}

/// The keys that a plugin was granted and that are there.
pub(crate) struct There(BTreeSet<String>);

impl There {
    /// The first of these that is not among them.
    pub(crate) fn lacks<'a>(&self, names: &'a [String]) -> Option<&'a String> {
        names.iter().find(|name| !self.0.contains(*name))
    }
}

/// How the reason begins where a plugin could not list its models, and what it asks for them may be out of reach.
pub(crate) const UNLISTED: &str = "its models cannot be listed now";

/// What to do about it: an address that does not answer may be wrong, or its server away for a while.
pub(crate) fn unlisted_help(at: Option<&str>) -> String {
    let mend = at.map(|at| format!(", or mend {at}")).unwrap_or_default();
    format!("what it asks does not answer: it is asked again when the plugin is used{mend}")
}

fn state_of(outcome: &Outcome) -> State {
    let at = |at: &Option<String>, text: &str| match at {
        Some(at) => format!("{at}: {text}"),
        None => text.to_owned(),
    };
    match outcome {
        Outcome::Ready => State::Ready,
        Outcome::NeedsSetup { missing, .. } => State::NeedsSetup { missing: missing.clone() },
        Outcome::Broken { reason, at: place, .. } => State::Broken { reason: at(place, reason) },
        Outcome::Unlisted { reason, at } => {
            let at = at.as_ref().map(|at| format!(", at {at}")).unwrap_or_default();
            State::Broken { reason: format!("{UNLISTED}{at}: {reason}") }
        }
    }
}
