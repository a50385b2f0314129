//! One plugin: what was found, what was learnt, and the process that answers for it.
use crate::embedder::PluginEmbedder;
use crate::found::{Dialect, Found, Kind};
use crate::home::Home;
use crate::learnt::{Known, Learnt, Outcome};
use crate::model::PluginModel;
use crate::process::{Connection, LogRing, NoStart, Supervisor};
use crate::python::Venv;
use crate::start::{folder, shell_word, start_of};
use consort_core::{
    ConfigKey, Context, Embedder, Error, ErrorKind, Model, ModelCard, ModelKind, ProviderCard, State,
};
use consort_plugin::protocol::{Capabilities, ModelsResult};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a plugin may take to list its models. Some ask a server.
const LISTING: Duration = Duration::from_secs(15);

/// One plugin.
pub struct Plugin {
    found: Found,
    home: Arc<Home>,
    supervisor: Arc<Supervisor>,
    learnt: Arc<Mutex<Option<Arc<Learnt>>>>,
    /// One check at a time.
    checking: tokio::sync::Mutex<()>,
    loading: Mutex<bool>,
    folder: PathBuf,
}

impl Plugin {
    /// A plugin as it was found. What a cache knows of it is taken over; nothing runs.
    pub(crate) fn new(found: Found, home: Arc<Home>) -> Self {
        let learnt = home.cache().read(&found).map(Arc::new);
        let kept = Arc::new(Mutex::new(learnt));
        let supervisor = Supervisor::new(&found.id, LogRing::kept_in(home.log_file(&found.id)), {
            let (found, home, kept) = (found.clone(), home.clone(), kept.clone());
            Box::new(move || {
                let (found, home) = (found.clone(), home.clone());
                let learnt = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Box::pin(async move { start_of(&found, &home, learnt.as_deref()).await })
            })
        });
        let plugin = Self {
            folder: folder(&found, &home),
            found,
            home,
            supervisor: Arc::new(supervisor),
            learnt: kept,
            checking: tokio::sync::Mutex::default(),
            loading: Mutex::default(),
        };
        plugin.tell_needs();
        plugin
    }

    pub fn id(&self) -> &str {
        &self.found.id
    }

    /// What stands on disk.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Its last words.
    pub fn log(&self) -> &Arc<LogRing> {
        &self.supervisor.log
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn supervisor(&self) -> &Arc<Supervisor> {
        &self.supervisor
    }

    pub(crate) fn wire(&self) -> String {
        format!("plugin:{}", self.found.id)
    }

    /// What is known of it without running it.
    pub fn learnt(&self) -> Option<Arc<Learnt>> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of it; where nothing is, it is started and asked.
    pub async fn known(&self) -> Result<Arc<Learnt>, Error> {
        match self.learnt() {
            Some(learnt) => Ok(learnt),
            None => self.check().await,
        }
    }

    /// What is known of it, where it can answer. One that could not is looked at again: it may have been mended.
    async fn ready(&self) -> Result<Arc<Learnt>, Error> {
        // A plugin that says that its models changed is asked again.
        let changed = self.supervisor.running().is_some_and(|connection| connection.took_change());
        let known = self.learnt().filter(|learnt| learnt.outcome == Outcome::Ready && !changed);
        let learnt = match known {
            Some(learnt) => learnt,
            None => self.check().await?,
        };
        if learnt.outcome == Outcome::Ready { Ok(learnt) } else { Err(self.not_ready()) }
    }

    /// Starts it, asks what it has, and keeps that. A plugin that is broken is a result and not an error: an error
    /// is what keeps it from being looked at.
    pub async fn check(&self) -> Result<Arc<Learnt>, Error> {
        let _turn = self.checking.lock().await;
        *self.loading.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let learnt = self.look().await;
        *self.loading.lock().unwrap_or_else(PoisonError::into_inner) = false;
        let learnt = Arc::new(learnt);
        *self.learnt.lock().unwrap_or_else(PoisonError::into_inner) = Some(learnt.clone());
        // Without the cache it is only asked again.
        let _ = self.home.cache().write(&self.found, &learnt);
        self.tell_needs();
        Ok(learnt)
    }

    async fn look(&self) -> Learnt {
        if let Some(outcome) = self.cannot_run() {
            return Learnt::of(outcome);
        }
        let connection = match self.supervisor.start().await {
            Ok(connection) => connection,
            Err(no) => return Learnt::of(self.outcome_of(&no)),
        };
        match list(&connection).await {
            Ok(listed) => {
                let hello = connection.hello();
                Learnt::ready(self.id(), &hello, &listed)
            }
            Err(error) => Learnt::of(Outcome::Broken {
                reason: format!("it cannot list its models: {}", error.message()),
                at: None,
                help: error.hints().first().cloned(),
            }),
        }
    }

    /// What keeps it from being run at all, as far as its file tells.
    fn cannot_run(&self) -> Option<Outcome> {
        if self.found.untrusted {
            let parent = &self.found.folder;
            return Some(Outcome::NeedsSetup {
                missing: "your trust: it comes with this folder".into(),
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

    fn outcome_of(&self, no: &NoStart) -> Outcome {
        match &no.failure {
            Some(failure) => self.explained(Outcome::refused(failure)),
            None if no.error.kind() == ErrorKind::Setup => Outcome::NeedsSetup {
                missing: no.error.message().to_owned(),
                at: None,
                help: no.error.hints().first().cloned(),
            },
            None => Outcome::Broken {
                reason: no.error.message().to_owned(),
                at: None,
                help: no.error.hints().first().cloned(),
            },
        }
    }

    /// Where variables are missing, what to do about it: the plugin cannot know what the user has.
    fn explained(&self, outcome: Outcome) -> Outcome {
        let Outcome::NeedsSetup { missing, at, .. } = &outcome else { return outcome };
        let Some(variable) = self.found.env.iter().find(|name| missing.contains(name.as_str())) else {
            return outcome;
        };
        let grant = format!("consort plugins grant {} {variable}", shell_word(self.id()));
        let help = match self.home.env.get(variable) {
            Some(_) => grant,
            None => format!("export {variable}=..., then: {grant}"),
        };
        Outcome::NeedsSetup { missing: missing.clone(), at: at.clone(), help: Some(help) }
    }

    fn tell_needs(&self) {
        let Some(learnt) = self.learnt() else { return };
        let needs = learnt.models.iter().map(|known| (known.card.name.clone(), known.secrets.clone()));
        self.supervisor.set_needs(needs.collect());
    }

    /// The state of its row.
    pub fn state(&self) -> State {
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
            let allowed = granted.contains(name) || !self.home.owned.contains(name);
            let there =
                stored.contains(name) || known.env.iter().any(|name| self.home.env.get(name).is_some());
            allowed && there
        })
    }

    fn key_help(&self, known: &Known) -> String {
        let Some(name) = known.secrets.first() else { return String::new() };
        let granted = self.home.granted(&self.found.file);
        if self.home.owned.contains(name) && !granted.contains(name) {
            format!("consort plugins grant {} {name}", shell_word(self.id()))
        } else {
            format!("consort keys set {name}")
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

    /// The chat models that are known. A plugin that never ran is one model of its own name.
    pub(crate) fn models(self: &Arc<Self>) -> Vec<Arc<dyn Model>> {
        let model = |card: ModelCard| Arc::new(PluginModel::new(card, self.clone())) as Arc<dyn Model>;
        match self.learnt() {
            Some(learnt) if learnt.outcome == Outcome::Ready => {
                learnt.chat_models().map(|known| model(known.card.clone())).collect()
            }
            _ => self.unlearnt_cards().into_iter().map(model).collect(),
        }
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
        let known = self.learnt().filter(|learnt| learnt.outcome == Outcome::Ready);
        let card = if let Some(learnt) = known {
            let named = |card: &ModelCard| {
                card.name == name || card.id == name || card.aliases.iter().any(|alias| alias == name)
            };
            learnt.chat_models().find(|known| named(&known.card))?.card.clone()
        } else {
            let mut cards = self.unlearnt_cards().into_iter();
            let found = cards.find(|card| card.name == name || card.id == name);
            found.unwrap_or_else(|| ModelCard::new(self.id(), name))
        };
        Some(Arc::new(PluginModel::new(card, self.clone())))
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

    /// The model's name as the plugin knows it, and the schema of its options. A plugin that never ran is asked.
    pub(crate) async fn model_named(&self, name: &str) -> Result<(String, Option<Value>), Error> {
        let learnt = self.ready().await?;
        let named =
            |known: &&Known| known.card.name == name || known.card.aliases.iter().any(|alias| alias == name);
        // Asked for by the plugin's own name: the only model, or the first.
        let own = name == self.found.id;
        let known = learnt.chat_models().find(named).or_else(|| learnt.chat_models().next().filter(|_| own));
        if let Some(known) = known {
            let schema = known.card.options.as_ref().clone();
            return Ok((known.card.name.clone(), Some(schema).filter(|schema| !schema.is_null())));
        }
        let names: Vec<&str> = learnt.chat_models().map(|known| known.card.name.as_str()).collect();
        let error =
            Error::new(ErrorKind::ModelNotFound, format!("it has no model `{name}`")).provider(self.id());
        Err(if names.is_empty() { error } else { error.hint(format!("it has {}", names.join(", "))) })
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

    pub(crate) async fn counts_tokens(&self) -> bool {
        self.known().await.is_ok_and(|learnt| Capabilities::has(&learnt.capabilities.count_tokens))
    }

    /// What sort of plugin it is, in a word.
    pub fn sort(&self) -> &'static str {
        match &self.found.kind {
            Kind::Process { .. } => "protocol",
            Kind::Python { dialect } => dialect.word(),
            Kind::Package { .. } => "package",
            Kind::Unknown => "unknown",
        }
    }

    /// The package that it stands for.
    pub fn package(&self) -> Option<&str> {
        match &self.found.kind {
            Kind::Package { name } => Some(name),
            _ => None,
        }
    }

    /// The packages that its file asks for.
    pub fn wanted_packages(&self) -> Vec<String> {
        let mut packages = self.found.dependencies.clone();
        if self.found.kind == (Kind::Python { dialect: Dialect::Llm })
            && !packages.iter().any(|package| package.starts_with("llm"))
        {
            packages.insert(0, "llm".into());
        }
        packages
    }

    /// The environment variables that it reads.
    pub fn variables(&self) -> Vec<String> {
        let learnt = self.learnt();
        let mut all = self.found.env.clone();
        all.extend(learnt.iter().flat_map(|learnt| learnt.env.iter().cloned()));
        all.sort();
        all.dedup();
        all
    }

    /// What it was granted.
    pub fn granted(&self) -> BTreeSet<String> {
        self.home.granted(&self.found.file)
    }

    /// Forgets what was learnt of it: it is looked at anew.
    pub fn forget(&self) {
        self.home.cache().forget(&self.found);
        *self.learnt.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.supervisor.stop();
    }

    /// Its last words, also those of another process that ran it.
    pub fn kept_log(&self) -> Vec<String> {
        let own = self.supervisor.log.lines();
        if !own.is_empty() {
            return own;
        }
        let text = std::fs::read_to_string(self.home.log_file(self.id())).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Runs it in the foreground with its debugger.
    pub async fn debug_command(&self, prompt: &str) -> Result<Command, Error> {
        let start = start_of(&self.found, &self.home, self.learnt().as_deref()).await?;
        let mut command = start.launch.plain();
        command.arg("debug").env("LLM_RAISE_ERRORS", "1");
        let config = &start.config;
        for (flag, field) in [("--dialect", "dialect"), ("--file", "file"), ("--package", "package")] {
            if let Some(value) = config[field].as_str() {
                command.args([flag, value]);
            }
        }
        command.args(["--prompt", prompt]);
        Ok(command)
    }

    /// Runs `llm` in its own environment.
    pub async fn own_command(&self, arguments: &[String]) -> Result<Command, Error> {
        let program = Venv::of(&self.home.state, self.id()).program("llm").ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "it has no commands: it is no package of the `llm` ecosystem")
                .provider(self.id())
        })?;
        let start = start_of(&self.found, &self.home, self.learnt().as_deref()).await?;
        let mut launch = start.launch;
        launch.program = program;
        launch.arguments = arguments.iter().map(Into::into).collect();
        let mut command = launch.plain();
        command
            .env("LLM_USER_PATH", self.folder.join("llm"))
            .env("LLM_LOAD_PLUGINS", self.package().unwrap_or_default());
        Ok(command)
    }

    /// Whether its process answers, and how quickly.
    pub async fn ping(&self) -> Result<Duration, Error> {
        const LIMIT: Duration = Duration::from_secs(5);
        let connection = self.supervisor.connection().await?;
        let begun = Instant::now();
        connection.call::<Value>("ping", json!({}), LIMIT).await?;
        Ok(begun.elapsed())
    }

    /// The context of calls that nobody else makes one for: with the user's stored keys.
    pub(crate) fn context(&self) -> Context {
        self.home.context(None)
    }

    /// Whether it is written in Python.
    pub fn is_python(&self) -> bool {
        matches!(self.found.kind, Kind::Python { .. } | Kind::Package { .. })
    }
}

async fn list(connection: &Arc<Connection>) -> Result<ModelsResult, Error> {
    connection.call::<ModelsResult>("models/list", json!({}), LISTING).await
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

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plugin").field(&self.found.id).finish()
    }
}
