//! The house that the server serves: the user's models, plugins, keys and routes, live.
use super::live::Live;
use super::{rows, tools};
use crate::args::shown;
use crate::exit;
use crate::setup::{DEMO, Setup, find};
use consort_core::{
    BoxFuture, Context, Error, ErrorKind, Host, Model, ModelCard, RealtimeModel, Secret, State,
};
use consort_engine::Tools;
use consort_plugins::{Plugin, Plugins};
use consort_providers::TokioClock;
use consort_routes::Spender;
use consort_server::{FolderRow, House, KeyRow, LogLine, ModelRow, PluginList, PluginLog, Preset, ToolRow};
use consort_settings::Summaries;
use consort_store::ConversationId;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How often the user's files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How long an answer may take, all in all, where nobody says otherwise.
const DEADLINE: Duration = Duration::from_mins(30);

/// Tools that do not come in this time are not listed.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct LiveHouse {
    live: Mutex<Live>,
    revision: watch::Sender<u64>,
    /// Rings when the plugins that are followed are no longer those of the house.
    renewed: Notify,
    boxes: tools::Boxes,
}

impl LiveHouse {
    /// It must be made within the runtime: it looks at the user's files while it lives.
    pub(super) fn open(setup: Setup) -> Arc<Self> {
        let house = Arc::new(Self {
            live: Mutex::new(Live::open(setup)),
            revision: watch::Sender::new(1),
            renewed: Notify::new(),
            boxes: tools::Boxes::default(),
        });
        tokio::spawn(follow(Arc::downgrade(&house)));
        house
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Builds the host once more with what is known of the plugins.
    fn take_plugins(&self) {
        let plugins = {
            let mut live = self.live();
            live.plugins_changed();
            live.plugins.clone()
        };
        self.boxes.follow(&plugins);
        self.changed();
    }

    /// Reads everything anew. What runs goes on with what it has.
    fn read_again(&self) {
        let old = {
            let mut live = self.live();
            let new = live.again();
            std::mem::replace(&mut *live, new)
        };
        self.boxes.follow(&self.plugins_now());
        tokio::spawn(async move {
            old.plugins.end(DEADLINE).await;
            old.servers.stop().await;
        });
        self.renewed.notify_one();
        self.changed();
    }

    fn plugins_now(&self) -> Plugins {
        self.live().plugins.clone()
    }

    fn plugin(&self, name: &str) -> Result<Arc<Plugin>, Error> {
        let found = self.plugins_now().find(name);
        found.ok_or_else(|| exit::usage(format!("no plugin is named `{name}`")))
    }

    /// The plugin that a model's id names. One that nobody looked at yet has no models until it is asked.
    async fn looked_at(&self, id: &str) -> Option<Arc<Plugin>> {
        let plugin = self.plugins_now().find(id.split('/').next().unwrap_or(id))?;
        if plugin.learnt().is_none() {
            plugin.known().await;
            self.take_plugins();
        }
        Some(plugin)
    }

    fn host_and_id(&self, id: &str) -> (Arc<Host>, String) {
        let live = self.live();
        (live.host.clone(), live.setup.settings.resolve(id).to_owned())
    }

    /// A chat model that talks. Who sees a page may not know where the settings are.
    fn talking(&self, host: &Host, id: &str) -> Result<Arc<dyn RealtimeModel>, Error> {
        let live = self.live();
        live.setup.talking(host, id).map_err(|error| {
            if error.kind() != ErrorKind::Setup {
                return error;
            }
            let file = shown(&live.setup.folders.settings_file());
            error.hint(format!("the file is `{file}`; what is saved in it counts a moment later"))
        })
    }

    /// Ends the plugins and the tools' servers.
    pub(super) async fn close(&self) {
        let (plugins, servers) = {
            let live = self.live();
            (live.plugins.clone(), live.servers.clone())
        };
        plugins.end(Duration::from_secs(1)).await;
        servers.stop().await;
    }

    async fn all_tools(&self) -> Vec<tools::Offered> {
        let (plugins, servers) = {
            let live = self.live();
            (live.plugins.clone(), live.servers.clone())
        };
        tools::all(&plugins, &servers).await
    }
}

/// Follows the plugins and the user's files, as long as the house stands.
async fn follow(house: std::sync::Weak<LiveHouse>) {
    loop {
        let Some(now) = house.upgrade() else { return };
        let mut changes = now.plugins_now().changes();
        // What happened before it was listened to counts too.
        now.take_plugins();
        drop(now);
        while let Some(house) = house.upgrade() {
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    house.take_plugins();
                }
                () = house.renewed.notified() => break,
                () = tokio::time::sleep(LOOK) => {
                    if house.live().is_stale() {
                        house.read_again();
                    }
                }
            }
        }
    }
}

/// Why a plugin has no such model is said by the plugin.
fn why_not(plugin: Option<&Arc<Plugin>>, error: Error) -> Error {
    match plugin {
        Some(plugin) if plugin.state() != State::Ready => plugin.not_ready(),
        _ => error,
    }
}

impl House for LiveHouse {
    fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    fn models(&self) -> Vec<ModelRow> {
        let known = {
            let live = self.live();
            rows::Known {
                host: live.host.clone(),
                plugins: live.plugins.clone(),
                local: live.setup.local.clone(),
                routes: live.setup.routes.clone(),
            }
        };
        rows::models(&known)
    }

    fn model<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<dyn Model>, Error>> {
        Box::pin(async move {
            let plugin = self.looked_at(id).await;
            let (host, id) = self.host_and_id(id);
            let model = find(&host, &id).map_err(|error| why_not(plugin.as_ref(), error))?;
            let plugin = self
                .plugins_now()
                .find(&model.card().provider)
                .filter(|plugin| plugin.found().problem.is_none());
            match plugin {
                Some(plugin) => {
                    let model = plugin.model_for(model.card()).await?;
                    plugin.has_key_for(&model.card().name, &self.context()).await?;
                    Ok(model)
                }
                None => Ok(model),
            }
        })
    }

    fn realtime<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<dyn RealtimeModel>, Error>> {
        Box::pin(async move {
            let plugin = self.looked_at(id).await;
            let (host, id) = self.host_and_id(id);
            let found = match host.find_realtime(&id).await {
                // A chat model talks by the usual ears and voice.
                Err(error) if error.kind() == ErrorKind::Unsupported => self.talking(&host, &id),
                found => found,
            };
            found.map_err(|error| why_not(plugin.as_ref(), error))
        })
    }

    fn default_model(&self) -> String {
        let live = self.live();
        let chosen = live.setup.choose(&live.host, None);
        chosen.map_or_else(|_| DEMO.to_owned(), |chosen| chosen.model.card().id.clone())
    }

    fn set_default_model(&self, id: Option<&str>) -> Result<(), Error> {
        let mut live = self.live();
        consort_settings::set_default_model(&live.setup.folders, id)?;
        live.setup.settings.default_model = id.map(str::to_owned);
        // The change is known: nothing has to be read for it.
        live.note_files();
        drop(live);
        self.changed();
        Ok(())
    }

    fn context(&self) -> Context {
        self.live().setup.context(None, TokioClock).within(DEADLINE)
    }

    fn preset(&self, card: &ModelCard) -> Preset {
        let live = self.live();
        let settings = &live.setup.settings;
        let own = settings.models.get(&card.id);
        let model = || find(&live.host, &card.id).ok();
        let summariser = match &settings.context.summaries {
            Summaries::Never => None,
            Summaries::Always => model(),
            Summaries::WherePriced => model().filter(|_| card.price.is_some()),
            Summaries::By(name) => find(&live.host, settings.resolve(name)).ok(),
        };
        Preset {
            options: own.map(|own| own.options.clone()).unwrap_or_default(),
            window: settings.context.window,
            summariser,
        }
    }

    fn plugins(&self) -> PluginList {
        let rows: Vec<_> = self.plugins_now().rows().iter().map(rows::plugin).collect();
        let mut folders: BTreeMap<String, bool> = BTreeMap::new();
        folders.insert(shown(&self.live().setup.folders.plugins_dir()), true);
        folders.extend(rows.iter().map(|row| (row.folder.clone(), row.trusted)));
        let folders = folders.into_iter().map(|(path, trusted)| FolderRow { path, trusted }).collect();
        PluginList { folders, rows }
    }

    fn reload<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let plugin = self.plugin(plugin)?;
            let plugins = self.plugins_now();
            plugin.forget();
            self.changed();
            tokio::spawn(async move { plugins.check(plugin).await });
            Ok(())
        })
    }

    fn log(&self, plugin: &str, lines: usize) -> Result<PluginLog, Error> {
        let all = self.plugin(plugin)?.kept_log();
        let first = all.len().saturating_sub(lines);
        let lines = all.into_iter().skip(first).map(|line| LogLine {
            at: line.at.map(rows::millis),
            stream: line.by.as_str().to_owned(),
            text: line.text,
        });
        Ok(PluginLog { lines: lines.collect(), truncated: first > 0 })
    }

    fn trust<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let plugin = self.plugin(plugin)?;
            if let Some(folder) = plugin.found().file.parent() {
                let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
                self.plugins_now().allowed().trust(&folder)?;
            }
            self.read_again();
            Ok(())
        })
    }

    fn grant<'a>(&'a self, plugin: &'a str, keys: Vec<String>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let plugin = self.plugin(plugin)?;
            let plugins = self.plugins_now();
            for old in plugin.granted().iter().filter(|old| !keys.contains(old)) {
                plugins.allowed().revoke(plugin.found(), old)?;
            }
            for key in &keys {
                plugins.allowed().grant(plugin.found(), key)?;
            }
            plugin.renew();
            // By other grants it is another version: the old one answers until that was looked at.
            plugins.rescan();
            Ok(())
        })
    }

    fn keys(&self) -> Vec<KeyRow> {
        let live = self.live();
        let stored = live.setup.keys.names().unwrap_or_default();
        let mut rows: BTreeMap<String, KeyRow> = BTreeMap::new();
        for provider in live.host.providers() {
            for key in provider.card().keys.iter().filter(|key| key.secret) {
                let row = rows.entry(key.name.clone()).or_insert_with(|| KeyRow {
                    name: key.name.clone(),
                    from: None,
                    env: key.env.clone(),
                    help: key.help.clone(),
                    required: key.required,
                    used_by: Vec::new(),
                });
                row.used_by.push(provider.card().id.clone());
                row.from = if stored.contains(&key.name) {
                    Some("stored".to_owned())
                } else if key.env.iter().any(|name| live.setup.env.get(name).is_some()) {
                    Some("environment".to_owned())
                } else if key.command.is_empty() {
                    None
                } else {
                    Some("command".to_owned())
                };
            }
        }
        for name in stored {
            rows.entry(name.clone()).or_insert_with(|| KeyRow {
                name,
                from: Some("stored".to_owned()),
                env: Vec::new(),
                help: String::new(),
                required: false,
                used_by: Vec::new(),
            });
        }
        rows.into_values().collect()
    }

    fn set_key(&self, name: &str, value: &str, plugin: Option<&str>) -> Result<(), Error> {
        let blank = |text: &str| text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
        if name.is_empty() || blank(name) || blank(value) {
            return Err(exit::usage(
                "a key and its name have no blanks and no line breaks; nothing was stored",
            ));
        }
        self.live().setup.keys.set(name, &Secret::new(value))?;
        if let Some(plugin) = plugin {
            let plugin = self.plugin(plugin)?;
            self.plugins_now().allowed().grant(plugin.found(), name)?;
            plugin.renew();
        }
        self.read_again();
        Ok(())
    }

    fn forget_key(&self, name: &str) -> Result<(), Error> {
        if !self.live().setup.keys.remove(name)? {
            return Err(exit::usage(format!("no key named `{name}` is stored")));
        }
        self.read_again();
        Ok(())
    }

    fn routes(&self) -> BoxFuture<'_, Vec<Value>> {
        let (all, ledger) = {
            let live = self.live();
            let (registry, ledger) = &live.setup.route_memory;
            let routes = live.setup.routes.iter().flat_map(|routes| routes.rows());
            let row = |row| (rows::route(row, &live.host, registry), rows::budget(row));
            (routes.map(row).collect::<Vec<_>>(), ledger.clone())
        };
        Box::pin(async move {
            let mut done = Vec::with_capacity(all.len());
            for (mut row, budget) in all {
                // What cannot be read is not known.
                if let Some(budget) = budget
                    && let Ok(spent) = ledger.spent(Spender::All, budget.period).await
                {
                    row["budget"] = rows::spent(&budget, spent);
                }
                done.push(row);
            }
            done
        })
    }

    fn tools(&self) -> BoxFuture<'_, Vec<ToolRow>> {
        Box::pin(async { self.all_tools().await.into_iter().map(tools::Offered::row).collect() })
    }

    fn toolset<'a>(
        &'a self,
        names: &'a [String],
        conversation: ConversationId,
    ) -> BoxFuture<'a, Result<Tools, Error>> {
        Box::pin(async move {
            if names.is_empty() {
                return Ok(Tools::default());
            }
            tools::named(names, &self.all_tools().await, conversation, &self.boxes).await
        })
    }
}
