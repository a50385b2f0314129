//! What a chat is made of: the engine, the model that answers, and the conversation that goes on.
use super::names::ModelNames;
use crate::args::Chat;
use crate::engine::Told;
use crate::exit;
use crate::kept;
use crate::seek::seek;
use crate::setup::{Setup, cards};
use crate::stamps::Stamps;
use crate::stop::wait_for;
use crate::terminal::{Signs, Style};
use crate::tools;
use consort_core::{
    Error, Host, Media, Model, ModelCard, ModelKind, Object, Part, Provider, ProviderCard, Request, State,
};
use consort_engine::Tools;
use consort_plugins::Watching;
use consort_store::{ConversationChange, ConversationId, MemoryStore, SqliteStore, Store, TurnId};
use serde_json::Value;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub(super) struct Session {
    pub(super) setup: Setup,
    pub(super) runtime: Runtime,
    pub(super) told: Told,
    /// Whether what is said is kept after the chat.
    pub(super) keeps: bool,
    pub(super) model: Arc<dyn Model>,
    pub(super) system: Option<String>,
    pub(super) options: Object,
    pub(super) tools: Tools,
    pub(super) approve: bool,
    pub(super) key: Option<String>,
    /// The conversation, once something was said in it.
    pub(super) conversation: Option<ConversationId>,
    /// The turn that the next one follows.
    pub(super) tip: Option<TurnId>,
    /// What goes with the next message.
    pub(super) attached: Vec<Media>,
    pub(super) names: ModelNames,
    pub(super) host: Host,
    fallback: bool,
    pub(super) changes: Option<watch::Receiver<u64>>,
    watching: Option<Watching>,
    /// When the user's files were changed last, as far as the chat knows.
    pub(super) seen: Stamps,
}

impl Session {
    pub(super) fn open(args: &Chat, mut setup: Setup) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| exit::usage(format!("the runtime cannot start: {error}")))?;
        if args.no_log {
            setup.without_log();
        }
        let host = setup.host();
        let _ = setup.tell_problems();
        let (store, keeps) = store(&setup);
        let before = match (&args.cid, args.go_on) {
            (Some(id), _) => Some(kept::find(store.as_ref(), id)?),
            (None, true) => kept::newest(store.as_ref())?,
            (None, false) => None,
        };
        let settings = before.as_ref().map(|found| found.settings.clone()).unwrap_or_default();
        let text = |name: &str| settings.get(name).and_then(Value::as_str).map(str::to_owned);
        let named = args.model.clone().or_else(|| text("model"));
        let (model, host, fallback) = choose(&mut setup, host, named.as_deref(), &runtime)?;
        let mut options = model_options(&setup, model.as_ref());
        if text("model").as_deref() == Some(&model.card().id) {
            options.extend(settings.get("options").and_then(Value::as_object).cloned().unwrap_or_default());
        }
        let tools = tools::named(&args.tool, args.approve, &setup, &runtime)?;
        let told = runtime.block_on(async { Told::start(store, &setup) });
        let seen = Stamps::of(&setup);
        let mut session = Self {
            told,
            keeps,
            system: args.system.clone().or_else(|| text("system")),
            options,
            tools,
            approve: args.approve,
            key: args.key.clone(),
            conversation: before.as_ref().map(|found| found.id),
            tip: before.as_ref().and_then(|found| found.tip),
            attached: Vec::new(),
            names: ModelNames::default(),
            fallback,
            changes: None,
            watching: None,
            seen,
            model,
            host,
            setup,
            runtime,
        };
        session.watch();
        Ok(session)
    }

    /// Follows the plugins: those that nobody looked at yet are looked at while the user types, and those that change
    /// later too.
    fn watch(&mut self) {
        let plugins = self.setup.plugins.clone();
        self.names.set(&self.host, self.setup.settings.aliases.keys().cloned(), plugins.clone());
        let Some(plugins) = plugins else { return };
        let _guard = self.runtime.enter();
        self.changes = Some(plugins.changes());
        self.watching = Some(plugins.watch());
        self.runtime.spawn(async move { plugins.check_all().await });
    }

    /// Goes on without a place to keep things: nothing that was said is lost while the chat lasts.
    pub(super) fn forget_log(&mut self) {
        let memory = Arc::new(MemoryStore::new());
        let known =
            self.conversation.and_then(|id| pollster::block_on(self.store().conversation(id)).ok()?);
        if let Some(mut known) = known {
            known.tip = self.tip;
            // What cannot be read any more is not there.
            let _ = kept::copy(self.store().as_ref(), memory.as_ref(), &known);
        } else {
            (self.conversation, self.tip) = (None, None);
        }
        self.keeps = false;
        self.told = self.runtime.block_on(async { Told::start(memory, &self.setup) });
    }

    pub(super) fn signs(&self) -> Signs {
        self.setup.signs
    }

    /// Where prompts are remembered, unless nothing is to be kept.
    pub(super) fn history_file(&self) -> Option<PathBuf> {
        self.keeps.then(|| self.setup.folders.data.join("history"))
    }

    pub(super) fn greet(&self) -> io::Result<()> {
        let mut to = anstream::stderr().lock();
        let version = env!("CARGO_PKG_VERSION");
        let dot = self.signs().dot;
        writeln!(to, "{} {version} {dot} /help for commands, Ctrl+D to leave", Style::Bold.paint("consort"))?;
        let (ready, waiting) = self.counts();
        let line = format!("{ready} models ready {dot} {waiting} providers wait for a key");
        writeln!(to, "{}", Style::Dim.paint(line))?;
        if self.fallback {
            let note = "note: no key is set up, so the demo model answers; `consort doctor` says what to do";
            writeln!(to, "{}", Style::Dim.paint(note))?;
        }
        if !self.keeps {
            writeln!(to, "{}", Style::Dim.paint("note: this conversation is not kept"))?;
        }
        Ok(())
    }

    /// How many models can be used, and how many providers wait for a key.
    fn counts(&self) -> (usize, usize) {
        let is_ready = |(card, provider): &(ModelCard, ProviderCard)| {
            card.kind == ModelKind::Chat && provider.state == State::Ready
        };
        let waits = |provider: &&Arc<dyn Provider>| matches!(provider.card().state, State::NeedsSetup { .. });
        let ready = cards(&self.host).iter().filter(|one| is_ready(one)).count();
        (ready, self.host.providers().iter().filter(waits).count())
    }

    /// Lets another model answer.
    pub(super) fn set_model(&mut self, name: &str) -> Result<(), Error> {
        self.refresh();
        let (model, host, _) = choose(&mut self.setup, self.host.clone(), Some(name), &self.runtime)?;
        self.host = host;
        // Looking for a name may have opened the folders anew.
        self.watch();
        if model.card().id != self.model.card().id {
            // Options are the model's own.
            self.options = model_options(&self.setup, model.as_ref());
        }
        self.model = model;
        self.keep_settings()
    }

    /// What each request is made from.
    pub(super) fn request(&self) -> Request {
        let mut request = Request::new(Vec::new());
        request.options.clone_from(&self.options);
        request.instructions = self.system.iter().map(|text| Part::text(text.as_str())).collect();
        request
    }

    pub(super) fn settings(&self) -> Object {
        kept::settings(&self.model.card().id, &self.request())
    }

    /// Keeps with which model and instructions the conversation goes on.
    pub(super) fn keep_settings(&self) -> Result<(), Error> {
        let Some(id) = self.conversation else { return Ok(()) };
        let store = self.store();
        loop {
            let Some(now) = pollster::block_on(store.conversation(id))? else { return Ok(()) };
            let mut settings = now.settings;
            // What the chat does not know of stays: the page keeps more in there.
            settings.retain(|name, _| !["model", "system", "options"].contains(&name.as_str()));
            settings.extend(self.settings());
            let from = Some(now.revision);
            let change =
                ConversationChange { settings: Some(settings), from, ..ConversationChange::default() };
            // Where it is not taken, somebody else's came first.
            if pollster::block_on(store.change(id, change))? {
                return Ok(());
            }
        }
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        self.told.engine.store()
    }

    /// The model that writes summaries.
    pub(super) fn summariser(&mut self) -> Option<Arc<dyn Model>> {
        use consort_settings::Summaries;
        match self.setup.settings.context.summaries.clone() {
            Summaries::Never => None,
            Summaries::Always => Some(self.model.clone()),
            Summaries::WherePriced => Some(self.model.clone()).filter(|model| model.card().price.is_some()),
            // One that is not there writes none, and the chat goes on.
            Summaries::By(name) => {
                let host = self.host.clone();
                choose(&mut self.setup, host, Some(&name), &self.runtime).ok().map(|(model, ..)| model)
            }
        }
    }

    pub(super) fn close(self) {
        let Self { setup, runtime, told, .. } = self;
        runtime.block_on(told.finish());
        setup.end_plugins(&runtime);
        runtime.shutdown_background();
    }
}

/// Where the conversation is kept. A database that cannot be used is told, and the chat goes on without.
fn store(setup: &Setup) -> (Arc<dyn Store>, bool) {
    if !setup.settings.keeps_log() {
        return (Arc::new(MemoryStore::new()), false);
    }
    match SqliteStore::open(kept::database(setup)) {
        Ok(store) => (Arc::new(store), true),
        Err(error) => {
            // Where stderr is closed, nobody is left to tell.
            let _ = exit::tell(&error);
            (Arc::new(MemoryStore::new()), false)
        }
    }
}

fn model_options(setup: &Setup, model: &dyn Model) -> Object {
    setup.settings.models.get(&model.card().id).map(|model| model.options.clone()).unwrap_or_default()
}

/// The model of a name, or the one that answers where none is named.
fn choose(
    setup: &mut Setup,
    host: Host,
    named: Option<&str>,
    runtime: &Runtime,
) -> Result<(Arc<dyn Model>, Host, bool), Error> {
    let name =
        named.or(setup.settings.default_model.as_deref()).map(|name| setup.settings.resolve(name).to_owned());
    let (chosen, host) =
        seek(setup, host, name.as_deref(), Some(runtime), None, |setup, host| setup.choose(host, named))?;
    let model = match setup.plugin_of(chosen.model.card()) {
        Some(plugin) => wait_for(runtime, plugin.model_for(chosen.model.card()))?,
        None => chosen.model,
    };
    Ok((model, host, chosen.fallback))
}
