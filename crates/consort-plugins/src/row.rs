//! The row of one plugin: its state, what to do about it, and its card.
use crate::learnt::{Learnt, Outcome};
use crate::plugin::Plugin;
use crate::start::{is_for, shell_word};
use consort_core::{Error, ErrorKind, ProviderCard, State};
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
                    Some(name) => return State::NeedsSetup { missing: format!("the key `{name}`") },
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
            if let Some(name) = self.missing_key(&learnt) {
                return Some(self.key_help(name));
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

    /// The first model's key, where none of the models has its keys.
    fn missing_key<'a>(&self, learnt: &'a Learnt) -> Option<&'a String> {
        if learnt.outcome != Outcome::Ready {
            return None;
        }
        let granted = self.granted();
        let has = |name: &String, env: &[String]| granted.contains(name) && self.is_there(name, env);
        let all = learnt.models.iter().all(|known| known.secrets.iter().any(|name| !has(name, &known.env)));
        learnt.models.first()?.secrets.first().filter(|_| all)
    }

    fn is_there(&self, name: &String, env: &[String]) -> bool {
        let set = |variable: &String| is_for(variable, name) && self.home.env.get(variable).is_some();
        self.home.keys.names().unwrap_or_default().contains(name) || env.iter().any(set)
    }

    /// Whether a key or variable that it was granted is there: stored, or in the environment.
    pub fn is_set(&self, name: &String) -> bool {
        let keys = self.learnt().map(|learnt| learnt.keys()).unwrap_or_default();
        let own = keys.into_iter().find(|key| key.name == *name).map(|key| key.env);
        let env: Vec<String> = own.into_iter().flatten().chain(self.found.key_env.iter().cloned()).collect();
        self.home.env.get(name).is_some() || self.is_there(name, &env)
    }

    pub(crate) fn key_help(&self, name: &String) -> String {
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
