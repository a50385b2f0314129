//! What is wanted of one response.
use super::refusal::{Refusal, fields, given, text, word};
use super::settings::{self, Settings};
use super::unused;
use crate::audio::Format;
use consort_core::SessionUpdate;
use serde_json::Value;

/// How one answer is to be.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) speaks: bool,
    pub(super) format: Format,
    pub(super) metadata: Value,
    /// What is changed for it alone.
    pub(super) update: SessionUpdate,
}

impl Wish {
    /// As the session's settings have it.
    pub(super) fn usual(settings: &Settings) -> Self {
        Self {
            speaks: settings.speaks,
            format: settings.output,
            metadata: Value::Null,
            update: SessionUpdate::default(),
        }
    }

    pub(super) fn read(response: &Value, settings: &Settings) -> Result<Self, Refusal> {
        let mut wish = Self::usual(settings);
        if response.is_null() {
            return Ok(wish);
        }
        let known = [
            "instructions",
            "output_modalities",
            "tools",
            "tool_choice",
            "metadata",
            "conversation",
            "input",
            "audio",
            "max_output_tokens",
            "parallel_tool_calls",
            "prompt",
            "reasoning",
        ];
        for (key, value) in given(response, "response", &known)? {
            let path = format!("response.{key}");
            match key.as_str() {
                "instructions" => {
                    wish.update.instructions = Some(text(value, &path)?.to_owned());
                }
                "output_modalities" => wish.speaks = settings::modalities(value, &path)?,
                "tools" => {
                    wish.update.tools = Some(settings::functions(&settings::tools(value, &path)?));
                }
                "tool_choice" if !settings::tool_choice(value, &path)? => {
                    wish.update.tools = Some(Vec::new());
                }
                "metadata" => {
                    unused::check(key, value, &path)?;
                    wish.metadata = value.clone();
                }
                "audio" => wish.sound(value)?,
                "conversation" if word(value, &path, &["auto", "none"])? == "none" => {
                    let what =
                        "A response outside of the conversation is not possible: a live model holds one.";
                    return Err(Refusal::unsupported(&path, what));
                }
                "input" => {
                    let what = "A response answers the conversation: put what it is about into it as items.";
                    return Err(Refusal::unsupported(&path, what));
                }
                "prompt" => {
                    return Err(Refusal::unsupported(&path, "This server keeps no prompts."));
                }
                _ => unused::check(key, value, &path)?,
            }
        }
        Ok(wish)
    }

    fn sound(&mut self, audio: &Value) -> Result<(), Refusal> {
        let output = fields(audio, "response.audio", &["output"])?.get("output");
        let Some(output) = output.filter(|output| !output.is_null()) else { return Ok(()) };
        let path = "response.audio.output";
        for (key, value) in given(output, path, &["format", "voice"])? {
            let path = format!("{path}.{key}");
            match key.as_str() {
                "format" => self.format = settings::format(value, &path)?.unwrap_or(self.format),
                "voice" if settings::is_unset(value) => {}
                // A session has one voice.
                _ => settings::voice(value, &path).map(drop)?,
            }
        }
        Ok(())
    }
}
