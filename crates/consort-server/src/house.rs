//! What the server serves, seen from the server: models and what they come from, kept by whoever runs it.
use consort_core::{BoxFuture, ConfigKey, Context, Error, Model, ModelCard, RealtimeModel, State};
use consort_engine::Tools;
use consort_store::ConversationId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;

/// The models, plugins, keys and routes of whoever runs the server. Everything that lists is quick and starts nothing.
pub trait House: Send + Sync {
    /// Goes up whenever the rows, or the model that answers when none is chosen, may have changed.
    fn revision(&self) -> watch::Receiver<u64>;
    /// What stands in the dropdown, in order, whether it can be used or not.
    fn models(&self) -> Vec<ModelRow>;
    /// The model of this id, ready to be asked: a plugin is started for it.
    fn model<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<dyn Model>, Error>>;
    /// The live model of this id, alias or name, ready to be talked with.
    fn realtime<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<dyn RealtimeModel>, Error>>;
    /// The id of the model that answers when none is chosen.
    fn default_model(&self) -> String;
    fn set_default_model(&self, id: Option<&str>) -> Result<(), Error>;
    /// What every call is made with: credentials, the clock, the usual limit of time.
    fn context(&self) -> Context;
    /// What is set for a model in the user's own settings: options, and a window where its card knows none.
    fn preset(&self, card: &ModelCard) -> Preset;

    fn plugins(&self) -> PluginList;
    fn reload<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), Error>>;
    fn log(&self, plugin: &str, lines: usize) -> Result<PluginLog, Error>;
    fn trust<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), Error>>;
    fn grant<'a>(&'a self, plugin: &'a str, keys: Vec<String>) -> BoxFuture<'a, Result<(), Error>>;

    fn keys(&self) -> Vec<KeyRow>;
    fn set_key(&self, name: &str, value: &str, plugin: Option<&str>) -> Result<(), Error>;
    fn forget_key(&self, name: &str) -> Result<(), Error>;

    fn routes(&self) -> BoxFuture<'_, Vec<Value>>;
    fn tools(&self) -> BoxFuture<'_, Vec<ToolRow>>;
    /// The tools of these names, with the state that they have in this conversation.
    fn toolset<'a>(
        &'a self,
        names: &'a [String],
        conversation: ConversationId,
    ) -> BoxFuture<'a, Result<Tools, Error>>;
}

/// What the user's own settings say of a model.
#[derive(Clone, Default)]
pub struct Preset {
    pub options: consort_core::Object,
    pub window: Option<u64>,
    /// Who writes summaries of its conversations.
    pub summariser: Option<Arc<dyn Model>>,
}

impl std::fmt::Debug for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preset").field("window", &self.window).finish_non_exhaustive()
    }
}

/// A row of the dropdown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelRow {
    pub id: String,
    pub name: String,
    /// Absent for a plugin of which nothing is known.
    pub card: Option<ModelCard>,
    pub source: Source,
    pub state: State,
    /// Where the reason points.
    pub place: Option<Place>,
    pub hints: Vec<String>,
    /// Values that are required and have none.
    pub keys: Vec<ConfigKey>,
    pub untrusted: bool,
    pub about: Option<String>,
    /// Whether it answers without a network, where that is known.
    pub offline: Option<bool>,
}

/// Where a model comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    pub kind: SourceKind,
    pub plugin: Option<String>,
    /// Shortened for people.
    pub path: Option<String>,
    pub dialect: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    Plugin,
    #[default]
    Hosted,
    Local,
    Builtin,
    Route,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub file: String,
    pub line: Option<u32>,
}

/// The plugin folders and what stands in them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PluginList {
    pub folders: Vec<FolderRow>,
    pub rows: Vec<PluginRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FolderRow {
    pub path: String,
    pub trusted: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginRow {
    pub name: String,
    pub path: String,
    pub folder: String,
    pub dialect: Option<String>,
    pub state: State,
    pub place: Option<Place>,
    pub hints: Vec<String>,
    pub models: Vec<String>,
    pub trusted: bool,
    pub keys: Vec<ConfigKey>,
    pub grants: Vec<String>,
    pub about: Option<String>,
    pub packages: Vec<String>,
    /// Why its last answer that failed did.
    pub failed: Option<String>,
}

/// What a plugin wrote, oldest first, with keys masked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PluginLog {
    pub lines: Vec<LogLine>,
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Milliseconds since 1970, where known.
    pub at: Option<u64>,
    pub stream: String,
    pub text: String,
}

/// A key's name and where its value comes from, never the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    pub name: String,
    /// `stored`, `environment` or `command`.
    pub from: Option<String>,
    pub env: Vec<String>,
    pub help: String,
    pub required: bool,
    pub used_by: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolRow {
    pub name: String,
    pub source: String,
    pub description: String,
    pub parameters: Value,
}
