//! In what models of this format differ, as data.
use serde::Deserialize;

/// In what a model differs from the vendor's newest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeminiQuirks {
    pub words: Words,
    pub past: Past,
}

/// How typed words are said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// In the stream in which sound is: `clientContent` is refused once a session runs.
    #[default]
    Realtime,
    /// As a turn of `clientContent`.
    Content,
}

/// Where a session that begins is told what was said before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Past {
    /// In `clientContent` behind the setup, which says that it comes.
    #[default]
    History,
    /// Below the instructions: the model forgets such turns when it is spoken to.
    Instructions,
}

impl GeminiQuirks {
    /// The models before Gemini 3.
    pub fn gemini_2() -> Self {
        Self { words: Words::Content, past: Past::Instructions }
    }
}
