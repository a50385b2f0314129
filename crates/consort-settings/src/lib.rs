//! What the user has set: where files are, `consort.toml` in its layers, and the stored keys.
//!
//! Layers, later ones win: what is built in, the user's `consort.toml`, the project's `./consort.toml`, the
//! environment; a program's own flags come after all of them. A file that is wrong is a [`Problem`] with its
//! line, and everything else still counts.
//!
//! This crate must never know: a model, a vendor, the network, an async runtime, a terminal. It reads and writes
//! small files and nothing else.

mod context;
mod env;
pub mod files;
mod folders;
mod keys;
mod located;
mod mcp;
mod plugin_dirs;
mod problem;
mod reader;
mod settings;
mod voices;
mod webhooks;

pub use context::{ContextSettings, Summaries};
pub use env::Env;
pub use folders::Folders;
pub use keys::KeyStore;
pub use located::{Field, Located, LocatedValue, Section};
pub use mcp::{McpReach, McpServer, add_mcp_server, remove_mcp_server};
pub use problem::Problem;
pub use reader::{FieldReader, number};
pub use settings::{ModelSettings, Settings, set_default_model};
pub use webhooks::WebhookSettings;
