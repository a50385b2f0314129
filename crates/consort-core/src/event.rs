//! The events of one answer.
use crate::{Attempt, Citation, Error, Object, Signature, Usage};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One step of an answer.
///
/// The order is: `Started`, then parts, each as start, deltas and end, which may interleave; `Usage`,
/// `Warning`, `Attempt` and `Native` anywhere; and exactly one `Finished`, last. A stream that ends without `Finished`
/// ends in an `Err` that says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The vendor answers. What it did not say is absent.
    Started {
        /// The model that really answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        response_id: Option<String>,
    },
    PartStart {
        part: PartKey,
        /// Which of several answers the part belongs to.
        #[serde(default)]
        choice: u32,
        kind: PartKind,
    },
    PartDelta {
        part: PartKey,
        delta: Delta,
    },
    PartEnd {
        part: PartKey,
    },
    /// A tool call ended, and its arguments are not JSON: cut, or the model's mistake. The call stays.
    BadArguments {
        part: PartKey,
        error: String,
    },
    /// Token counts so far. Numbers given later replace these.
    Usage(Usage),
    Warning(Warning),
    /// A try at a target is over. Routes say each; a model that tries once says none.
    Attempt(Box<Attempt>),
    /// The vendor's own event, only when the context asks for it.
    Native {
        value: Value,
    },
    /// The end, and the only success.
    Finished(Finish),
}

impl Event {
    /// The events of a whole answer of one text.
    pub fn text_answer(text: &str) -> Vec<Self> {
        let part = PartKey(0);
        vec![
            Self::Started { model: None, response_id: None },
            Self::PartStart { part, choice: 0, kind: PartKind::Text },
            Self::PartDelta { part, delta: Delta::Text(text.to_owned()) },
            Self::PartEnd { part },
            Self::Finished(FinishReason::Stop.into()),
        ]
    }

    /// How many bytes of an answer it holds, about.
    pub fn size(&self) -> usize {
        match self {
            Self::PartDelta { delta, .. } => match delta {
                Delta::Text(text) | Delta::Arguments(text) | Delta::Url(text) => text.len(),
                Delta::Media(bytes) => bytes.len(),
                _ => 0,
            },
            _ => 0,
        }
    }

    /// Whether the user could notice this event. The first such event is the commit point: after it nothing
    /// is retried.
    pub fn is_content(&self) -> bool {
        match self {
            Self::PartStart { kind, .. } => {
                matches!(kind, PartKind::ToolCall { .. } | PartKind::Native { .. })
            }
            Self::PartDelta { delta, .. } => match delta {
                Delta::Text(text) | Delta::Arguments(text) => !text.is_empty(),
                Delta::Media(bytes) => !bytes.is_empty(),
                Delta::Url(_) | Delta::Citation(_) | Delta::Native(_) => true,
                Delta::Signature(_) | Delta::Vendor { .. } => false,
            },
            _ => false,
        }
    }
}

/// Names one part within one answer, and nothing more: not stable, not the vendor's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartKey(pub u32);

/// What a starting part is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PartKind {
    Text,
    Reasoning {
        #[serde(default)]
        redacted: bool,
    },
    Refusal,
    ToolCall {
        /// The durable id that the result must name.
        id: String,
        name: String,
    },
    Media {
        mime: String,
    },
    /// An item that only this wire knows; its value comes as [`Delta::Native`].
    Native {
        wire: String,
        kind: String,
    },
}

/// A piece of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delta {
    /// Text of a text, reasoning or refusal part.
    Text(String),
    /// A piece of the JSON text of a tool call's arguments.
    Arguments(String),
    /// A piece of a media part's payload.
    #[serde(with = "base64_bytes")]
    Media(Bytes),
    /// The address of a media part that the vendor only points at.
    Url(String),
    /// The part's opaque state. A later piece for the same wire is appended.
    Signature(Signature),
    Citation(Box<Citation>),
    /// The whole value of a native part. The last one counts.
    Native(Value),
    /// Opaque data to carry back to this wire.
    Vendor {
        wire: String,
        data: Object,
    },
}

/// Something the user should know, and that did not stop the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A stable word: `dropped`, `changed`, `vendor`.
    pub code: String,
    pub message: String,
}

impl Warning {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    pub reason: FinishReason,
    /// The vendor's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_reason: Option<String>,
    /// The stop sequence that was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_sequence: Option<String>,
    /// How the other choices ended, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<ChoiceFinish>,
}

impl Finish {
    pub fn new(reason: FinishReason, vendor_reason: impl Into<String>) -> Self {
        Self { vendor_reason: Some(vendor_reason.into()), ..Self::from(reason) }
    }
}

impl From<FinishReason> for Finish {
    fn from(reason: FinishReason) -> Self {
        Self { reason, vendor_reason: None, stop_sequence: None, others: Vec::new() }
    }
}

/// How one of several choices ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceFinish {
    pub choice: u32,
    pub reason: FinishReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_reason: Option<String>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done, or met a stop sequence.
    Stop,
    /// The limit of output tokens, or of the context window.
    Length,
    /// The model waits for the results of tools.
    ToolCalls,
    /// The vendor's filter cut or withheld the answer.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The vendor paused a long turn; sending it back goes on.
    Pause,
    /// Anything else; the vendor's word says what.
    Other,
}

impl FinishReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Refusal => "refusal",
            Self::Pause => "pause",
            Self::Other => "other",
        }
    }
}

/// One item of an answer's stream.
pub(crate) type Item = Result<Event, Error>;

mod base64_bytes {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Bytes::from).map_err(serde::de::Error::custom)
    }
}
