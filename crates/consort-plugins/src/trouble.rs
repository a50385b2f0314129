//! Why one plugin cannot answer, and what to do about it.
use crate::learnt::{Learnt, Outcome};
use crate::plugin::Plugin;
use crate::process::NoStart;
use crate::start::{NO_TRUST, is_held_by, runs_on, shell_word};
use consort_core::{Error, ErrorKind};

impl Plugin {
    /// What keeps it from being run at all, as far as its file tells.
    pub(crate) fn cannot_run(&self) -> Option<Outcome> {
        if self.found.untrusted {
            let parent = &self.found.folder;
            return Some(Outcome::NeedsSetup {
                missing: NO_TRUST.into(),
                at: None,
                help: Some(format!("consort plugins trust {}", shell_word(&parent.to_string_lossy()))),
            });
        }
        let problem = self.found.problem.as_ref()?;
        let file = problem.file.file_name().unwrap_or_default().to_string_lossy();
        Some(Outcome::Broken {
            reason: problem.message.clone(),
            at: Some(problem.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))),
            help: problem.help.clone(),
        })
    }

    /// Whether it may run on this version of Python, by its own word, in an environment of its own.
    pub fn may_run_on(&self, version: (u32, u32)) -> Result<(), Error> {
        runs_on(&self.found, Some(version), true)
    }

    pub(crate) fn outcome_of(&self, no: &NoStart) -> Outcome {
        match &no.failure {
            Some(failure) => self.explained(Outcome::refused(failure)),
            None if no.error.kind() == ErrorKind::Setup => Outcome::NeedsSetup {
                missing: no.error.message().to_owned(),
                at: None,
                help: no.error.hints().first().cloned(),
            },
            None => Outcome::Broken {
                reason: no.error.message().to_owned(),
                at: no.at.clone(),
                help: no.error.hints().first().cloned(),
            },
        }
    }

    /// A plugin that has nothing to give but models, and lists none for want of a key, needs that key.
    pub(crate) fn lacking_key(&self, learnt: Learnt) -> Learnt {
        let can = &learnt.capabilities;
        let gives = learnt.has_tools() || !can.templates.is_empty() || !can.fragments.is_empty();
        if gives || !learnt.models.is_empty() {
            return learnt;
        }
        let there = self.keys_there(&learnt);
        let Some(name) = there.lacks(&learnt.list_needs.secrets) else { return learnt };
        let (missing, help) = (format!("the key `{name}`"), Some(self.key_help(name)));
        Learnt { outcome: Outcome::NeedsSetup { missing, at: None, help }, ..learnt }
    }

    /// Where variables are missing, what to do about it: the plugin cannot know what the user has.
    fn explained(&self, outcome: Outcome) -> Outcome {
        let Outcome::NeedsSetup { missing, at, .. } = &outcome else { return outcome };
        let Some(variable) = self.found.env.iter().find(|name| missing.contains(name.as_str())) else {
            return outcome;
        };
        let word = shell_word(self.id());
        let grant = format!("consort plugins grant {word} {variable}");
        let key = self.found.manifest.env.as_ref().and_then(|keys| keys.get(variable));
        let help = match key {
            // The file says which key the variable holds.
            Some(key) if self.granted().contains(key) => format!("consort keys set {key}"),
            Some(key) => format!("consort keys set {key}, then: consort plugins grant {word} {key}"),
            None => self.variable_help(variable, &grant),
        };
        Outcome::NeedsSetup { missing: missing.clone(), at: at.clone(), help: Some(help) }
    }

    fn variable_help(&self, variable: &str, grant: &str) -> String {
        let stored = self.home.keys.names().unwrap_or_default();
        match self.home.env.get(variable) {
            Some(_) => grant.to_owned(),
            None if stored.iter().any(|key| is_held_by(variable, key)) => grant.to_owned(),
            None if self.granted().iter().any(|name| name == variable) => {
                format!("export {variable}=..., or: consort keys set {variable}")
            }
            None => format!("export {variable}=..., then: {grant}"),
        }
    }
}

/// Whether a plugin failed because what it asks is out of reach.
pub(crate) fn is_elsewhere(no: &NoStart) -> bool {
    use ErrorKind::{Network, Overloaded, RateLimit, Server, Timeout};
    let kind = no.failure.as_ref().and_then(|failure| ErrorKind::parse(failure.data.kind.as_deref()?));
    kind.is_some_and(|kind| [Network, Overloaded, RateLimit, Server, Timeout].contains(&kind))
}
