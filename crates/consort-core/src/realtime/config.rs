//! How a session starts, and what may change while it runs.
use crate::{FunctionSpec, Message, Object, Reasoning, Sampling};
use serde::{Deserialize, Serialize};

/// How a session starts. What a model has no place for it leaves aside, with a warning.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionConfig {
    pub instructions: String,
    pub voice: Option<String>,
    pub tools: Vec<FunctionSpec>,
    /// What was said before the session.
    pub messages: Vec<Message>,
    /// The sample rate of the sound that will be sent, and of the sound that is wanted. Wishes: each piece says its own.
    pub input_rate: Option<u32>,
    pub output_rate: Option<u32>,
    /// Whether the model itself decides when the speaker is done; absent: as it does by itself.
    pub turn_detection: Option<bool>,
    /// The model's own options.
    pub options: Object,
    /// How words are chosen, and how much is thought. A chat model behind ears and a voice takes both; a model that is live
    /// by itself takes what its format has words for, warns of the rest, and may have options of its own for that.
    pub sampling: Sampling,
    pub reasoning: Reasoning,
    /// Whoever listens has heard sound as soon as it comes, and need not be spared more than a part of it at a time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_once: bool,
}

/// What changes in a session that runs. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionUpdate {
    pub instructions: Option<String>,
    pub voice: Option<String>,
    pub tools: Option<Vec<FunctionSpec>>,
    pub turn_detection: Option<bool>,
}

impl SessionConfig {
    /// As it is from this change on.
    pub fn update(&mut self, update: SessionUpdate) {
        let SessionUpdate { instructions, voice, tools, turn_detection } = update;
        self.instructions = instructions.unwrap_or_else(|| std::mem::take(&mut self.instructions));
        self.tools = tools.unwrap_or_else(|| std::mem::take(&mut self.tools));
        self.voice = voice.or(self.voice.take());
        self.turn_detection = turn_detection.or(self.turn_detection);
    }
}
