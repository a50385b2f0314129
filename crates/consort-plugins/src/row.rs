//! The row of one plugin: its state, what to do about it, and its card.
use crate::learnt::{Known, Learnt, Outcome};
use crate::plugin::Plugin;
use crate::start::{is_for, shell_word};
use consort_core::{ConfigKey, Error, ErrorKind, ProviderCard, State};
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
                Some(learnt) => match self.missing_key(&learnt) {
                    Some(missing) => return State::NeedsSetup { missing },
                    None => learnt.outcome.clone(),
                },
            },
        };
        state_of(&outcome)
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
            if let Some(known) = self.model_without_key(&learnt) {
                return Some(self.key_help(known));
            }
            learnt.outcome.clone()
        };
        match outcome {
            Outcome::Ready => None,
            Outcome::Broken { help: None, at: Some(at), .. } => {
                Some(format!("mend {at}; it is looked at again when it is asked"))
            }
            Outcome::NeedsSetup { help, .. } | Outcome::Broken { help, .. } => help,
        }
    }

    fn missing_key(&self, learnt: &Learnt) -> Option<String> {
        let known = self.model_without_key(learnt)?;
        Some(format!("the key `{}`", known.secrets.first()?))
    }

    /// The first model, where none has its keys.
    fn model_without_key<'a>(&self, learnt: &'a Learnt) -> Option<&'a Known> {
        if learnt.outcome != Outcome::Ready || learnt.models.is_empty() {
            return None;
        }
        let all = learnt.models.iter().all(|known| !self.has_keys(known));
        learnt.models.first().filter(|_| all)
    }

    fn has_keys(&self, known: &Known) -> bool {
        let stored = self.home.keys.names().unwrap_or_default();
        let granted = self.home.granted(&self.found.file);
        known.secrets.iter().all(|name| {
            let allowed = granted.contains(name);
            let set = |variable: &String| is_for(variable, name) && self.home.env.get(variable).is_some();
            let there = stored.contains(name) || known.env.iter().any(set);
            allowed && there
        })
    }

    fn key_help(&self, known: &Known) -> String {
        let Some(name) = known.secrets.first() else { return String::new() };
        let granted = self.home.granted(&self.found.file);
        if granted.contains(name) {
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
        for known in learnt.iter().flat_map(|learnt| &learnt.models) {
            for name in &known.secrets {
                if card.keys.iter().all(|key| key.name != *name) {
                    card.keys.push(ConfigKey {
                        name: name.clone(),
                        env: known.env.clone(),
                        secret: true,
                        required: true,
                        ..ConfigKey::default()
                    });
                }
            }
        }
        card
    }

    /// The error of a plugin that cannot answer, with what to do.
    pub fn not_ready(&self) -> Error {
        let (kind, what) = match self.state() {
            State::NeedsSetup { missing } => (ErrorKind::Setup, format!("needs setup: {missing}")),
            State::Broken { reason } => (ErrorKind::PluginBug, format!("is broken: {reason}")),
            State::Missing { reason } => (ErrorKind::ModelNotFound, format!("is missing: {reason}")),
            State::Loading | State::Unchecked | State::Ready => {
                (ErrorKind::PluginCrash, "did not start".to_owned())
            }
        };
        let error = Error::new(kind, format!("the plugin {what}")).provider(self.id());
        match self.help() {
            Some(help) => error.hint(help),
            None => error.hint(format!("consort plugins why {}", shell_word(self.id()))),
        }
    }
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
    }
}
