//! One event of a session, as the protocol writes it.
use crate::protocol::{Failure, UsageInfo};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{CloseReason, SessionEvent, Speaker, TranscriptMode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// One event. Its `type` says which of the fields are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveEvent<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub item: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Speaker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<TranscriptMode>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// The reason of a session that ended by an error.
pub(super) const FAILED: &str = "error";

impl LiveEvent<'static> {
    /// The event in the protocol's words: none for a tool's call, which is a request of its own.
    pub fn of(event: &SessionEvent) -> Option<Self> {
        let typed = || Self { kind: event.kind().into(), ..Self::default() };
        let about = |item: &str| Self { item: Some(item.to_owned().into()), ..typed() };
        Some(match event {
            SessionEvent::Connected { model, .. } => Self { model: model.clone(), ..typed() },
            SessionEvent::SpeechStarted { by } | SessionEvent::SpeechStopped { by } => {
                Self { role: Some(*by), ..typed() }
            }
            SessionEvent::Transcript { item, by, mode, text } => {
                Self { role: Some(*by), mode: Some(*mode), text: Some(text.clone().into()), ..about(item) }
            }
            SessionEvent::Text { item, text } => Self { text: Some(text.clone().into()), ..about(item) },
            SessionEvent::Audio { item, pcm, .. } => Self {
                data: Some(STANDARD.encode(pcm.to_le_bytes()).into()),
                rate: Some(pcm.rate),
                channels: Some(pcm.channels),
                ..about(item)
            },
            SessionEvent::AudioDone { item, interrupted } => {
                Self { interrupted: *interrupted, ..about(item) }
            }
            SessionEvent::Interrupted { item } => Self { item: item.clone().map(Cow::from), ..typed() },
            SessionEvent::TurnDone { finish, usage } => Self {
                finish_reason: Some(finish.reason.as_str().to_owned()),
                usage: usage.as_ref().map(UsageInfo::from),
                ..typed()
            },
            SessionEvent::Reconnecting { reason } => Self { reason: Some(reason.clone()), ..typed() },
            SessionEvent::Warning { warning } => Self { message: Some(warning.message.clone()), ..typed() },
            SessionEvent::Error { error } => Self { error: Some(error.into()), ..typed() },
            SessionEvent::Native { value } => {
                Self { kind: "raw".into(), value: Some(value.clone()), ..Self::default() }
            }
            SessionEvent::Closed { reason } => match reason {
                CloseReason::Asked => Self { reason: Some("asked for".into()), ..typed() },
                CloseReason::Ended { message } => Self { reason: Some(message.clone()), ..typed() },
                CloseReason::Failed { error } => {
                    Self { reason: Some(FAILED.into()), error: Some(error.into()), ..typed() }
                }
            },
            SessionEvent::ToolCall { .. } | SessionEvent::ToolCancelled { .. } => return None,
        })
    }
}

impl LiveEvent<'_> {
    /// The file that its sound is in, where it is in one.
    pub fn sound_file(&self) -> Option<&str> {
        self.path.as_deref().filter(|_| self.kind == "audio" && self.data.is_none())
    }
}
