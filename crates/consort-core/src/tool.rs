//! Tools: functions that a model may ask for and the host runs.
use crate::{BoxFuture, Cache, Context, Error, Part, ToolCall, VendorData};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// What a model is told about a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionSpec {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
    /// Ask the vendor to hold the arguments to the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    #[serde(default, skip_serializing_if = "VendorData::is_empty")]
    pub vendor: VendorData,
}

impl FunctionSpec {
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters,
            strict: None,
            cache: None,
            vendor: VendorData::default(),
        }
    }
}

/// A function that the host can run when a model asks for it.
///
/// ```
/// use consort_core::{BoxFuture, Context, Error, FunctionSpec, Tool, ToolOutput};
/// use serde_json::{Value, json};
///
/// struct Add(FunctionSpec);
/// impl Tool for Add {
///     fn spec(&self) -> &FunctionSpec {
///         &self.0
///     }
///     fn call(&self, arguments: Value, _context: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
///         let sum = arguments["a"].as_f64().unwrap_or(0.0) + arguments["b"].as_f64().unwrap_or(0.0);
///         Box::pin(async move { Ok(ToolOutput::text(sum.to_string())) })
///     }
/// }
///
/// let add = Add(FunctionSpec::new("add", "Adds two numbers", json!({"type": "object"})));
/// let sum = pollster::block_on(add.call(json!({"a": 2, "b": 3}), Context::default())).unwrap();
/// assert_eq!(sum.content[0].as_text(), Some("5"));
/// ```
pub trait Tool: Send + Sync {
    fn spec(&self) -> &FunctionSpec;
    fn call(&self, arguments: Value, context: Context) -> BoxFuture<'_, Result<ToolOutput, Error>>;

    /// How long a call may take, where it is not what the host gives every tool.
    fn time_limit(&self) -> Option<Duration> {
        None
    }
}

/// What a tool answers: parts for the model. A failure that the model should see is an output, not an `Err`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolOutput {
    pub content: Vec<Part>,
    pub is_error: bool,
}

impl ToolOutput {
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Part::text(text)], is_error: false }
    }

    pub fn failure(text: impl Into<String>) -> Self {
        Self { content: vec![Part::text(text)], is_error: true }
    }
}

/// Runs the tools of one request for a model that wants their results before its answer goes on.
pub trait RunTool: Send + Sync {
    fn run(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolOutput, Error>>;
}
