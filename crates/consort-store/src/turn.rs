//! Turns: what one side said, as it is kept.
use crate::{ConversationId, TurnId, growth};
use consort_core::{Attempt, Error, Finish, FunctionSpec, Money, Object, Part, Role, Usage, Warning};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// One node of a conversation's tree: what the user, the model or the tools said at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    pub id: TurnId,
    pub conversation: ConversationId,
    /// What it follows; absent for the first. Turns with one parent are branches.
    pub parent: Option<TurnId>,
    pub role: Role,
    /// Who spoke, where several share a role.
    pub participant: Option<String>,
    pub parts: Vec<Part>,
    pub status: Status,
    pub created: SystemTime,
    pub pinned: bool,
    /// The run that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Uuid>,
    /// What is known of a model's answer.
    pub answer: Option<Box<Answer>>,
}

/// How far a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its process is alive and writes it.
    Running,
    Complete,
    /// It stopped before its end: by the user, a lost connection, a killed process. What it said is kept.
    Interrupted,
    /// It failed before anything was said.
    Failed,
}

/// What is known of a model's answer, beside its parts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The id of the model that was asked.
    pub model: String,
    /// The model that answered, in the vendor's words.
    pub resolved_model: Option<String>,
    pub response_id: Option<String>,
    pub instructions: String,
    pub options: Object,
    pub schema: Option<Value>,
    /// The tools that it was offered.
    pub tools: Vec<FunctionSpec>,
    pub usage: Option<Usage>,
    /// Absent where unknown, which is not free.
    pub cost: Option<Money>,
    pub attempts: Vec<Attempt>,
    pub finish: Option<Finish>,
    pub error: Option<Error>,
    pub warnings: Vec<Warning>,
    /// From when it was asked to its first content, and to its end.
    pub first: Option<Duration>,
    pub took: Option<Duration>,
    /// How long it thought, where it showed that it did.
    pub thought: Option<Duration>,
    /// Whose budgets it counts to: the name of the caller's key.
    pub key: Option<String>,
    /// Names the answers that were asked for side by side.
    pub group: Option<String>,
}

/// A turn that begins. It is kept when [`Store::begin`](crate::Store::begin) returns.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTurn {
    pub id: TurnId,
    pub conversation: ConversationId,
    pub parent: Option<TurnId>,
    pub role: Role,
    pub participant: Option<String>,
    /// What is there already: all of it, for a turn that is complete from the start.
    pub parts: Vec<Part>,
    pub status: Status,
    /// What is known before the answer: model, options, schema, tools.
    pub answer: Option<Box<Answer>>,
    /// The run that writes it.
    pub run: Option<Uuid>,
    /// Whether it becomes its conversation's tip only where its parent is that: who looks at another branch stays there.
    pub follows: bool,
}

impl NewTurn {
    /// One that is complete from the start.
    pub fn complete(
        conversation: ConversationId,
        parent: Option<TurnId>,
        role: Role,
        parts: Vec<Part>,
    ) -> Self {
        Self {
            id: TurnId::new(),
            conversation,
            parent,
            role,
            participant: None,
            parts,
            status: Status::Complete,
            answer: None,
            run: None,
            follows: false,
        }
    }

    /// The turn as it begins now.
    pub fn begun(self) -> Turn {
        Turn {
            id: self.id,
            conversation: self.conversation,
            parent: self.parent,
            role: self.role,
            participant: self.participant,
            parts: self.parts,
            status: self.status,
            created: growth::now(),
            pinned: false,
            run: self.run,
            answer: self.answer,
        }
    }
}

/// How a turn ended. Its parts replace what its events made.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    pub status: Status,
    pub parts: Vec<Part>,
    pub answer: Option<Box<Answer>>,
}

/// Which turns are wanted, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TurnQuery {
    /// Words to find, as people type them: all must be there; `"several words"` stand together; the last one may be a
    /// beginning of three letters or more. A turn is found by what it began with while it runs, by all of it after that.
    pub search: Option<String>,
    pub conversation: Option<ConversationId>,
    /// A model's id.
    pub model: Option<String>,
    pub limit: Option<usize>,
}

/// A turn that was found, and the words around what was searched for.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub turn: Turn,
    pub snippet: Option<String>,
}
