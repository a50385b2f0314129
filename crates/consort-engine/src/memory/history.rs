//! A conversation that a memory keeps instead of the engine's store.
use crate::context::is_sent;
use consort_core::{Error, Memory, Message, Part, Role};
use consort_store::{ConversationId, NewTurn, Status, Turn};
use std::fmt;
use std::sync::Arc;

/// Where a conversation is read from before a run, and each of its messages is added to when it is whole. It is one
/// line of messages: nothing branches, and what breaks off is kept as far as it came, and no further than the process.
#[derive(Clone)]
pub struct History {
    pub memory: Arc<dyn Memory>,
    /// What the memory calls the conversation.
    pub conversation: String,
}

impl History {
    /// The conversation so far. Where nothing new is said, it ends behind what is to be answered.
    pub(crate) async fn log(&self, id: ConversationId, says_something: bool) -> Result<Vec<Turn>, Error> {
        let mut messages =
            self.memory.history(&self.conversation).await.map_err(|error| self.named(&error))?;
        while !says_something && messages.last().is_some_and(is_answer) {
            messages.pop();
        }
        let mut parent = None;
        let turns = messages.into_iter().map(|message| {
            let new = NewTurn {
                participant: message.name,
                ..NewTurn::complete(id, parent, message.role, message.parts)
            };
            let turn = new.begun();
            parent = Some(turn.id);
            turn
        });
        Ok(turns.collect())
    }

    /// Keeps one message, as far as it can be sent again.
    pub(crate) async fn append(
        &self,
        role: Role,
        participant: Option<String>,
        parts: &[Part],
        status: Status,
    ) -> Result<(), Error> {
        let whole = status == Status::Complete;
        let parts: Vec<Part> = parts.iter().filter(|part| is_sent(part, whole)).cloned().collect();
        if parts.is_empty() {
            return Ok(());
        }
        let message = Message { name: participant, ..Message::new(role, parts) };
        self.memory.append(&self.conversation, message).await.map_err(|error| self.named(&error))
    }

    /// The error of a memory, under its name.
    fn named(&self, error: &Error) -> Error {
        let words = format!("the memory `{}`: {}", self.memory.name(), error.message());
        error.clone().map_message(|_| words)
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("memory", &self.memory.name())
            .field("conversation", &self.conversation)
            .finish()
    }
}

/// An answer that asks for nothing: a new one takes its place. One that called tools goes on with them.
fn is_answer(message: &Message) -> bool {
    message.role == Role::Assistant && message.parts.iter().all(|part| part.as_tool_call().is_none())
}
