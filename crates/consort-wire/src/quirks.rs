//! Quirks: how one vendor's dialect of a wire differs, as data that a provider file sets.
use consort_core::Object;
use serde::{Deserialize, Serialize};

/// How a vendor's dialect differs from the wire's own vendor. What a file does not set is as that vendor does it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Another path for the chat call, relative to the base URL; `{model}` stands for the model's name.
    pub path: Option<String>,
    /// The path of the model list; an empty one says that there is none.
    pub models_path: Option<String>,
    /// The path for embeddings.
    pub embeddings_path: Option<String>,
    /// What the limit of output tokens is called.
    pub max_tokens_field: MaxTokensField,
    /// Sent where the request sets no limit and the wire needs one.
    pub default_max_tokens: Option<u64>,
    /// Ask for usage in streams.
    pub stream_usage: bool,
    /// The name under which thinking is sent back; empty when it is not.
    pub reasoning_field: String,
    /// How thinking is asked for.
    pub reasoning_request: ReasoningRequest,
    /// Whether reported output tokens count thinking.
    pub reasoning_in_output: bool,
    /// Whether reported input tokens count cached ones.
    pub cached_in_input: bool,
    pub tool_choice: ToolChoiceWord,
    /// Whether `parallel_tool_calls` is understood.
    pub parallel_tools: bool,
    pub schema: SchemaSupport,
    /// The role of instructions: `system` or `developer`.
    pub system_role: String,
    /// The name of the seed.
    pub seed_field: String,
    /// Whether cache marks are sent, as `cache_control` on parts.
    pub cache_marks: bool,
    /// Whether a tool result may hold images.
    pub tool_result_images: bool,
    /// Options that the vendor refuses: they are left out, with a warning.
    pub refuses: Vec<String>,
    /// JSON merged into every body.
    pub body: Object,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            path: None,
            models_path: None,
            embeddings_path: None,
            max_tokens_field: MaxTokensField::default(),
            default_max_tokens: None,
            stream_usage: true,
            reasoning_field: "reasoning_content".into(),
            reasoning_request: ReasoningRequest::default(),
            reasoning_in_output: true,
            cached_in_input: true,
            tool_choice: ToolChoiceWord::default(),
            parallel_tools: true,
            schema: SchemaSupport::default(),
            system_role: "system".into(),
            seed_field: "seed".into(),
            cache_marks: false,
            tool_result_images: false,
            refuses: Vec::new(),
            body: Object::new(),
        }
    }
}

/// What the limit of output tokens is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    #[default]
    MaxTokens,
    MaxCompletionTokens,
}

impl MaxTokensField {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningRequest {
    /// `reasoning_effort: "low"`
    #[default]
    Effort,
    /// `reasoning: {effort, max_tokens, exclude}`
    Object,
    /// `thinking: {type: "enabled"}`
    Thinking,
    /// It cannot be asked for.
    None,
}

/// Which tool choices the vendor knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoiceWord {
    /// auto, none, required, and a named tool.
    #[default]
    All,
    /// The same, but `any` for required.
    Any,
    /// Only auto and none.
    AutoOnly,
    None,
}

/// Which structured output the vendor knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaSupport {
    #[default]
    JsonSchema,
    /// JSON, but no schema.
    JsonObject,
    None,
}
