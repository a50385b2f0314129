//! The user's plugins, beside the providers: found, looked at again, and ended.
use crate::kept;
use crate::setup::{DEMO, Setup};
use crate::terminal::Style;
use consort_core::{ModelCard, Provider, State};
use consort_mcp::McpServers;
use consort_plugins::found::{self, Folder, Origin, StateFile};
use consort_plugins::{Home, Plugin, Plugins};
use consort_providers::Catalogue;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

impl Setup {
    /// Starts the plugins that nobody looked at yet, and says whether there were any. The list of the one that a name
    /// begins with may have grown since it was looked at, and so may those that were empty. After `limit`, those that are not
    /// done are ended.
    pub(crate) fn check_plugins(
        &self,
        name: Option<&str>,
        runtime: &Runtime,
        limit: Option<Duration>,
    ) -> bool {
        let Some(plugins) = &self.plugins else { return false };
        let owner = name.map(|name| name.split_once('/').map_or(name, |(owner, _)| owner));
        if let Some(owner) = owner {
            for row in plugins.rows().into_iter().filter(|row| row.state == State::Ready) {
                let empty = row.plugin.learnt().is_some_and(|learnt| {
                    learnt.models.is_empty() && learnt.beside_models(row.plugin.id()).is_empty()
                });
                if empty || owner == row.plugin.id() {
                    row.plugin.forget();
                }
            }
        }
        if !plugins.rows().iter().any(|row| row.state == State::Unchecked) {
            return false;
        }
        runtime.block_on(async {
            let all = async {
                plugins.check_all().await;
                // One that is meant and has nothing yet may have it in a moment.
                if let Some(plugin) = owner.and_then(|owner| plugins.find(owner)) {
                    plugin.listed_late().await;
                }
            };
            match limit {
                // What is known by then is what there is.
                Some(limit) => drop(tokio::time::timeout(limit, all).await),
                None => all.await,
            }
        });
        true
    }

    /// Starts the plugin that a name begins with, where nobody looked at it yet: what its models are, it alone knows.
    pub(crate) fn look_at(&self, name: &str, runtime: &Runtime) -> bool {
        let id = name.split('/').next().unwrap_or(name);
        let plugin = self.plugins.as_ref().and_then(|plugins| plugins.find(id));
        let Some(plugin) = plugin.filter(|plugin| plugin.learnt().is_none()) else { return false };
        runtime.block_on(plugin.known());
        true
    }

    /// Lets the plugins that ran end in order, for a moment.
    pub(crate) fn end_plugins(&self, runtime: &Runtime) {
        const MOMENT: Duration = Duration::from_millis(500);
        if let Some(plugins) = &self.plugins {
            runtime.block_on(plugins.end(MOMENT));
        }
        if let Some(servers) = self.mcp.get() {
            runtime.block_on(servers.stop());
        }
    }

    /// The MCP servers that the settings describe. None is started before it is asked for something.
    pub(crate) fn mcp_servers(&self) -> &McpServers {
        self.mcp.get_or_init(|| {
            let (servers, problems) =
                McpServers::from_settings(&self.settings, &self.folders, &self.env, &self.keys);
            for problem in problems {
                // Where stderr is closed, nobody is left to tell.
                let _ = writeln!(anstream::stderr(), "{} {problem}", Style::Warning.paint("warning:"));
            }
            servers
        })
    }

    /// The plugin that a model is of.
    pub(crate) fn plugin_of(&self, card: &ModelCard) -> Option<Arc<Plugin>> {
        // One that has a provider's name is not the provider.
        self.plugins.as_ref()?.find(&card.provider).filter(|plugin| plugin.found().problem.is_none())
    }

    /// Whether this stands for a plugin that never ran: what it brings is not known.
    pub(crate) fn is_unchecked(&self, card: &ModelCard) -> bool {
        self.plugin_of(card).is_some_and(|plugin| plugin.state() == State::Unchecked)
    }

    /// The models of providers that are set up and have this name too: a plugin's own name comes before theirs, and
    /// nobody shall wonder who answered.
    pub(crate) fn namesakes(providers: &[Arc<dyn Provider>], plugin: &str) -> Option<String> {
        let others = providers
            .iter()
            .filter(|provider| provider.card().state == State::Ready && provider.card().id != plugin);
        let ids: Vec<String> = others
            .flat_map(|provider| pollster::block_on(provider.models()).unwrap_or_default())
            .filter(|model| model.card().name == plugin)
            .map(|model| format!("`{}`", model.card().id))
            .collect();
        (!ids.is_empty())
            .then(|| format!("`{plugin}` means the plugin of that name, and not {}", ids.join(" or ")))
    }

    /// The same among the providers that are no plugins; and the aliases of its models that come behind a name of theirs.
    pub(crate) fn namesakes_of(&self, plugin: &Plugin) -> Vec<String> {
        let catalogue = Catalogue::load(&self.folders, &self.env, &self.settings);
        let mut notes = Vec::from_iter(Self::namesakes(&catalogue.providers, plugin.id()));
        let ready = catalogue.providers.iter().filter(|provider| provider.card().state == State::Ready);
        let named: BTreeMap<String, String> = ready
            .flat_map(|provider| pollster::block_on(provider.models()).unwrap_or_default())
            .map(|model| (model.card().name.clone(), model.card().id.clone()))
            .collect();
        for known in plugin.learnt().iter().flat_map(|learnt| &learnt.models) {
            let (id, name) = (&known.card.id, &known.card.name);
            let aliases = known.card.aliases.iter().filter(|alias| *alias != name && *alias != plugin.id());
            notes.extend(aliases.filter_map(|alias| {
                let other = named.get(alias)?;
                Some(format!("`{alias}` means `{other}`, and not `{id}`, of which it is an alias"))
            }));
        }
        notes
    }

    /// Whether a provider that is no plugin has this name: no plugin may take it.
    pub(crate) fn is_provider(&self, name: &str) -> bool {
        let catalogue = Catalogue::load(&self.folders, &self.env, &self.settings);
        let own = catalogue.providers.iter().chain(&self.own).any(|provider| provider.card().id == name);
        own || name == DEMO || name == consort_routes::PROVIDER
    }

    /// The plugins alone.
    pub(crate) fn open_plugins(&mut self) -> Plugins {
        let catalogue = Catalogue::load(&self.folders, &self.env, &self.settings);
        self.problems.extend(catalogue.problems);
        self.plugins_beside(&catalogue.providers)
    }

    pub(crate) fn plugins_beside(&mut self, providers: &[Arc<dyn Provider>]) -> Plugins {
        let (allowed, problem) = StateFile::of(&self.folders).read();
        self.problems.extend(problem);
        let here = std::env::current_dir().unwrap_or_default();
        let (folders, problems) =
            found::folders(&self.folders, &self.env, &self.settings, &self.plugin_flags, &here, &allowed);
        self.problems.extend(problems);
        let (plugins, problems) = Plugins::open(self.plugin_home(providers), folders);
        self.problems.extend(problems);
        plugins
    }

    fn plugin_home(&self, providers: &[Arc<dyn Provider>]) -> Home {
        let owned = providers.iter().flat_map(|provider| &provider.card().keys);
        let owned = owned.flat_map(|key| key.env.iter().chain([&key.name]).cloned());
        let ids = providers.iter().chain(&self.own).map(|provider| provider.card().id.clone());
        Home::new(&self.folders, &self.env, owned)
            .beside(ids.chain(
                [DEMO, consort_routes::PROVIDER, consort_realtime::cascade::PROVIDER].map(str::to_owned),
            ))
            .remembering(kept::plugins_memory(self))
    }

    /// The plugin in a file or folder anywhere: whoever names it trusts it.
    pub(crate) fn open_file(&self, file: &Path) -> Option<Arc<Plugin>> {
        let named = if file.is_dir() { file.canonicalize().ok()? } else { std::path::absolute(file).ok()? };
        let path = named.parent()?.to_owned();
        let file = if named.is_dir() { named.join("plugin.toml") } else { named };
        let folder = Folder { path, origin: Origin::Flag, trusted: true };
        let catalogue = Catalogue::load(&self.folders, &self.env, &self.settings);
        let (plugins, _) = Plugins::open(self.plugin_home(&catalogue.providers), vec![folder]);
        plugins.rows().into_iter().map(|row| row.plugin).find(|plugin| plugin.found().file == file)
    }

    /// The plugins as they are now, after something was installed.
    pub(crate) fn reopen_plugins(&self) -> Plugins {
        let folder = Folder { path: self.folders.plugins_dir(), origin: Origin::Data, trusted: true };
        let mut folders = vec![folder];
        let (allowed, _) = StateFile::of(&self.folders).read();
        let here = std::env::current_dir().unwrap_or_default();
        folders.extend(
            found::folders(&self.folders, &self.env, &self.settings, &self.plugin_flags, &here, &allowed).0,
        );
        let catalogue = Catalogue::load(&self.folders, &self.env, &self.settings);
        Plugins::open(self.plugin_home(&catalogue.providers), folders).0
    }

    /// Where what is kept about plugins is.
    pub(crate) fn plugin_state(&self) -> PathBuf {
        self.folders.plugin_state_dir()
    }
}
