//! The schema of a provider file: everything that is known of a hosted API, as data.
//!
//! ```toml
//! name = "Acme"
//! wire = "openai-chat"
//! base_url = "https://api.acme.example/v1"
//! key_env = ["ACME_API_KEY"]
//! ```
mod auth;
mod model;
mod place;
mod read;

pub use auth::Auth;
pub use model::{ModelSpec, PriceSpec};
pub(crate) use place::{Missing, base_url, fill};
pub use read::LIVE_WIRES;
pub(crate) use read::{Problems, check, merge};

use consort_core::{ConfigKey, Object};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A hosted API. `Q` is how quirks are held: as the table that was written, so that layers of it merge, or
/// as [`Quirks`](consort_wire::Quirks), which checks it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, bound = "Q: Default + Deserialize<'de>")]
pub struct ProviderSpec<Q = Object> {
    /// Its name in model ids; the file's name where absent.
    pub id: String,
    /// A name for people; the id where absent.
    pub name: String,
    /// The wire it speaks, unless a model says otherwise.
    pub wire: String,
    /// The format of its embeddings; absent where it has none.
    pub embed_wire: Option<String>,
    /// The format of its live sessions; absent where it has none.
    pub live_wire: Option<String>,
    /// The path of its live sessions, with their query, where it is not the format's own. `{model}` stands for the
    /// model's name; a `/` at its beginning leaves out `base_path`.
    pub live_path: Option<String>,
    /// How its live sessions differ from those of the format's own vendor.
    pub live_quirks: Object,
    /// Where it is. `${A|B:-c}` stands for the environment variable `A`, else `B`, else the text `c`.
    pub base_url: String,
    /// Whether the user laid that `base_url` over another one: then it is there, and is looked for nowhere else.
    #[serde(skip)]
    pub placed: bool,
    /// Environment variables that hold another base URL, in order.
    pub base_url_env: Vec<String>,
    /// The path that follows a base URL from such a variable, where the vendor's own tools add it themselves.
    pub base_path: String,
    /// The entry of its key in the stored keys; the id where absent.
    pub key: Option<String>,
    /// Environment variables that hold its key, in order.
    pub key_env: Vec<String>,
    /// A command that prints its key.
    pub key_command: Vec<String>,
    /// It also answers without a key.
    pub key_optional: bool,
    /// The page where one gets a key.
    pub key_url: String,
    /// The vendor's documentation.
    pub docs: Option<String>,
    pub auth: Auth,
    /// Sent with each request; placeholders as in `base_url`, and an empty value is not sent.
    pub headers: BTreeMap<String, String>,
    /// Added to the query of each request.
    pub query: BTreeMap<String, String>,
    pub quirks: Q,
    pub timers: Timers,
    /// It is a server on this machine.
    pub local: Option<Local>,
    /// It has a list of its models.
    pub live: Live,
    /// It counts the tokens of a request when asked, as its wire says.
    pub counts_tokens: bool,
    /// When and where the prices of its models were read.
    pub price_source: String,
    /// Its traffic was proved against recordings.
    pub proved: bool,
    pub models: Vec<ModelSpec<Q>>,
}

/// Where a local server usually listens.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Local {
    pub ports: Vec<u16>,
}

/// Whether a vendor's list of models is asked for. It is, unless a file says `live = false`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub struct Live(pub bool);

impl Default for Live {
    fn default() -> Self {
        Self(true)
    }
}

/// How long each step may take, in seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timers {
    pub connect: f64,
    /// From the sending to the first event of the answer.
    pub first_event: f64,
    /// Between two pieces of the answer.
    pub idle: f64,
    /// The whole call, where the caller sets no deadline.
    pub deadline: f64,
}

impl Default for Timers {
    fn default() -> Self {
        Self { connect: 10.0, first_event: 120.0, idle: 300.0, deadline: 600.0 }
    }
}

/// Seconds from a file as a duration; nonsense counts as very long.
pub(crate) fn seconds(seconds: f64) -> Duration {
    const LONGEST: Duration = Duration::from_hours(365 * 24);
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST)
}

impl ProviderSpec {
    /// What can or must be set for it.
    pub(crate) fn config_key(&self) -> ConfigKey {
        ConfigKey {
            name: self.key.clone().unwrap_or_else(|| self.id.clone()),
            env: self.key_env.clone(),
            command: self.key_command.clone(),
            secret: true,
            required: !self.key_optional && self.auth != Auth::None,
            help: self.key_url.clone(),
        }
    }
}
