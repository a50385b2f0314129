//! Plugins: files that become models.
//!
//! [`found`] says what stands in the plugin folders, without running any of it. [`Plugins`] keeps them up to date, and
//! each [`Plugin`] is a provider whose process is started when it is first needed, watched over, and ended with all that
//! it started. What a plugin said of itself is kept, so that a listing starts nothing.
//!
//! This crate must never know: HTTP servers, the terminal, a vendor.
mod counted;
mod embedder;
mod examine;
mod examine_live;
mod examine_model;
mod foreground;
pub mod found;
mod home;
mod learnt;
mod loaders;
mod media;
mod model;
mod names;
mod plugin;
pub mod process;
mod provider;
mod python;
mod realtime;
mod relist;
mod row;
mod set;
mod start;
mod tools;
mod trouble;
mod watch;

pub use embedder::PluginEmbedder;
pub use examine::{Finding, Level, examine, examine_aloud};
pub use home::Home;
pub use learnt::{Known, Learnt, Outcome, is_clause, shortened};
pub use loaders::{Fragment, Loads};
pub use model::PluginModel;
pub use plugin::Plugin;
pub use provider::PluginProvider;
pub use python::{Installed, Interpreter, Venv};
pub use realtime::PluginRealtime;
pub use set::{Plugins, Row};
pub use start::shell_word;
pub use tools::{PluginTool, Toolset};
pub use watch::Watching;
