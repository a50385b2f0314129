//! What is asked of a model.
use crate::{FunctionSpec, Message, Object, Part, Role, VendorData};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request to a model.
///
/// ```
/// # use consort_core::{Request, Message};
/// let mut request = Request::ask("Name a colour.");
/// request.instructions.push("Answer in one word.".into());
/// request.sampling.temperature = Some(0.2);
/// assert_eq!(request.last_user_text(), "Name a colour.");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The model's name at its provider. A model fills it in with its own name.
    pub model: String,
    /// Ask the vendor for a stream (the default) or for a single body. The events are the same.
    pub stream: bool,
    /// The system prompt: text parts, which may carry cache marks.
    pub instructions: Vec<Part>,
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    pub tool_choice: ToolChoice,
    /// Whether the model may ask for several tools at once; the vendor's default when absent.
    pub parallel_tools: Option<bool>,
    pub output: Output,
    pub sampling: Sampling,
    pub reasoning: Reasoning,
    /// The model's own options, by the names in its card's schema.
    pub options: Object,
    /// Vendor JSON, merged untouched into the outgoing body of that wire.
    pub native: VendorData,
}

impl Request {
    /// The most tokens that the answer may have, where the request says it: as such, or as an option of the model.
    pub fn longest_answer(&self) -> Option<u64> {
        let option = || self.options.get("max_tokens").and_then(serde_json::Value::as_u64);
        self.sampling.max_tokens.or_else(option)
    }

    /// A request that streams the answer to these messages.
    pub fn new(messages: Vec<Message>) -> Self {
        Self { stream: true, messages, ..Self::default() }
    }

    /// A request of one user message.
    pub fn ask(text: impl Into<String>) -> Self {
        Self::new(vec![Message::user(text)])
    }

    /// The text of the newest user message.
    pub fn last_user_text(&self) -> String {
        self.messages
            .iter()
            .rev()
            .find(|message| message.role == Role::User)
            .map(Message::text)
            .unwrap_or_default()
    }

    /// The instructions as one text.
    pub fn instructions_text(&self) -> String {
        self.instructions.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("\n\n")
    }

    /// The functions among the tools.
    pub fn functions(&self) -> impl Iterator<Item = &FunctionSpec> {
        self.tools.iter().filter_map(|tool| match tool {
            ToolSpec::Function(function) => Some(function),
            ToolSpec::Native { .. } => None,
        })
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolSpec {
    /// A function that the caller runs.
    Function(FunctionSpec),
    /// A tool that the vendor runs itself, in its own words.
    Native { wire: String, value: Value },
}

/// Which tool the model must ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// The vendor's default: the model decides, where there are tools.
    #[default]
    Unset,
    Auto,
    None,
    Required,
    Named(String),
}

/// The shape of the answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Output {
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON that fits a JSON Schema.
    Schema {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        schema: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

/// Sampling options. What is absent is left to the vendor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub stop: Vec<String>,
    pub seed: Option<i64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    /// How many answers to give side by side.
    pub choices: Option<u32>,
}

/// How much to think, and whether to show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reasoning {
    pub effort: Option<Effort>,
    pub budget_tokens: Option<u64>,
    /// Ask for the thinking, or a summary of it, to be shown.
    pub show: Option<bool>,
}

/// How much to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == word)
    }
}
