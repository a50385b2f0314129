//! Conversations, and the summaries that stand for their older turns.
use crate::{ConversationId, SummaryId, TurnId};
use consort_core::{Money, Object};
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// A conversation: a tree of turns, and which of its leaves is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub title: Option<String>,
    pub created: SystemTime,
    pub updated: SystemTime,
    pub pinned: bool,
    /// The leaf that is shown and goes on.
    pub tip: Option<TurnId>,
    /// What the next request starts from (model, instructions, options). The store does not look into it.
    pub settings: Object,
    /// When the user deleted it; it can be taken back until it is purged.
    pub deleted: Option<SystemTime>,
}

/// A conversation that begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewConversation {
    /// Its id, where somebody must know it before it is kept; else the store makes one.
    pub id: Option<ConversationId>,
    pub title: Option<String>,
    pub settings: Object,
}

/// What changes of a conversation. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConversationChange {
    pub title: Option<Option<String>>,
    pub pinned: Option<bool>,
    pub tip: Option<Option<TurnId>>,
    pub settings: Option<Object>,
    /// Deletes it, or takes that back.
    pub deleted: Option<bool>,
}

/// Which conversations are wanted: those that changed last come first, pinned ones before them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConversationQuery {
    /// Words in a title or in a turn.
    pub search: Option<String>,
    pub limit: Option<usize>,
    pub offset: usize,
    /// Deleted ones instead of the others.
    pub deleted: bool,
}

/// A text that stands for the turns up to one of them. It is the user's to edit and delete; the log stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub id: SummaryId,
    pub conversation: ConversationId,
    /// The last turn that it covers: it counts on a branch that holds this turn.
    pub up_to: TurnId,
    pub text: String,
    /// The model that wrote it; absent once the user has edited it.
    pub model: Option<String>,
    pub cost: Option<Money>,
    pub created: SystemTime,
}
