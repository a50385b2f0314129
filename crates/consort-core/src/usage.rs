//! Token counts, tagged by what the vendor means by them.
use serde::{Deserialize, Serialize};

/// The vendor's own numbers. Nothing is summed here; the flags say what is inside what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    pub input: Option<u64>,
    pub output: Option<u64>,
    /// Input tokens read from the vendor's prompt cache.
    pub cached: Option<u64>,
    /// Input tokens written to the vendor's prompt cache.
    pub cache_write: Option<u64>,
    pub reasoning: Option<u64>,
    pub total: Option<u64>,
    /// Of the fresh input, the tokens that are sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<u64>,
    /// Of the output, the tokens that are sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<u64>,
    /// Whether `input` already counts `cached` and `cache_write`.
    pub cached_in_input: bool,
    /// Whether `output` already counts `reasoning`.
    pub reasoning_in_output: bool,
    pub source: UsageSource,
    /// The vendor's whole usage object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Box<serde_json::Value>>,
}

/// Where the numbers come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    #[default]
    Reported,
    Estimated,
}

impl Usage {
    /// All tokens that went in, cached or not.
    pub fn all_input(&self) -> Option<u64> {
        let input = self.input?;
        Some(if self.cached_in_input {
            input
        } else {
            input.saturating_add(self.cached.unwrap_or(0)).saturating_add(self.cache_write.unwrap_or(0))
        })
    }

    /// All tokens that came out, shown or not.
    pub fn all_output(&self) -> Option<u64> {
        let output = match (self.output, self.reasoning) {
            (None, Some(_)) if !self.reasoning_in_output => 0,
            (output, _) => output?,
        };
        let apart = if self.reasoning_in_output { None } else { self.reasoning };
        Some(output.saturating_add(apart.unwrap_or(0)))
    }

    /// Tokens that went in at the full price.
    pub fn fresh_input(&self) -> Option<u64> {
        let input = self.input?;
        if !self.cached_in_input {
            return Some(input);
        }
        Some(input.saturating_sub(self.cached.unwrap_or(0)).saturating_sub(self.cache_write.unwrap_or(0)))
    }

    /// Takes over every number that `newer` has: vendors repeat usage, and the last word counts.
    pub fn update(&mut self, newer: &Self) {
        let fields = [
            (&mut self.input, newer.input),
            (&mut self.output, newer.output),
            (&mut self.cached, newer.cached),
            (&mut self.cache_write, newer.cache_write),
            (&mut self.reasoning, newer.reasoning),
            (&mut self.total, newer.total),
            (&mut self.audio_input, newer.audio_input),
            (&mut self.audio_output, newer.audio_output),
        ];
        for (mine, theirs) in fields {
            if theirs.is_some() {
                *mine = theirs;
            }
        }
        self.cached_in_input = newer.cached_in_input;
        self.reasoning_in_output = newer.reasoning_in_output;
        self.source = newer.source;
        if newer.vendor.is_some() {
            self.vendor.clone_from(&newer.vendor);
        }
    }
}
