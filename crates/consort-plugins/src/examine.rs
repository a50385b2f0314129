//! The contract test of one plugin: what its author should know, with lines of the file.
use crate::examine_live::{Patience, talked};
use crate::learnt::{Outcome, is_clause};
use crate::plugin::Plugin;
use crate::row::{UNLISTED, unlisted_help};
use consort_core::{
    Accumulator, Error, ErrorKind, Event, Model, Request, Response, State, Support, TokenCount,
};
use consort_plugin::protocol::Capabilities;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the plugin may take for the test's prompt.
const PROMPT: Duration = Duration::from_mins(2);

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

    fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
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
    match plugin.ping().await {
        Ok(time) => found.push(good(format!("it answers a ping, in {} us", time.as_micros()))),
        // The smallest plugins answer an unknown method with an error, and that is an answer.
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        Err(error) => found.push(of_error("it does not answer a ping", &error)),
    }
    let odd = plugin.supervisor().running().map(|connection| connection.take_odd()).unwrap_or_default();
    found.extend(odd.iter().map(|odd| told(Level::Warning, plugin.id(), &odd.message)));
    let brings = learnt.beside_models(plugin.id());
    found.extend(brings.iter().map(|(what, how)| good(format!("it brings {what}: {how}"))));
    let ids: Vec<&str> = learnt.models.iter().map(|known| known.card.id.as_str()).collect();
    // Some plugins are there for their tools, templates, fragments or commands.
    if !ids.is_empty() || brings.is_empty() || !learnt.left_out.is_empty() {
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

/// One model: asked, counted with, stopped.
async fn asked(
    plugin: &Arc<Plugin>,
    model: &dyn Model,
    prompt: &str,
    found: &mut Found<impl FnMut(&Finding)>,
) {
    let id = &model.card().id;
    let begun = Instant::now();
    match ask(plugin, model, prompt).await {
        Err(error) => {
            found.push(of_error(&format!("{id} does not answer"), &error));
            return;
        }
        Ok((answer, first)) => {
            let text = answer.text();
            let is_cut = answer.warnings.iter().any(|warning| warning.code == "dropped");
            found.extend(answer.warnings.iter().map(|warning| {
                let is_why = text.is_empty() && warning.code == "dropped";
                let level = if is_why { Level::Error } else { Level::Warning };
                told(level, id, &warning.message)
            }));
            if is_cut && text.is_empty() {
                // Why it is empty was said.
            } else if text.is_empty()
                && answer.tool_calls().next().is_none()
                && answer.media().next().is_none()
            {
                let help = if plugin.is_python() {
                    "return the answer's text, or yield its pieces"
                } else {
                    "send its pieces as `generate/event` with {\"type\":\"text\",\"text\":\"…\"}, before the answer to the \
                     request, or all of it in `content` of that answer"
                };
                found.push(wrong(format!("{id} answers with nothing"), help));
            } else {
                let shown: String = text.chars().take(40).collect();
                let first = first.map_or(0, |first| first.as_millis());
                let whole = begun.elapsed().as_millis();
                found.push(good(format!("{id} answers {shown:?}: first word {first} ms, whole {whole} ms")));
            }
        }
    }
    let request = Request::ask(prompt);
    match model.count_tokens(&request, plugin.context()).await {
        Ok(TokenCount { tokens, exact: true }) => found.push(good(format!("{id} counts {tokens} tokens"))),
        // That it has no counter is among its notes.
        Ok(TokenCount { exact: false, .. }) if plugin.counts_tokens().await => {
            found.push(Finding {
                level: Level::Note,
                at: None,
                message: format!("{id} could not count the tokens: they are estimated"),
                help: None,
            });
        }
        Ok(TokenCount { exact: false, .. }) => {}
        Err(error) => found.push(of_error(&format!("{id} cannot count tokens"), &error)),
    }
    if model.card().capabilities.streaming != Support::No {
        found.push(stopped(plugin, model, prompt).await);
    }
}

async fn ask(
    plugin: &Arc<Plugin>,
    model: &dyn Model,
    prompt: &str,
) -> Result<(Response, Option<Duration>), Error> {
    let begun = Instant::now();
    let mut stream = model.stream(Request::ask(prompt).into(), plugin.context().within(PROMPT));
    let mut fold = Accumulator::default();
    let (mut first, mut finished) = (None, false);
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        let event = event?;
        if first.is_none() && event.is_content() {
            first = Some(begun.elapsed());
        }
        finished |= matches!(event, Event::Finished(_));
        fold.push(event);
    }
    if !finished {
        return Err(Error::new(ErrorKind::PluginBug, "its answer has no end"));
    }
    Ok((fold.finish()?, first))
}

/// Stops an answer after its first event, and asks again: the plugin must be there.
async fn stopped(plugin: &Arc<Plugin>, model: &dyn Model, prompt: &str) -> Finding {
    let mut stream = model.stream(Request::ask(prompt).into(), plugin.context().within(PROMPT));
    let _ = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    drop(stream);
    match ask(plugin, model, prompt).await {
        Ok(_) => good(format!("{} can be stopped, and answers again", model.card().id)),
        Err(error) => of_error(&format!("{} does not answer after it was stopped", model.card().id), &error),
    }
}
