//! What subscribers see: an event, and where it belongs.
use crate::{RunId, ViewReport};
use consort_core::{Delta, Error, Event, Response, Role, ToolCall, ToolResult, Warning};
use consort_store::{ConversationId, Status, TurnId};
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// One thing that happened in a run. The host numbers and names it: a plugin's own claims stay within its events.
#[derive(Debug, Clone)]
pub struct Envelope {
    pub run: RunId,
    /// Counts the run's envelopes, from 1, without a gap.
    pub sequence_number: u64,
    pub conversation: ConversationId,
    /// The turn that it belongs to; absent for the run's own beginning and end.
    pub turn: Option<TurnId>,
    /// Which of the run's turns that is.
    pub output_index: u32,
    /// The id of the model that answers.
    pub model: Arc<str>,
    /// The provider of that model: a plugin's name, where it is a plugin's.
    pub plugin_name: Arc<str>,
    pub participant: Option<Arc<str>>,
    pub at: SystemTime,
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    RunStarted,
    TurnStarted {
        role: Role,
        parent: Option<TurnId>,
    },
    /// A piece of text of the model's answer.
    Chunk {
        event: Event,
    },
    /// Any other event of the model's answer.
    Event {
        event: Event,
    },
    /// The answer is whole: its text, and all of it.
    Completed {
        text: String,
        original: Arc<Response>,
    },
    TurnEnded {
        status: Status,
        error: Option<Error>,
    },
    /// A tool may run only once somebody says so.
    ApprovalWanted {
        call: ToolCall,
    },
    ApprovalGiven {
        call_id: String,
        decision: Decision,
        /// Why, where it was said.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    ToolStarted {
        call: ToolCall,
    },
    ToolEnded {
        result: ToolResult,
        took_ms: u64,
    },
    /// Not all of the conversation was sent.
    ContextTrimmed {
        report: ViewReport,
    },
    /// Something the user should know that did not stop the run.
    Notice {
        warning: Warning,
    },
    RunEnded {
        status: Status,
        error: Option<Error>,
    },
}

/// What somebody said about a tool that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Yes,
    /// This tool may run for the rest of the run.
    Always,
    No,
}

impl What {
    /// An event of the answer, under the kind that it has on the bus.
    pub fn of(event: Event) -> Self {
        match event {
            Event::PartDelta { delta: Delta::Text(_), .. } => Self::Chunk { event },
            event => Self::Event { event },
        }
    }

    /// The event of the answer that this is.
    pub fn event(&self) -> Option<&Event> {
        match self {
            Self::Chunk { event } | Self::Event { event } => Some(event),
            _ => None,
        }
    }
}

impl Envelope {
    /// The text that came, where this is a piece of text.
    pub fn delta(&self) -> Option<&str> {
        match self.what.event()? {
            Event::PartDelta { delta: Delta::Text(text), .. } => Some(text),
            _ => None,
        }
    }

    /// Which of the turn's parts it belongs to.
    pub fn content_index(&self) -> Option<u32> {
        match self.what.event()? {
            Event::PartStart { part, .. }
            | Event::PartDelta { part, .. }
            | Event::PartEnd { part }
            | Event::BadArguments { part, .. } => Some(part.0),
            _ => None,
        }
    }
}

/// The form of the bus: one flat object. `item_id` is the turn, under the name that existing ecosystems use.
#[derive(Serialize)]
struct Flat<'a> {
    #[serde(flatten)]
    what: &'a What,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<&'a str>,
    run: RunId,
    sequence_number: u64,
    conversation: ConversationId,
    turn: Option<TurnId>,
    item_id: Option<TurnId>,
    output_index: u32,
    content_index: Option<u32>,
    model: &'a str,
    plugin_name: &'a str,
    participant: Option<&'a str>,
    /// Milliseconds since 1970.
    at: u64,
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Flat {
            what: &self.what,
            delta: self.delta(),
            run: self.run,
            sequence_number: self.sequence_number,
            conversation: self.conversation,
            turn: self.turn,
            item_id: self.turn,
            output_index: self.output_index,
            content_index: self.content_index(),
            model: &self.model,
            plugin_name: &self.plugin_name,
            participant: self.participant.as_deref(),
            at: self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
        }
        .serialize(to)
    }
}
