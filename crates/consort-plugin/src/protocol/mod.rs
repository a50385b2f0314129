//! The messages of the plugin protocol, for both of its sides. `docs/reference/plugin-protocol.md` says what they
//! mean.
mod calls;
mod card;
mod content;
mod envelope;
mod event_reader;
mod event_writer;
mod events;
mod failure;
mod live;
mod request;
mod vector;

pub use calls::{
    AppendParams, Capabilities, ClearParams, CountParams, CountResult, EmbedParams, EmbedResult,
    FragmentItem, FragmentParams, FragmentResult, GenerateResult, HistoryParams, HistoryResult,
    HostCapabilities, HttpData, HttpRequest, HttpResult, InitializeParams, InitializeResult, Limits,
    LogParams, Meta, ModelInfo, ModelLimits, ModelNeeds, ModelPrice, ModelsResult, OpenParams, OpenResult,
    Peer, PluginInfo, ReasoningInfo, RunToolParams, SecretParams, SecretResult, TemplateParams,
    TemplateResult, ToolCallParams, ToolInfo, ToolResultContent, ToolboxInfo, ToolsResult, UsageInfo,
};
pub use content::{Content, Message};
pub use envelope::{Id, Incoming, notification, request, response, response_error};
pub use event_reader::EventReader;
pub use event_writer::EventWriter;
pub use events::{EventBatch, WireEvent};
pub use failure::{Failure, FailureData};
pub use live::{
    LiveEvent, LiveEventReader, LiveEvents, LiveInput, LiveInputs, LiveOpenParams, LiveSession, MOST_SOUND,
    sound,
};
pub use request::GenerateParams;
pub use vector::Vector;

/// The version that this crate speaks.
pub const VERSION: u32 = 1;
/// How long a line may be.
pub const MAX_MESSAGE: usize = 8 << 20;
/// Media larger than this go by path.
pub const MAX_INLINE_MEDIA: usize = 1 << 20;

/// Codes of errors, beside JSON-RPC's own.
pub mod code {
    pub const PARSE: i32 = -32700;
    pub const INVALID_REQUEST: i32 = -32600;
    pub const UNKNOWN_METHOD: i32 = -32601;
    pub const INVALID_PARAMS: i32 = -32602;
    pub const INTERNAL: i32 = -32603;
    pub const VERSION: i32 = -32001;
    pub const NOT_GRANTED: i32 = -32010;
    /// The kind in the error's data says what it is.
    pub const KIND: i32 = -32020;
    pub const CANCELLED: i32 = -32800;
}
