//! In what servers of this format differ, as data.
use serde::{Deserialize, Deserializer};

/// In what a server differs from the vendor that made the format. Azure's own endpoint of it does not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenAiQuirks {
    pub layout: Layout,
    /// The rate of the sound that is sent, and of what comes, until the server says another one.
    pub input_rate: u32,
    pub output_rate: u32,
    /// The model that writes down what the user says; none (in a file, `""`) where the server has to be asked for nothing.
    #[serde(deserialize_with = "named")]
    pub transcription: Option<String>,
    pub pictures: Pictures,
    pub tools: Tools,
    /// Whether words can be sent instead of sound. Where they cannot, what was said before stands below the instructions.
    pub text: bool,
    /// Whether the server can be told how much of an answer was heard.
    pub truncates: bool,
    /// Whether the server has tools of its own, calls of which are told but not to be answered.
    pub own_tools: bool,
}

/// How a session's settings are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Sound's settings below `audio`.
    Nested,
    /// Everything side by side, under the names of the beta.
    Flat,
    /// Sound's formats below `audio`, all else side by side.
    Mixed,
}

/// How a tool is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tools {
    /// Its name, description and parameters beside its type.
    Flat,
    /// These below `function`.
    Nested,
}

/// How a picture is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pictures {
    /// As an item of the conversation.
    Item,
    /// Into a buffer beside that of the sound.
    Buffer,
    /// Not at all.
    None,
}

fn named<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::deserialize(from)?.filter(|name: &String| !name.is_empty()))
}

impl Default for OpenAiQuirks {
    fn default() -> Self {
        Self {
            layout: Layout::Nested,
            input_rate: 24_000,
            output_rate: 24_000,
            transcription: Some("gpt-realtime-whisper".into()),
            pictures: Pictures::Item,
            tools: Tools::Flat,
            text: true,
            truncates: true,
            own_tools: false,
        }
    }
}

impl OpenAiQuirks {
    /// Azure's Voice Live, which kept the beta's names.
    pub fn azure_voice_live() -> Self {
        Self { layout: Layout::Flat, transcription: Some("whisper-1".into()), ..Self::default() }
    }

    pub fn xai() -> Self {
        Self {
            layout: Layout::Mixed,
            transcription: Some("grok-transcribe".into()),
            pictures: Pictures::None,
            own_tools: true,
            ..Self::default()
        }
    }

    pub fn qwen() -> Self {
        Self {
            layout: Layout::Flat,
            input_rate: 16_000,
            transcription: None,
            pictures: Pictures::Buffer,
            tools: Tools::Nested,
            text: false,
            truncates: false,
            ..Self::default()
        }
    }
}
