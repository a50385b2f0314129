//! Parameters and results of the calls, but for `generate`'s parameters and events.
use super::{Content, Failure, Message, Vector};
use consort_core::{Effort, Object, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Defines structs of optional, camel-case fields, as the protocol has them.
macro_rules! shapes {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name { $($(#[$field_meta])* pub $field: $kind),* }
    )*};
}

shapes! {
    /// The first message.
    InitializeParams {
        protocol_version: u32,
        host: Peer,
        capabilities: HostCapabilities,
        limits: Limits,
        data_dir: String,
        config: Value,
    }
    Peer { name: String, version: String }
    HostCapabilities { http: bool, memory: bool, secrets: bool, tools: bool }
    Limits { max_message_bytes: usize }
    InitializeResult {
        protocol_version: u32,
        plugin: PluginInfo,
        capabilities: Capabilities,
        /// The environment variables that the plugin reads.
        env: Vec<String>,
        /// Remarks for its author.
        notes: Vec<String>,
    }
    PluginInfo {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    }
    /// What the plugin can do. Present means neither absent nor false.
    Capabilities {
        #[serde(skip_serializing_if = "Value::is_null")]
        generate: Value,
        #[serde(skip_serializing_if = "Value::is_null")]
        count_tokens: Value,
        #[serde(skip_serializing_if = "Value::is_null")]
        embed: Value,
        #[serde(skip_serializing_if = "Value::is_null")]
        tools: Value,
        #[serde(skip_serializing_if = "Value::is_null")]
        realtime: Value,
        #[serde(skip_serializing_if = "Value::is_null")]
        check: Value,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        templates: Vec<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fragments: Vec<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        commands: Vec<String>,
    }
    ModelsResult {
        models: Vec<ModelInfo>,
        /// What the list itself depends on: with these keys there may be more models.
        needs: ModelNeeds,
        /// Remarks, such as why the list is short.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    }
    ModelInfo {
        id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        aliases: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        capabilities: super::card::Abilities,
        limits: ModelLimits,
        needs: ModelNeeds,
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<ModelPrice>,
        #[serde(skip_serializing_if = "Option::is_none")]
        options_schema: Option<Value>,
    }
    ModelLimits {
        #[serde(skip_serializing_if = "Option::is_none")]
        context_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_output_tokens: Option<u64>,
    }
    ModelNeeds {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        secrets: Vec<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        env: Vec<String>,
    }
    /// US dollars per million tokens.
    ModelPrice {
        input_per_m_tok: f64,
        output_per_m_tok: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        cached_input_per_m_tok: Option<f64>,
    }
    GenerateResult {
        #[serde(skip_serializing_if = "Option::is_none")]
        finish_reason: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        vendor_reason: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stop_sequence: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        response_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<UsageInfo>,
        /// The whole answer of a plugin that does not stream.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Content>,
    }
    UsageInfo {
        #[serde(skip_serializing_if = "Option::is_none")]
        input_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        output_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cached_input_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_write_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        total_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
    }
    /// How much to think.
    ReasoningInfo {
        #[serde(skip_serializing_if = "Option::is_none")]
        effort: Option<Effort>,
        #[serde(skip_serializing_if = "Option::is_none")]
        budget_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        show: Option<bool>,
    }
    /// What surrounds a request.
    Meta {
        #[serde(skip_serializing_if = "Option::is_none")]
        traceparent: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        participant: Option<String>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        raw: bool,
        /// Whether `tools/run` works for this request; absent where nobody said.
        #[serde(skip_serializing_if = "Option::is_none")]
        run_tools: Option<bool>,
    }
    CountParams {
        model: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        system: Option<String>,
        messages: Vec<super::Message>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tools: Vec<ToolInfo>,
        #[serde(skip_serializing_if = "Object::is_empty")]
        secrets: Object,
    }
    CountResult { tokens: u64, exact: bool }
    EmbedParams {
        model: String,
        inputs: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dimensions: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        task: Option<String>,
        #[serde(skip_serializing_if = "Object::is_empty")]
        options: Object,
        #[serde(skip_serializing_if = "Object::is_empty")]
        secrets: Object,
    }
    EmbedResult {
        vectors: Vec<Vector>,
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<UsageInfo>,
    }
    ToolInfo {
        name: String,
        description: String,
        #[serde(skip_serializing_if = "Value::is_null")]
        input_schema: Value,
    }
    ToolboxInfo {
        name: String,
        description: String,
        #[serde(skip_serializing_if = "Value::is_null")]
        config_schema: Value,
        tools: Vec<ToolInfo>,
    }
    ToolsResult { tools: Vec<ToolInfo>, toolboxes: Vec<ToolboxInfo> }
    OpenParams { toolbox: String, config: Value }
    OpenResult {
        instance: String,
        /// The tools that it has now, where opening changed them.
        #[serde(skip_serializing_if = "Option::is_none")]
        tools: Option<Vec<ToolInfo>>,
    }
    ToolCallParams {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
        id: String,
        arguments: Value,
    }
    ToolResultContent { content: Vec<Content>, is_error: bool }
    TemplateParams { prefix: String, name: String }
    TemplateResult { template: Object }
    FragmentParams { prefix: String, argument: String }
    FragmentResult { items: Vec<FragmentItem> }
    FragmentItem {
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        media: Option<Content>,
    }
    /// `env` is the variable that may hold it, where the plugin knows one.
    SecretParams {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        env: Option<String>,
    }
    SecretResult { value: String }
    LogParams { level: String, message: String }
    /// The request or the session that the call belongs to.
    RunToolParams {
        #[serde(skip_serializing_if = "Value::is_null")]
        request: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        id: String,
        name: String,
        arguments: Value,
    }
    HistoryParams {
        conversation: String,
        /// The last so many.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
    }
    HistoryResult { messages: Vec<Message> }
    AppendParams { conversation: String, messages: Vec<Message> }
    ClearParams { conversation: String }
    HttpRequest {
        /// The host's request that it is made for.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<Value>,
        method: String,
        url: String,
        headers: Object,
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        body_base64: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    }
    HttpResult { status: u16, headers: Object }
    HttpData {
        request: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        eof: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    }
}

impl Capabilities {
    /// Whether an ability is there.
    pub fn has(ability: &Value) -> bool {
        !matches!(ability, Value::Null | Value::Bool(false))
    }
}

impl From<UsageInfo> for Usage {
    fn from(info: UsageInfo) -> Self {
        Self {
            input: info.input_tokens,
            output: info.output_tokens,
            cached: info.cached_input_tokens,
            cache_write: info.cache_write_tokens,
            reasoning: info.reasoning_tokens,
            total: info.total_tokens,
            cached_in_input: true,
            reasoning_in_output: true,
            vendor: info.details.filter(|details| !details.is_null()).map(Box::new),
            ..Self::default()
        }
    }
}

impl From<&Usage> for UsageInfo {
    fn from(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.all_input(),
            output_tokens: usage.all_output(),
            cached_input_tokens: usage.cached,
            cache_write_tokens: usage.cache_write,
            reasoning_tokens: usage.reasoning,
            total_tokens: usage.total,
            details: usage.vendor.as_deref().cloned(),
        }
    }
}
