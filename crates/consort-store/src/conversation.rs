//! Conversations, and the summaries that stand for their older turns.
use crate::{ConversationId, SummaryId, TurnId, growth};
use consort_core::{Money, Object};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
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
    /// Goes up with each change of it, whatever the clock does.
    #[serde(default)]
    pub revision: u64,
    /// Its place among all: what was said in it later than in another has a greater one. A pin does not move it.
    #[serde(default)]
    pub changed: u64,
}

/// A conversation that begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewConversation {
    /// Its id, where the caller has one; a new one where absent. A conversation that is there already is given back as
    /// it is.
    pub id: Option<ConversationId>,
    pub title: Option<String>,
    pub settings: Object,
}

impl NewConversation {
    /// The conversation as it begins now.
    pub fn begun(self) -> Conversation {
        let now = growth::now();
        Conversation {
            id: self.id.unwrap_or_else(ConversationId::new),
            title: self.title,
            created: now,
            updated: now,
            pinned: false,
            tip: None,
            settings: self.settings,
            deleted: None,
            revision: 1,
            changed: 0,
        }
    }
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
    /// The revision that the change was made from: where it is another by now, nothing changes.
    pub from: Option<u64>,
}

impl ConversationChange {
    /// Whether nothing is to change.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.moves() && self.pinned.is_none() && self.deleted.is_none()
    }

    /// Whether the conversation comes first now: a pin and a deletion are no change of what is in it.
    pub(crate) fn moves(&self) -> bool {
        self.title.is_some() || self.tip.is_some() || self.settings.is_some()
    }
}

/// Which conversations are wanted: those that changed last come first, pinned ones before them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConversationQuery {
    /// Words in a title or in a turn.
    pub search: Option<String>,
    /// Those whose ids lie between these, as [`ConversationId::beginning`] gives them.
    pub ids: Option<RangeInclusive<ConversationId>>,
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
