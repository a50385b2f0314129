//! What every command starts from: the user's files, and the providers that they make.
use crate::exit;
use crate::kept::{self, Spending};
use crate::local::LocalServers;
use crate::terminal::{Signs, Style};
use consort_core::{
    Clock, Context, Error, ErrorKind, Host, Model, ModelCard, Provider, ProviderCard, Secret, State,
};
use consort_mcp::McpServers;
use consort_plugins::{Plugins, is_clause, shell_word};
use consort_providers::{Catalogue, DemoProvider, HostedProvider, KeyChain, TokioClock};
use consort_realtime::configured::VoiceProvider;
use consort_realtime::link::LiveProvider;
use consort_realtime::record::Recorder;
use consort_routes::{Ledger, PROVIDER, Registry, RouteProvider};
use consort_settings::{Env, Folders, KeyStore, Problem, Settings};
use std::cell::OnceCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// The user's files, read.
pub(crate) struct Setup {
    pub(crate) env: Env,
    pub(crate) folders: Folders,
    pub(crate) settings: Settings,
    pub(crate) keys: KeyStore,
    pub(crate) signs: Signs,
    pub(crate) problems: Vec<Problem>,
    /// Folders of plugins from the command line.
    pub(crate) plugin_flags: Vec<PathBuf>,
    /// Providers that the program was built with, beside ours.
    pub(crate) own: Vec<Arc<dyn Provider>>,
    pub(crate) plugins: Option<Plugins>,
    /// The providers that are no plugins, as they were read last.
    providers: Vec<Arc<dyn Provider>>,
    /// What routes remember and what they spent, across new readings of the settings.
    pub(crate) route_memory: (Registry, Arc<dyn Ledger>),
    /// The routes of the settings, over the providers that were found last.
    pub(crate) routes: Option<Arc<RouteProvider>>,
    /// The hosted providers that were read last, and the voices over them and the models that were found last.
    pub(crate) hosted: Vec<Arc<HostedProvider>>,
    pub(crate) voices: Option<Arc<VoiceProvider>>,
    /// The MCP servers, once one is wanted.
    pub(crate) mcp: OnceCell<McpServers>,
    /// Those of the catalogue that was read last.
    pub(crate) local: LocalServers,
    /// Keeps what live sessions send over the network.
    pub(crate) recorder: Option<Arc<Recorder>>,
}

/// The id of the model that needs nothing.
pub(crate) const DEMO: &str = "demo";

/// Which model answers, and why.
pub(crate) struct Chosen {
    pub(crate) model: Arc<dyn Model>,
    /// Whether nothing better was found: the user is told.
    pub(crate) fallback: bool,
}

impl Setup {
    pub(crate) fn read(plugin_flags: Vec<PathBuf>, own: Vec<Arc<dyn Provider>>) -> Self {
        let env = Env::process();
        let folders = Folders::find(&env);
        let (settings, mut problems) = Settings::load(&folders, &env);
        let spending = Spending::new(kept::database_in(&folders), settings.keeps_log());
        let keys = KeyStore::of(&folders);
        problems.extend(keys.secure());
        Self {
            signs: Signs::of(&env),
            env,
            folders,
            settings,
            keys,
            problems,
            plugin_flags,
            own,
            plugins: None,
            providers: Vec::new(),
            route_memory: (Registry::default(), Arc::new(spending)),
            routes: None,
            hosted: Vec::new(),
            voices: None,
            mcp: OnceCell::new(),
            local: LocalServers::default(),
            recorder: None,
        }
    }

    /// The user's files once more. Where nothing was to be kept, that holds as long as the program does.
    pub(crate) fn again(&self) -> Self {
        let mut setup = Self::read(self.plugin_flags.clone(), self.own.clone());
        if !self.settings.keeps_log() {
            setup.without_log();
        }
        setup.route_memory = self.route_memory.clone();
        setup.recorder.clone_from(&self.recorder);
        setup
    }

    /// The user's files once more, beside the plugins and MCP servers that run already.
    pub(crate) fn read_again(&mut self) -> Host {
        let mut setup = self.again();
        setup.providers = setup.catalogue();
        setup.plugins = self.plugins.take();
        setup.mcp = std::mem::take(&mut self.mcp);
        *self = setup;
        self.host_now()
    }

    /// Keeps nothing, as `log = false` does: plugins keep nothing either, and budgets need no database.
    pub(crate) fn without_log(&mut self) {
        self.settings.log = Some(false);
        self.route_memory.1 = Arc::new(Spending::new(kept::database(self), false));
    }

    /// All providers. This reads files and uses neither network nor keys.
    pub(crate) fn host(&mut self) -> Host {
        let providers = self.catalogue();
        let plugins = self.plugins_beside(&providers);
        self.providers = providers;
        self.plugins = Some(plugins);
        let host = self.host_now();
        self.note_voices();
        host
    }

    /// The same providers, with the plugins as they are now.
    pub(crate) fn host_now(&mut self) -> Host {
        let providers = self.providers.clone();
        match self.plugins.clone() {
            Some(plugins) => self.host_of(&providers, &plugins),
            None => self.host(),
        }
    }

    /// The providers that are no plugins.
    pub(crate) fn catalogue(&mut self) -> Vec<Arc<dyn Provider>> {
        let catalogue = Catalogue::load(&self.folders, &self.env, &self.settings);
        self.local = LocalServers::new(&catalogue.local_servers(), self.folders.data.join("models/looked"));
        self.hosted = catalogue.hosted().to_vec();
        self.problems.extend(catalogue.problems);
        self.problems.extend(self.keys.problem());
        let live = |hosted| {
            let provider = LiveProvider::new(hosted);
            Arc::new(match &self.recorder {
                Some(recorder) => provider.recording(recorder.clone()),
                None => provider,
            }) as Arc<dyn Provider>
        };
        self.hosted.iter().cloned().map(live).collect()
    }

    /// These providers and plugins as they are now, with the user's aliases and routes over them.
    pub(crate) fn host_of(&mut self, providers: &[Arc<dyn Provider>], plugins: &Plugins) -> Host {
        let mut host = Host::new().provider(DemoProvider::new());
        for provider in self.own.iter().chain(providers) {
            host.add(provider.clone());
        }
        for provider in plugins.providers() {
            host.add(provider);
        }
        for (alias, id) in &self.settings.aliases {
            host.alias(alias, id);
        }
        if !self.settings.routes.is_empty() {
            let routes = Arc::new(self.read_routes(&host));
            host.add(routes.clone());
            self.routes = Some(routes);
        }
        let voices = Arc::new(self.read_voices(&host));
        if !voices.rows().is_empty() {
            host.add(voices.clone());
        }
        self.voices = Some(voices);
        host
    }

    /// The routes of the settings over these providers.
    fn read_routes(&self, host: &Host) -> RouteProvider {
        let resolve = |name: &str| find(host, self.settings.resolve(name));
        RouteProvider::load(&self.settings.routes, &resolve, &self.route_memory.0, &self.route_memory.1)
    }

    /// All providers once more, with what is known of the plugins by now.
    pub(crate) fn host_again(&mut self) -> Host {
        // What is wrong was told already.
        let told = std::mem::take(&mut self.problems);
        let host = self.host();
        self.problems = told;
        host
    }

    /// Tells what is wrong in the user's files.
    pub(crate) fn tell_problems(&self) -> io::Result<()> {
        let mut to = anstream::stderr().lock();
        for problem in &self.problems {
            writeln!(to, "{} {problem}", Style::Warning.paint("warning:"))?;
            if let Some(help) = &problem.help {
                writeln!(to, "  {} {help}", Style::Help.paint("help:"))?;
            }
        }
        Ok(())
    }

    /// The context of a call that must end in time.
    pub(crate) fn context(&self, key: Option<&str>, clock: TokioClock) -> Context {
        let chain = KeyChain::new(key.map(Secret::new), self.keys.clone(), self.env.clone());
        let clock: Arc<dyn Clock> = Arc::new(clock);
        Context::new(clock, Arc::new(chain))
    }

    /// Says that a provider or a route is missing because its description is broken, where that is so, or that a plugin may
    /// not have the name that it was given.
    pub(crate) fn explain(&self, error: Error, name: &str) -> Error {
        if let Some(broken) = self.broken_voice(name) {
            return broken;
        }
        let route = name.strip_prefix(PROVIDER).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
        let row = self.routes.as_ref().and_then(|routes| routes.row(route));
        if let Some(problem) = row.and_then(|row| row.problems.first()) {
            return Error::new(ErrorKind::ModelNotFound, format!("the route `{route}` is broken"))
                .hint(format!("mend {problem}"))
                .hint(format!("`consort routes show {route}` says more"));
        }
        let id = name.split('/').next().unwrap_or_default();
        let plugin = self.plugins.as_ref().and_then(|plugins| plugins.find(id));
        if let Some(plugin) = plugin.filter(|_| error.kind() == ErrorKind::ModelNotFound) {
            if let Some(problem) = &plugin.found().problem {
                return error.hint(format!("mend the plugin: {problem}"));
            }
            if plugin.learnt().is_some_and(|learnt| learnt.models.is_empty()) {
                let word = shell_word(id);
                return error
                    .hint(format!("the plugin `{id}` brings no models: consort plugins check {word}"));
            }
        }
        let section = format!("[providers.{id}]");
        let is_its = |problem: &&Problem| {
            problem.file.file_stem().is_some_and(|stem| stem == id) || problem.message.starts_with(&section)
        };
        match self.problems.iter().find(is_its) {
            Some(problem) => Error::new(ErrorKind::Setup, format!("the provider `{id}` did not load"))
                .hint(format!("mend {problem}")),
            None => error,
        }
    }

    /// The model that was named; else the default one; else the first that can be used; else the demo.
    pub(crate) fn choose(&self, host: &Host, named: Option<&str>) -> Result<Chosen, Error> {
        if let Some(name) = named.or(self.settings.default_model.as_deref()) {
            let name = self.settings.resolve(name);
            let model = find(host, name).map_err(|error| {
                let error = self.explain(error, name);
                match (named, self.env.get("CONSORT_MODEL")) {
                    (Some(_), _) => error,
                    (None, Some(_)) => error.hint("the name comes from the variable CONSORT_MODEL"),
                    (None, None) => {
                        error.hint("it is the default model: `consort models default ID` sets another")
                    }
                }
            })?;
            return Ok(Chosen { model, fallback: false });
        }
        match first_with_key(host) {
            Some(model) => Ok(Chosen { model, fallback: false }),
            None => Ok(Chosen { model: find(host, DEMO)?, fallback: true }),
        }
    }
}

/// The first model, in the order of `consort providers`, of a provider that needs a key and has one.
fn first_with_key(host: &Host) -> Option<Arc<dyn Model>> {
    let mut with_key = host.providers().iter().filter(|provider| {
        let card = provider.card();
        card.state == State::Ready && card.keys.iter().any(|key| key.required)
    });
    with_key.find_map(|provider| pollster::block_on(provider.models()).ok()?.into_iter().next())
}

/// The model of an id, alias or name.
pub(crate) fn find(host: &Host, wanted: &str) -> Result<Arc<dyn Model>, Error> {
    // A name under its provider, or a provider that is one model, needs no search through all the lists.
    let (provider, name) = wanted.split_once('/').unwrap_or((wanted, wanted));
    let named = host.provider_by_id(provider).and_then(|provider| provider.model(name));
    if let Some(model) = named.filter(|model| wanted.contains('/') || model.card().id == wanted) {
        return Ok(model);
    }
    pollster::block_on(host.find(wanted)).map_err(|error| match error.kind() {
        ErrorKind::ModelNotFound => error.hint("`consort models` lists the models"),
        _ => error,
    })
}

/// The cards of all models, of every kind, each with its provider's.
pub(crate) fn cards(host: &Host) -> Vec<(ModelCard, ProviderCard)> {
    let mut all = Vec::new();
    for provider in host.providers() {
        let card = provider.card();
        let models = pollster::block_on(provider.models()).unwrap_or_default();
        all.extend(models.iter().map(|model| (model.card().clone(), card.clone())));
        all.extend(provider.embedders().iter().map(|embedder| (embedder.card().clone(), card.clone())));
        all.extend(provider.realtime_models().iter().map(|model| (model.card().clone(), card.clone())));
    }
    all
}

/// A runtime for the commands that use the network.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Setup, format!("the runtime cannot start: {error}")))
}

/// A runtime for a server: as many threads as the machine has cores.
pub(crate) fn runtime_of_many() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Setup, format!("the runtime cannot start: {error}")))
}

/// What a provider still needs, in few words.
pub(crate) fn state_words(state: &State) -> String {
    match state {
        State::NeedsSetup { missing } if is_clause(missing) => format!("needs setup: {missing}"),
        State::NeedsSetup { missing } => format!("needs {missing}"),
        State::Broken { reason } => format!("broken: {reason}"),
        State::Missing { reason } => format!("missing: {reason}"),
        State::Ready | State::Unchecked | State::Loading => state.word().to_owned(),
    }
}

/// What is wrong, for the last column of a table; empty where nothing is.
pub(crate) fn what_is_wrong(state: &State) -> String {
    match state {
        State::NeedsSetup { missing } => missing.clone(),
        State::Broken { reason } | State::Missing { reason } => reason.clone(),
        State::Ready | State::Unchecked | State::Loading => String::new(),
    }
}

/// The same in a word or two, for tables: of several things that would do, the first.
pub(crate) fn state_short(state: &State) -> String {
    match state {
        State::NeedsSetup { missing } if !is_clause(missing) => {
            format!("needs {}", missing.split(" or ").next().unwrap_or_default().trim_end_matches(','))
        }
        other => other.word().to_owned(),
    }
}

/// An error about a provider that is not there.
pub(crate) fn no_provider(host: &Host, wanted: &str) -> Error {
    let error = exit::usage(format!("no provider is named `{wanted}`"));
    let near = host
        .providers()
        .iter()
        .map(|provider| provider.card().id.as_str())
        .filter(|id| strsim::damerau_levenshtein(id, wanted) <= 2)
        .min_by_key(|id| strsim::damerau_levenshtein(id, wanted));
    let error = match near {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    };
    error.hint("`consort providers` lists them")
}
