//! Where conversations, usage and records are kept.
//!
//! [`Store`] is the one seam: everything above it works with any backend that passes its suite. What is kept is an
//! append-only log: a turn is begun, grows by events, and ends; nothing of it changes afterwards but its pin.
//!
//! This crate must never know: what a model is asked, how a view is computed from the log, who reads it.
mod booking;
mod conversation;
mod growth;
mod id;
mod media;
mod memory;
mod rank;
mod record;
mod refuse;
mod report;
mod spend;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
#[cfg(feature = "testing")]
pub mod suite;
mod turn;
mod words;

pub use conversation::{Conversation, ConversationChange, ConversationQuery, NewConversation, Summary};
pub use id::{ConversationId, RecordId, SummaryId, TurnId};
pub use memory::MemoryStore;
pub use record::{NewRecord, Record, RecordQuery, Vector};
pub use spend::{CostRow, GroupBy, Spend, SpendQuery};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::Store;
pub use turn::{Answer, Ending, Hit, NewTurn, Status, Turn, TurnQuery};
