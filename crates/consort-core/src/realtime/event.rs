//! What comes out of a session.
use super::Pcm;
use crate::{Error, Finish, ToolCall, Usage, Warning};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What comes out of a session, in order. `Connected` comes first, and exactly one `Closed`, last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SessionEvent {
    /// It can be talked to; also after a [`Reconnecting`](Self::Reconnecting). What nobody said is absent.
    Connected {
        /// The model that really answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// The other side's name of the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
    },
    SpeechStarted {
        by: Speaker,
    },
    SpeechStopped {
        by: Speaker,
    },
    /// What was said.
    Transcript {
        item: String,
        by: Speaker,
        mode: TranscriptMode,
        text: String,
    },
    /// Words of the answer that are not spoken; pieces.
    Text {
        item: String,
        text: String,
    },
    /// A piece of the answer as sound.
    Audio {
        item: String,
        /// How many cuts the model knew of when the answer began that this is a piece of: a later cut drops it, unless
        /// that names another item.
        #[serde(default)]
        epoch: u64,
        #[serde(flatten)]
        pcm: Pcm,
    },
    /// No more sound of this item comes.
    AudioDone {
        item: String,
        #[serde(default)]
        interrupted: bool,
    },
    /// A tool is to be run; [`SessionInput::ToolResult`](super::SessionInput::ToolResult) answers.
    ToolCall {
        call: ToolCall,
    },
    /// The result of this call is no longer wanted.
    ToolCancelled {
        id: String,
    },
    /// The answer was cut: stop playing what is left of it, and say by [`Interrupt`](super::SessionInput::Interrupt) how much
    /// of it was heard. Who says nothing may be taken to have played all sound of it.
    Interrupted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
    },
    /// The answer is complete.
    TurnDone {
        #[serde(flatten)]
        finish: Finish,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// The connection was lost or is about to be, and is made anew; what is said meanwhile is kept. Where
    /// the session ends before, a warning says how much of it was lost.
    Reconnecting {
        reason: String,
    },
    Warning {
        #[serde(flatten)]
        warning: Warning,
    },
    /// Something failed, and the session goes on.
    Error {
        error: Error,
    },
    /// The other side's own event, only when the context asks for it.
    Native {
        value: Value,
    },
    /// The end.
    Closed {
        reason: CloseReason,
    },
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    User,
    Assistant,
}

/// What a transcript's text is to the text of its item so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptMode {
    /// More of it.
    Delta,
    /// All of it, as far as it is known now.
    Replacement,
    /// All of it, for good. Of an answer that is cut it is what was heard: behind an [`Interrupted`](SessionEvent::Interrupted) the
    /// first, and where all of it was said already, or less was heard than was thought, one more each time, which is the
    /// beginning of the one before.
    Final,
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum CloseReason {
    /// Whoever opened it wanted it.
    Asked,
    /// The model ended it, in order.
    Ended {
        message: String,
    },
    Failed {
        error: Error,
    },
}

impl SessionEvent {
    pub fn connected() -> Self {
        Self::Connected { model: None, session: None }
    }

    /// Sound of now: a model that was told of a cut while it made this says the older epoch instead.
    pub fn audio(item: impl Into<String>, pcm: Pcm) -> Self {
        Self::Audio { item: item.into(), epoch: u64::MAX, pcm }
    }

    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self::Warning { warning: Warning::new(code, message) }
    }

    /// What is told where a session asks for a voice, and all that there are are known and it is none of them: nobody waits
    /// for another voice in vain.
    pub fn no_such_voice(of: &str, asked: &str, known: &[String]) -> Option<Self> {
        if known.iter().any(|voice| voice == asked) {
            return None;
        }
        let has = if known.is_empty() {
            "it has one only, without a name".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        Some(Self::warning(
            "voice",
            format!("{of} has no voice `{asked}` and speaks as it always does: {has}"),
        ))
    }

    /// Its name, as JSON has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connected",
            Self::SpeechStarted { .. } => "speech_started",
            Self::SpeechStopped { .. } => "speech_stopped",
            Self::Transcript { .. } => "transcript",
            Self::Text { .. } => "text",
            Self::Audio { .. } => "audio",
            Self::AudioDone { .. } => "audio_done",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolCancelled { .. } => "tool_cancelled",
            Self::Interrupted { .. } => "interrupted",
            Self::TurnDone { .. } => "turn_done",
            Self::Reconnecting { .. } => "reconnecting",
            Self::Warning { .. } => "warning",
            Self::Error { .. } => "error",
            Self::Native { .. } => "native",
            Self::Closed { .. } => "closed",
        }
    }
}

impl Speaker {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl From<Error> for CloseReason {
    fn from(error: Error) -> Self {
        Self::Failed { error }
    }
}
