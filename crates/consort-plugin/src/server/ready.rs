//! A plugin that was started: what the host said to it, and its models by name.
use super::{Answer, Server, read};
use crate::plugin::{Plugin, Start, is_named};
use crate::protocol::{
    Capabilities, Failure, HostCapabilities, InitializeParams, InitializeResult, ModelInfo, ModelNeeds,
    ModelsResult, PluginInfo, VERSION, code,
};
use consort_core::{
    Embedder, Error, ErrorKind, Model, ModelCard, Object, Provider, ProviderCard, RealtimeModel, State,
};
use serde_json::json;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A plugin that was started.
pub(super) struct Ready {
    pub(super) plugin: Plugin,
    pub(super) host: HostCapabilities,
    pub(super) data_dir: PathBuf,
    pub(super) config: Arc<Object>,
    models: Mutex<Option<Vec<Arc<dyn Model>>>>,
}

impl Ready {
    /// The models, as they were listed last.
    async fn known(&self, anew: bool) -> Result<Vec<Arc<dyn Model>>, Error> {
        let slot = || self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = slot().as_ref().filter(|_| !anew) {
            return Ok(known.clone());
        }
        let models = self.plugin.models().await?;
        *slot() = Some(models.clone());
        Ok(models)
    }

    /// The model of this name, listed or not.
    pub(super) async fn model(&self, name: &str) -> Result<Arc<dyn Model>, Error> {
        let known = self.known(false).await?;
        let listed = known.iter().find(|model| is_named(model.card(), name)).cloned();
        listed.or_else(|| Provider::model(&self.plugin, name)).ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|model| model.card().name.as_str()).collect();
            not_found(name, &names)
        })
    }

    pub(super) fn embedder(&self, name: &str) -> Result<Arc<dyn Embedder>, Error> {
        let embedders = self.plugin.embedders();
        let names: Vec<_> = embedders.iter().map(|embedder| embedder.card().name.as_str()).collect();
        Provider::embedder(&self.plugin, name).ok_or_else(|| not_found(name, &names))
    }

    pub(super) fn realtime(&self, name: &str) -> Result<Arc<dyn RealtimeModel>, Error> {
        let live = self.plugin.realtime_models();
        let names: Vec<_> = live.iter().map(|model| model.card().name.as_str()).collect();
        self.plugin.realtime_model(name).ok_or_else(|| not_found(name, &names))
    }

    /// `models/list`.
    pub(super) async fn list(&self) -> Result<ModelsResult, Error> {
        let mut models: Vec<ModelInfo> = Vec::new();
        // A model's keys are its provider's.
        for (provider, more) in self.sources().await? {
            models.extend(more.into_iter().map(|card| ModelInfo { needs: needs_of(&provider), ..card }));
        }
        self.known(true).await?;
        Ok(ModelsResult { models, ..ModelsResult::default() })
    }

    async fn sources(&self) -> Result<Vec<(ProviderCard, Vec<ModelInfo>)>, Error> {
        let plugin = &self.plugin;
        let own = cards(&plugin.models, &plugin.embedders, &plugin.live);
        let mut sources = vec![(plugin.card.clone(), own)];
        for provider in &plugin.providers {
            let models = provider.models().await?;
            let theirs = cards(&models, &provider.embedders(), &provider.realtime_models());
            sources.push((provider.card().clone(), theirs));
        }
        Ok(sources)
    }
}

/// The cards of all sorts of models. What a model is says the trait that it has.
fn cards(
    models: &[Arc<dyn Model>],
    embedders: &[Arc<dyn Embedder>],
    live: &[Arc<dyn RealtimeModel>],
) -> Vec<ModelInfo> {
    let of = |card: &ModelCard, kind: &str| ModelInfo { kind: Some(kind.to_owned()), ..card.into() };
    let chat = models.iter().map(|model| ModelInfo::from(model.card()));
    let embedding = embedders.iter().map(|embedder| of(embedder.card(), "embedding"));
    let live = live.iter().map(|model| of(model.card(), "realtime"));
    chat.chain(embedding).chain(live).collect()
}

/// The keys without which the provider's models do not answer.
fn needs_of(card: &ProviderCard) -> ModelNeeds {
    let needed = || card.keys.iter().filter(|key| key.required && key.secret);
    ModelNeeds {
        secrets: needed().map(|key| key.name.clone()).collect(),
        env: needed().flat_map(|key| key.env.clone()).collect(),
    }
}

fn not_found(name: &str, names: &[&str]) -> Error {
    let error = Error::new(ErrorKind::ModelNotFound, format!("this plugin has no model `{name}`"));
    if names.is_empty() { error } else { error.hint(format!("it has: {}", names.join(", "))) }
}

impl Server {
    /// `initialize`: agrees on a version, and starts the plugin.
    pub(super) fn initialize(&self, params: &str) -> Answer {
        let params: InitializeParams = read(params)?;
        if params.protocol_version < VERSION {
            let message = format!("the host speaks version {} of the protocol", params.protocol_version);
            let mut failure = Failure::new(code::VERSION, message);
            failure.data.supported = Some(vec![VERSION]);
            failure.data.help = Some(format!("use a host that speaks version {VERSION}"));
            return Err(failure.into());
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut plugin) = waiting else {
            return Err(Failure::new(code::INVALID_REQUEST, "the plugin was started already").into());
        };
        let data_dir = PathBuf::from(params.data_dir);
        let config = params.config.as_object().cloned().unwrap_or_default();
        if let Some(on_start) = plugin.on_start.take() {
            let (link, data_dir) = (self.link.clone(), data_dir.clone());
            let start = Start { data_dir, config: config.clone(), link };
            plugin = on_start(plugin, start).map_err(|error| no_start(&error))?;
        }
        if let State::Broken { reason } = &plugin.card.state {
            return Err(no_start(&Error::new(ErrorKind::PluginBug, reason)).into());
        }
        let hello = hello(&plugin);
        let ready = Ready {
            plugin,
            host: params.capabilities,
            data_dir,
            config: Arc::new(config),
            models: Mutex::default(),
        };
        let _ = self.ready.set(ready);
        Ok(json!(hello))
    }
}

fn hello(plugin: &Plugin) -> InitializeResult {
    let embed = !plugin.embedders().is_empty();
    let realtime = !plugin.realtime_models().is_empty();
    let generate = !plugin.models.is_empty() || !plugin.providers.is_empty();
    let mut env: Vec<String> = Vec::new();
    for card in plugin.providers.iter().map(|provider| provider.card()).chain([&plugin.card]) {
        for name in card.keys.iter().flat_map(|key| &key.env) {
            if !env.contains(name) {
                env.push(name.clone());
            }
        }
    }
    InitializeResult {
        protocol_version: VERSION,
        plugin: PluginInfo {
            id: None,
            name: Some(plugin.card.name.clone()),
            version: plugin.version.clone(),
            description: plugin.description.clone(),
        },
        capabilities: Capabilities {
            generate: generate.into(),
            count_tokens: generate.into(),
            embed: embed.into(),
            realtime: realtime.into(),
            tools: (!plugin.tools.is_empty()).into(),
            ..Capabilities::default()
        },
        env,
        notes: Vec::new(),
    }
}

/// What keeps the plugin from starting. Where something must be set up, it is named.
fn no_start(error: &Error) -> Failure {
    let mut failure = Failure::from(error);
    if error.kind() == ErrorKind::Setup {
        failure.data.missing = Some(error.message().to_owned());
    }
    failure
}
