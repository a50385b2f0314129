//! The contract of Consort: what a model is, what is asked of it, and what it answers.
//!
//! A [`Model`] turns a [`Request`] into a stream of [`Event`]s. Everything else in Consort is built on that
//! one call: [`Model::generate`] is a fold over it, routes wrap it, conversations record it, every surface
//! serves it. A [`Provider`] is a source of models, and a [`Host`] is where providers come together and
//! models are found by id, alias and search.
//!
//! This crate must never know: an async runtime, an HTTP client, a vendor's message format, a file, a
//! terminal. It holds types and small traits, so that authors of models depend on little and seldom on
//! something new.
//!
//! ```
//! use consort_core::{Context, Event, EventStream, Host, Model, ModelCard, Request};
//! use std::sync::Arc;
//!
//! /// A model that says back what it was told.
//! struct Parrot(ModelCard);
//!
//! impl Model for Parrot {
//!     fn card(&self) -> &ModelCard {
//!         &self.0
//!     }
//!     fn stream(&self, request: Arc<Request>, _context: Context) -> EventStream {
//!         consort_core::events_of(Event::text_answer(&request.last_user_text()))
//!     }
//! }
//!
//! # pollster::block_on(async {
//! let host = Host::new().model(Parrot(ModelCard::new("zoo", "parrot")));
//! let parrot = host.find("parrot").await?;
//! let answer = parrot.generate(Request::ask("Hello!").into(), Context::default()).await?;
//! assert_eq!(answer.text(), "Hello!");
//! # Ok::<(), consort_core::Error>(()) }).unwrap();
//! ```

mod accumulate;
mod attempt;
mod cancel;
mod card;
mod clock;
mod context;
mod credential;
mod date;
mod embed;
mod error;
mod event;
mod host;
mod media;
mod memory;
mod message;
mod model;
mod money;
mod processor;
mod realtime;
mod request;
mod response;
mod timer;
mod tool;
mod usage;
mod vendor;
mod window;

pub use accumulate::Accumulator;
pub use attempt::{Attempt, Unasked};
pub use cancel::Cancel;
pub use card::{
    Capabilities, ConfigKey, Kind as ModelKind, Lack, Limits, Modality, ModelCard, Price, ProviderCard,
    State, Support,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use context::{Context, Shrink, Trace};
pub use credential::{Credentials, NoCredentials, Secret};
pub use date::Date;
pub use embed::{EmbedRequest, Embedder, Embeddings};
pub use error::{Error, ErrorKind, Phase};
pub use event::{ChoiceFinish, Delta, Event, Finish, FinishReason, PartKey, PartKind, Warning};
pub use host::{Host, Match};
pub use media::{Media, MediaSource};
pub use memory::{Keeps, Memory, MemoryRecord};
pub use message::{Arguments, Body, Cache, Citation, Message, Part, Role, Signature, ToolCall, ToolResult};
pub use model::{EventStream, Model, Provider, TokenCount, collect, estimate_tokens, events_of};
pub use money::Money;
pub use processor::{Frame, Processor};
pub use realtime::{
    CloseReason, Pcm, RealtimeModel, RealtimeSession, SessionConfig, SessionEvent, SessionEvents,
    SessionInput, SessionInputs, SessionSink, SessionTeller, SessionUpdate, Speaker, TranscriptMode,
    unbase64,
};
pub use request::{Effort, Output, Reasoning, Request, Sampling, ToolChoice, ToolSpec};
pub use response::{Choice, Response};
pub use tool::{FunctionSpec, RunTool, Tool, ToolOutput};
pub use usage::{Usage, UsageSource};
pub use vendor::VendorData;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A stream that a trait object can return.
pub type BoxStream<'a, T> = std::pin::Pin<Box<dyn futures_core::Stream<Item = T> + Send + 'a>>;
/// A JSON object.
pub type Object = serde_json::Map<String, serde_json::Value>;
