//! Cards: what is known of a model or a provider without asking it.
use crate::{Body, Output, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// `provider/name`, or the provider's name alone where that is the model.
    pub id: String,
    pub provider: String,
    /// The model's name at its provider.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub kind: Kind,
    #[serde(default)]
    pub capabilities: Capabilities,
    #[serde(default)]
    pub limits: Limits,
    /// Absent means unknown, which is not free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// JSON Schema of the model's options: an object with properties. Models of one sort share it.
    #[serde(default, skip_serializing_if = "is_null")]
    pub options: Arc<Value>,
    /// What it is made of, where that may change under one name, as a plugin's file does: answers of another version are not
    /// its answers.
    #[serde(skip)]
    pub version: Option<Arc<str>>,
}

impl ModelCard {
    pub fn new(provider: impl Into<String>, name: impl Into<String>) -> Self {
        let (provider, name) = (provider.into(), name.into());
        Self {
            id: format!("{provider}/{name}"),
            provider,
            name,
            title: None,
            aliases: Vec::new(),
            kind: Kind::default(),
            capabilities: Capabilities::default(),
            limits: Limits::default(),
            price: None,
            options: Arc::default(),
            version: None,
        }
    }
}

/// What a request asks for that a model is known not to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    Reads(Modality),
    Tools,
    Schema,
}

impl ModelCard {
    /// The first thing in the request that the model is known not to do. What is unknown is tried.
    pub fn lacks(&self, request: &Request) -> Option<Lack> {
        let able = &self.capabilities;
        let parts = request.messages.iter().flat_map(|message| &message.parts).chain(&request.instructions);
        let unread = parts
            .filter_map(|part| match &part.body {
                Body::Media(media) if !media.mime.is_empty() => Some(Modality::of_mime(&media.mime)),
                _ => None,
            })
            // Text files go as text, and of other files nobody knows.
            .filter(|modality| !matches!(modality, Modality::Text | Modality::File))
            .find(|modality| able.reads(*modality) == Support::No);
        if let Some(modality) = unread {
            return Some(Lack::Reads(modality));
        }
        if !request.tools.is_empty() && able.tools == Support::No {
            return Some(Lack::Tools);
        }
        let schema = matches!(request.output, Output::Schema { .. });
        (schema && able.schema == Support::No).then_some(Lack::Schema)
    }
}

fn is_null(value: &Value) -> bool {
    value.is_null()
}

/// What a model is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Chat,
    Embedding,
    Realtime,
}

/// Whether a model can do something. Unknown is not no: the vendor is asked, and may refuse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    Yes,
    No,
    #[default]
    Unknown,
}

impl From<bool> for Support {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// What a model can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// What it reads; absent where unknown.
    pub input: Option<Vec<Modality>>,
    /// What it gives besides text.
    pub output: Vec<Modality>,
    pub tools: Support,
    /// Answers that fit a JSON Schema.
    pub schema: Support,
    pub reasoning: Support,
    pub streaming: Support,
}

impl Capabilities {
    pub fn reads(&self, modality: Modality) -> Support {
        self.input.as_ref().map_or(Support::Unknown, |input| input.contains(&modality).into())
    }
}

/// A sort of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    Text,
    Image,
    Audio,
    Pdf,
    Video,
    /// Any other file.
    File,
}

impl Modality {
    pub const ALL: [Self; 6] = [Self::Text, Self::Image, Self::Audio, Self::Pdf, Self::Video, Self::File];

    pub fn of_mime(mime: &str) -> Self {
        match mime.split('/').next() {
            Some("image") => Self::Image,
            Some("audio") => Self::Audio,
            Some("video") => Self::Video,
            Some("text") => Self::Text,
            _ if mime == "application/pdf" => Self::Pdf,
            _ => Self::File,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Pdf => "pdf",
            Self::Video => "video",
            Self::File => "file",
        }
    }
}

/// Limits in tokens; absent where unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub context: Option<u64>,
    pub output: Option<u64>,
}

/// Prices in micro-dollars per million tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Price {
    pub input: u64,
    pub output: u64,
    pub cached: Option<u64>,
    pub cache_write: Option<u64>,
    pub audio_input: Option<u64>,
    pub audio_output: Option<u64>,
    /// The day on which the prices were read, and where.
    pub source: String,
}

/// What is known of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCard {
    pub id: String,
    /// A name for people.
    pub name: String,
    /// What can or must be set.
    #[serde(default)]
    pub keys: Vec<ConfigKey>,
    #[serde(default)]
    pub state: State,
    /// Whether its traffic was proved against recordings.
    #[serde(default)]
    pub proved: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docs: Option<String>,
}

impl ProviderCard {
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            keys: Vec::new(),
            state: State::default(),
            proved: false,
            docs: None,
        }
    }
}

/// Whether something can be used now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    #[default]
    Ready,
    /// Nobody looked yet (a local server that may or may not run, a plugin that never ran).
    Unchecked,
    /// It is being looked at.
    Loading,
    NeedsSetup {
        missing: String,
    },
    /// Where (`file:line`, if known) and why.
    Broken {
        reason: String,
    },
    /// It was there, and its files are gone.
    Missing {
        reason: String,
    },
}

impl State {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Unchecked => "unchecked",
            Self::NeedsSetup { .. } => "needs setup",
            Self::Broken { .. } => "broken",
            Self::Loading => "loading",
            Self::Missing { .. } => "missing",
        }
    }
}

/// One value that a provider can be given. Declared once; command line, web and documentation follow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigKey {
    /// Its entry in the stored keys.
    pub name: String,
    /// The environment variables that can hold it, in order.
    pub env: Vec<String>,
    /// A command that prints it.
    pub command: Vec<String>,
    pub secret: bool,
    pub required: bool,
    /// Where to get one.
    pub help: String,
}
