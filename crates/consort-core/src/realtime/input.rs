//! What is sent into a session.
use super::{Pcm, SessionUpdate};
use crate::{Media, ToolResult};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is sent into a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SessionInput {
    /// What the user says; 20 ms at a time is usual.
    Audio(Pcm),
    /// The same in words: a whole turn, to be answered now.
    Text {
        text: String,
    },
    /// A picture that the user shows; it belongs to the turn that is being spoken.
    Image {
        media: Media,
    },
    /// A frame of what the user's camera or screen shows. Of frames that wait, only the newest counts.
    Video {
        media: Media,
    },
    /// The answer to a [`ToolCall`](super::SessionEvent::ToolCall).
    ToolResult {
        result: ToolResult,
    },
    /// The turn is over: answer now.
    Commit,
    /// The user speaks into the answer, of which this much was heard.
    Interrupt {
        /// What was playing, where that is known: this alone is cut, and an answer behind it goes on. Without a name
        /// everything is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
        heard: Duration,
    },
    Update {
        update: SessionUpdate,
    },
}

impl SessionInput {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}
