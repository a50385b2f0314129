//! What was used and what it cost. It stays when conversations are deleted.
use crate::ConversationId;
use consort_core::Money;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Whose spending is wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpendQuery {
    pub since: Option<SystemTime>,
    pub until: Option<SystemTime>,
    pub key: Option<String>,
    pub model: Option<String>,
    pub conversation: Option<ConversationId>,
}

/// A sum over tries. The numbers are what is known; what is not known is counted apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    pub tries: u64,
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub reasoning: u64,
    pub audio_input: u64,
    pub audio_output: u64,
    pub cost: Money,
    /// Tries whose cost nobody knows: the true sum is higher.
    pub unpriced: u64,
    /// Tries whose tokens are an estimate.
    pub estimated: u64,
}

/// What the rows of a report are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    Day,
    Month,
    Model,
    Conversation,
    Key,
}

/// One row of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostRow {
    /// The day, model, conversation or key.
    pub name: String,
    pub spend: Spend,
}
