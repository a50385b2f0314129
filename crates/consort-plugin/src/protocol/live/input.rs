//! One input of a session, as the protocol writes it, and back.
use super::open::functions_of;
use super::sound::{sound, unbase64};
use crate::protocol::{Content, ToolInfo};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Media, Pcm, SessionInput, SessionUpdate};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One input. Its `type` says which of the fields are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveInput {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<ToolInfo>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_detection: Option<bool>,
}

impl LiveInput {
    /// The input in the protocol's words. A tool's result is none: it answers the plugin's own request. An error says
    /// why a plugin cannot be given it.
    pub fn of(input: &SessionInput) -> Result<Option<Self>, String> {
        let typed = |kind: &str| Self { kind: kind.to_owned(), ..Self::default() };
        Ok(Some(match input {
            SessionInput::Audio(pcm) => Self {
                data: Some(STANDARD.encode(pcm.to_le_bytes())),
                rate: Some(pcm.rate),
                channels: Some(pcm.channels),
                ..typed("audio")
            },
            SessionInput::Text { text } => Self { text: Some(text.clone()), ..typed("text") },
            SessionInput::Image { media } => Self::of_media("image", media)?,
            SessionInput::Video { media } => Self::of_media("video", media)?,
            SessionInput::ToolResult { .. } => return Ok(None),
            SessionInput::Commit => typed("commit"),
            SessionInput::Interrupt { item, heard } => Self {
                item: item.clone(),
                heard_ms: Some(u64::try_from(heard.as_millis()).unwrap_or(u64::MAX)),
                ..typed("interrupt")
            },
            SessionInput::Update { update } => Self {
                system: update.instructions.clone(),
                voice: update.voice.clone(),
                tools: update.tools.as_ref().map(|tools| tools.iter().map(ToolInfo::from).collect()),
                turn_detection: update.turn_detection,
                ..typed("update")
            },
        }))
    }

    fn of_media(kind: &str, media: &Media) -> Result<Self, String> {
        let content = Content::of_media(media).filter(|content| content.url.is_none());
        let content = content.ok_or("a live model is shown what is here, and nothing by its address")?;
        let mime = Some(media.mime.clone());
        Ok(Self { kind: kind.to_owned(), mime, data: content.data, path: content.path, ..Self::default() })
    }

    /// The contract's input; nothing for one of a later version. An error says what is wrong with it.
    pub fn into_core(self) -> Result<Option<SessionInput>, String> {
        Ok(Some(match self.kind.as_str() {
            "audio" => SessionInput::Audio(self.sound()?),
            "text" => SessionInput::Text { text: self.text.unwrap_or_default() },
            "image" => SessionInput::Image { media: self.media()? },
            "video" => SessionInput::Video { media: self.media()? },
            "commit" => SessionInput::Commit,
            "interrupt" => SessionInput::Interrupt {
                item: self.item,
                heard: Duration::from_millis(self.heard_ms.unwrap_or_default()),
            },
            "update" => {
                let update = SessionUpdate {
                    instructions: self.system,
                    voice: self.voice,
                    tools: self.tools.map(functions_of),
                    turn_detection: self.turn_detection,
                };
                SessionInput::Update { update }
            }
            _ => return Ok(None),
        }))
    }

    fn sound(self) -> Result<Pcm, String> {
        let bytes = match (&self.data, &self.path) {
            (Some(data), _) => unbase64(data)?,
            (None, Some(path)) => {
                std::fs::read(path).map_err(|error| format!("{path} cannot be read: {error}"))?
            }
            (None, None) => return Err("sound has no data and no path".into()),
        };
        sound(&bytes, self.rate, self.channels)
    }

    fn media(self) -> Result<Media, String> {
        let content = Content { data: self.data, path: self.path, mime: self.mime, ..Content::default() };
        content.media()
    }
}
