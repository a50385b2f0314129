//! The engine: conversations that last, and runs on them.
//!
//! An [`Engine`] starts a [`Run`] for what the user says: it keeps it in the store, computes from the log what the model
//! is sent ([`view`]), follows the answer, runs the tools that the model asks for, and tells all of it as numbered
//! [`Envelope`]s to whoever watches the run or listens to the [`Bus`].
//!
//! This crate must never know: a vendor, HTTP, a terminal, how the store keeps things.
mod bus;
mod context;
mod engine;
mod envelope;
mod export;
#[cfg(unix)]
mod feed;
mod judge;
mod line;
mod memory;
mod over;
mod run;
mod structured;
#[cfg(feature = "testing")]
pub mod testing;
mod tools;
mod tried;

pub use bus::{Bus, Heard, Subscription};
pub use context::{Budget, Counts, View, ViewReport, view};
pub use engine::{Engine, Preview};
pub use envelope::{Decision, Envelope, What};
pub use export::{to_html, to_markdown};
#[cfg(unix)]
pub use feed::{Feed, Listener};
pub use line::{line, title};
pub use memory::{History, NoMemory, Recall, StoreMemory, memory_tools};
pub use run::{Ask, Outcome, Place, Run, RunEvents, RunId, is_unfinished, open_calls};
pub use structured::{Structured, StructuredError, ask_for, holding_schemas, schema_of_fields, structured};
pub use tools::{Approval, ToolLimits, Tools, function};
