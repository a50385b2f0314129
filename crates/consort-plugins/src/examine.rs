//! The contract test of one plugin: what its author should know, with lines of the file.
use crate::examine_live::{Patience, talked};
use crate::examine_model::asked;
use crate::learnt::{Learnt, Outcome, is_clause};
use crate::plugin::Plugin;
use crate::row::{UNLISTED, unlisted_help};
use consort_core::{Error, ErrorKind, Model, State};
use consort_plugin::protocol::Capabilities;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// This works.
    Good,
    Note,
    Warning,
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Finding {
    pub level: Level,
    /// `file:line`, where one line is meant.
    #[serde(default)]
    pub at: Option<String>,
    pub message: String,
    #[serde(default)]
    pub help: Option<String>,
}

/// What a plugin's own side found.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Findings {
    #[serde(default)]
    findings: Vec<Finding>,
}

impl Findings {
    /// The first of them, each text as this gives it: a plugin says what it likes.
    pub(crate) fn told_by(mut self, told: impl Fn(&str) -> String) -> Self {
        const MOST: usize = 200;
        self.findings.truncate(MOST);
        for finding in &mut self.findings {
            let texts = [Some(&mut finding.message), finding.at.as_mut(), finding.help.as_mut()];
            texts.into_iter().flatten().for_each(|text| *text = told(text));
        }
        self
    }
}

/// What was found so far; whoever reads along is told of each at once.
pub(crate) struct Found<T> {
    all: Vec<Finding>,
    tell: T,
}

impl<T: FnMut(&Finding)> Found<T> {
    pub(crate) fn push(&mut self, finding: Finding) {
        (self.tell)(&finding);
        self.all.push(finding);
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

#[cfg(test)]
pub(crate) fn found_nothing() -> Found<fn(&Finding)> {
    Found { all: Vec::new(), tell: |_| {} }
}

#[cfg(test)]
impl<T> Found<T> {
    pub(crate) fn into_all(self) -> Vec<Finding> {
        self.all
    }
}

/// Tests a plugin against its contract. It is started, and answers one prompt of each of its first models.
pub async fn examine(plugin: &Arc<Plugin>, prompt: &str) -> Vec<Finding> {
    examine_aloud(plugin, prompt, |_| {}).await
}

/// The same, telling each finding as soon as it is made: a plugin may take minutes for the next.
pub async fn examine_aloud(plugin: &Arc<Plugin>, prompt: &str, tell: impl FnMut(&Finding)) -> Vec<Finding> {
    let mut found = Found { all: Vec::new(), tell };
    examine_into(plugin, prompt, &mut found).await;
    found.all
}

async fn examine_into(plugin: &Arc<Plugin>, prompt: &str, found: &mut Found<impl FnMut(&Finding)>) {
    let begun = Instant::now();
    let (learnt, said) = plugin.looked_at(true).await;
    match &learnt.outcome {
        Outcome::Ready => found.push(good(format!("it starts, in {} ms", begun.elapsed().as_millis()))),
        Outcome::NeedsSetup { missing, at, help } => {
            let message = needs(missing);
            found.push(Finding { level: Level::Error, at: at.clone(), message, help: help.clone() });
        }
        Outcome::Broken { reason, at, help } => {
            let (at, help) = (at.clone(), help.clone());
            found.push(Finding { level: Level::Error, at, message: reason.clone(), help });
        }
        Outcome::Unlisted { reason, at } => {
            let (message, help) = (format!("{UNLISTED}: {reason}"), Some(unlisted_help(at.as_deref())));
            found.push(Finding { level: Level::Error, at: at.clone(), message, help });
        }
    }
    found.extend(learnt.notes.iter().chain(&learnt.left_out).map(|note| Finding {
        level: Level::Note,
        at: None,
        message: note.clone(),
        help: None,
    }));
    if learnt.outcome != Outcome::Ready {
        let others = said.unwrap_or_default().findings.into_iter().filter(|said| !is_told(said, &found.all));
        let others: Vec<Finding> = others.collect();
        found.extend(others);
        return;
    }
    found.extend(own_words(plugin).await);
    works(plugin, learnt, prompt, found).await;
    // What came meanwhile and was nobody's, or was said in other words than the protocol's.
    let odd = plugin.supervisor().running().map(|connection| connection.take_odd()).unwrap_or_default();
    found.extend(odd.iter().map(|odd| told(Level::Warning, plugin.id(), &odd.message)));
}

/// One that starts: what it brings, and how it answers.
async fn works(
    plugin: &Arc<Plugin>,
    mut learnt: Arc<Learnt>,
    prompt: &str,
    found: &mut Found<impl FnMut(&Finding)>,
) {
    match plugin.ping().await {
        Ok(time) => found.push(good(format!("it answers a ping, in {} us", time.as_micros()))),
        // The smallest plugins answer an unknown method with an error, and that is an answer.
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        Err(error) => found.push(of_error("it does not answer a ping", &error)),
    }
    // Some plugins are there for their tools, templates, fragments or commands.
    let is_meant = !learnt.left_out.is_empty();
    if !is_meant {
        learnt = plugin.listed_late().await;
    }
    let brings = learnt.beside_models(plugin.id());
    found.extend(brings.iter().map(|(what, how)| good(format!("it brings {what}: {how}"))));
    let ids: Vec<&str> = learnt.models.iter().map(|known| known.card.id.as_str()).collect();
    if !ids.is_empty() || brings.is_empty() || is_meant {
        found.push(listed(&ids));
    }
    let models: Vec<Arc<dyn Model>> = plugin.models();
    if let State::NeedsSetup { missing } = plugin.state() {
        let message = format!("it cannot be asked: {}", needs(&missing));
        found.push(Finding { level: Level::Error, at: None, message, help: plugin.help() });
        return;
    }
    if let Some(model) = plugin.realtime_models().first() {
        talked(plugin.context(), model.as_ref(), prompt, Patience::USUAL, found).await;
    }
    const MOST: usize = 3;
    for model in models.iter().take(MOST) {
        asked(plugin, model.as_ref(), prompt, found).await;
    }
    if models.len() > MOST {
        let message = format!("{} more models were not asked", models.len() - MOST);
        found.push(Finding { level: Level::Note, at: None, message, help: None });
    }
}

fn needs(missing: &str) -> String {
    if is_clause(missing) { missing.to_owned() } else { format!("it needs {missing}") }
}

/// What is told of a model, which is named unless it says so itself.
pub(crate) fn told(level: Level, id: &str, what: &str) -> Finding {
    let names_it = what.strip_prefix(id).is_some_and(|rest| rest.starts_with(' '));
    let message = if names_it { what.to_owned() } else { format!("{id}: {what}") };
    Finding { level, at: None, message, help: None }
}

pub(crate) fn good(message: String) -> Finding {
    Finding { level: Level::Good, at: None, message, help: None }
}

pub(crate) fn of_error(what: &str, error: &Error) -> Finding {
    let message = format!("{what}: {} ({})", error.message(), error.kind());
    // Whoever reads this is checking it already.
    let help = error.hints().iter().find(|hint| !hint.contains("consort plugins check")).cloned();
    Finding { level: Level::Error, at: None, message, help }
}

pub(crate) fn wrong(message: String, help: &str) -> Finding {
    Finding { level: Level::Error, at: None, message, help: Some(help.to_owned()) }
}

/// Whether why it did not start says the same: of one line, or in the same words.
fn is_told(said: &Finding, found: &[Finding]) -> bool {
    found.iter().any(|told| {
        let same_line = said.at.is_some() && said.at == told.at && said.level == Level::Error;
        same_line || said.message.starts_with(&told.message) || told.message.ends_with(&said.message)
    })
}

/// What the plugin's own side finds in its file, where it can tell.
async fn own_words(plugin: &Arc<Plugin>) -> Vec<Finding> {
    let Some(connection) = plugin.supervisor().running() else { return Vec::new() };
    if !Capabilities::has(&connection.hello().capabilities.check) {
        return Vec::new();
    }
    match connection.inspect().await {
        Ok(said) => said.findings,
        Err(error) => vec![of_error("it cannot look at itself", &error)],
    }
}

fn listed(ids: &[&str]) -> Finding {
    let unique: BTreeSet<&&str> = ids.iter().collect();
    if ids.is_empty() {
        return wrong(
            "it lists no model".into(),
            "a plugin has at least one, or tools, templates, fragments or commands; a list that depends on a key, a server or a \
             file is empty without it",
        );
    }
    if unique.len() < ids.len() {
        return wrong("two of its models have one id".into(), "give each an id of its own");
    }
    const SHOWN: usize = 5;
    let more = if ids.len() > SHOWN { ", ..." } else { "" };
    let shown = ids.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    good(format!("it lists {} model(s): {shown}{more}", ids.len()))
}
