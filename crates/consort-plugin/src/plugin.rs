//! What a plugin offers: providers, models, embedders, live models, tools; and how it starts.
use crate::{Link, stdio};
use consort_core::{
    BoxFuture, Embedder, Error, Model, ModelCard, Object, Provider, ProviderCard, RealtimeModel, Tool,
};
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// A plugin: what it is called and what it offers.
///
/// It is a [`Provider`] of all its models itself, so that it also compiles into a host:
/// `Host::new().provider(plugin)`.
pub struct Plugin {
    pub(crate) card: ProviderCard,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) providers: Vec<Arc<dyn Provider>>,
    pub(crate) models: Vec<Arc<dyn Model>>,
    pub(crate) embedders: Vec<Arc<dyn Embedder>>,
    pub(crate) live: Vec<Arc<dyn RealtimeModel>>,
    pub(crate) tools: Vec<Arc<dyn Tool>>,
    pub(crate) on_start: Option<OnStart>,
}

type OnStart = Box<dyn FnOnce(Plugin, Start) -> Result<Plugin, Error> + Send + Sync>;

/// What the host says when it starts the plugin.
#[derive(Debug, Clone)]
pub struct Start {
    /// The plugin's own folder: its working directory, and where it may write.
    pub data_dir: PathBuf,
    /// What the user configured.
    pub config: Object,
    /// The way back to the host.
    pub link: Link,
}

impl Plugin {
    /// A plugin that offers nothing yet. The name is for people.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let id: String = name.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-");
        Self {
            card: ProviderCard::new(id, name),
            version: None,
            description: None,
            providers: Vec::new(),
            models: Vec::new(),
            embedders: Vec::new(),
            live: Vec::new(),
            tools: Vec::new(),
            on_start: None,
        }
    }

    /// The plugin's own version: `.version(env!("CARGO_PKG_VERSION"))`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Adds all that a provider has, under the names that its models have.
    pub fn provider(mut self, provider: impl Provider + 'static) -> Self {
        // The first says what the plugin is: its id marks what comes back with later requests.
        if self.is_bare() {
            let name = std::mem::take(&mut self.card.name);
            self.card = ProviderCard { name, ..provider.card().clone() };
        }
        self.providers.push(Arc::new(provider));
        self
    }

    pub fn model(mut self, model: impl Model + 'static) -> Self {
        if self.is_bare() {
            self.card.id.clone_from(&model.card().provider);
        }
        self.models.push(Arc::new(model));
        self
    }

    /// Adds a model that holds live sessions. Its tools are run by the host, each call of
    /// [`ToolCall`](consort_core::SessionEvent::ToolCall).
    pub fn realtime(mut self, model: impl RealtimeModel + 'static) -> Self {
        if self.is_bare() {
            self.card.id.clone_from(&model.card().provider);
        }
        self.live.push(Arc::new(model));
        self
    }

    /// Whether nothing said yet what the plugin is.
    fn is_bare(&self) -> bool {
        self.providers.is_empty() && self.models.is_empty() && self.live.is_empty()
    }

    pub fn embedder(mut self, embedder: impl Embedder + 'static) -> Self {
        self.embedders.push(Arc::new(embedder));
        self
    }

    /// Adds a tool that the models of other plugins can be given.
    pub fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.tools.push(Arc::new(tool));
        self
    }

    /// A key that all models of the plugin need or can use.
    pub fn key(mut self, key: consort_core::ConfigKey) -> Self {
        self.card.keys.push(key);
        self
    }

    /// Runs when the host starts the plugin, with what the user configured. An error of the kind `setup` makes it a
    /// plugin that needs setup, and its message says what is missing; any other makes it a broken one.
    ///
    /// ```no_run
    /// # use consort_plugin::Plugin;
    /// # use consort_core::{Error, ErrorKind};
    /// Plugin::new("Acme")
    ///     .on_start(|plugin, start| {
    ///         let _region = start.config.get("region").ok_or_else(|| {
    ///             Error::new(ErrorKind::Setup, "`region` is not set").hint("set `region` in the plugin's manifest")
    ///         })?;
    ///         Ok(plugin)
    ///     })
    ///     .serve();
    /// ```
    pub fn on_start(
        mut self,
        start: impl FnOnce(Self, Start) -> Result<Self, Error> + Send + Sync + 'static,
    ) -> Self {
        self.on_start = Some(Box::new(start));
        self
    }

    /// Serves over stdin and stdout until the host is gone; the value is for `main`. See [`serve`](crate::serve).
    pub fn serve(self) -> ExitCode {
        stdio::serve_stdio(self)
    }

    pub(crate) fn name(&self) -> &str {
        &self.card.name
    }

    /// Tools, for those who put the plugin into a host of their own.
    pub fn tools(&self) -> &[Arc<dyn Tool>] {
        &self.tools
    }
}

impl Provider for Plugin {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(async {
            let mut all = self.models.clone();
            for provider in &self.providers {
                all.extend(provider.models().await?);
            }
            Ok(all)
        })
    }

    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        let own = self.models.iter().find(|model| is_named(model.card(), name)).cloned();
        own.or_else(|| self.providers.iter().find_map(|provider| provider.model(name)))
    }

    fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        let theirs = self.providers.iter().flat_map(|provider| provider.embedders());
        self.embedders.iter().cloned().chain(theirs).collect()
    }

    fn embedder(&self, name: &str) -> Option<Arc<dyn Embedder>> {
        let own = self.embedders.iter().find(|embedder| is_named(embedder.card(), name)).cloned();
        own.or_else(|| self.providers.iter().find_map(|provider| provider.embedder(name)))
    }

    fn realtime_models(&self) -> Vec<Arc<dyn RealtimeModel>> {
        let theirs = self.providers.iter().flat_map(|provider| provider.realtime_models());
        self.live.iter().cloned().chain(theirs).collect()
    }

    fn realtime_model(&self, name: &str) -> Option<Arc<dyn RealtimeModel>> {
        let own = self.live.iter().find(|model| is_named(model.card(), name)).cloned();
        own.or_else(|| self.providers.iter().find_map(|provider| provider.realtime_model(name)))
    }
}

/// Whether a model goes by this name here.
pub(crate) fn is_named(card: &ModelCard, name: &str) -> bool {
    card.name == name || card.id == name || card.aliases.iter().any(|alias| alias == name)
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("card", &self.card).finish_non_exhaustive()
    }
}
