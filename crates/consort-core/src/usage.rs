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

    /// Adds what another call counted. Where the two do not count alike what is inside of what, the sum has it inside; it is
    /// estimated where one of them is, and has no vendor's object: that is one call's.
    pub fn add(&mut self, other: &Self) {
        if self.cached_in_input == other.cached_in_input {
            self.input = sum(self.input, other.input);
        } else {
            self.input = sum(self.all_input(), other.all_input());
            self.cached_in_input = true;
        }
        if self.reasoning_in_output == other.reasoning_in_output {
            self.output = sum(self.output, other.output);
        } else {
            self.output = sum(self.all_output(), other.all_output());
            self.reasoning_in_output = true;
        }
        for (mine, more) in [
            (&mut self.cached, other.cached),
            (&mut self.cache_write, other.cache_write),
            (&mut self.reasoning, other.reasoning),
            (&mut self.total, other.total),
            (&mut self.audio_input, other.audio_input),
            (&mut self.audio_output, other.audio_output),
        ] {
            *mine = sum(*mine, more);
        }
        if other.source == UsageSource::Estimated {
            self.source = UsageSource::Estimated;
        }
        self.vendor = None;
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

/// What nobody counted is not known, and no zero.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_several_calls_are_added() {
        let mut all = Usage { input: Some(4), output: Some(8), ..Usage::default() };
        all.add(&Usage { input: Some(1), total: Some(2), audio_input: Some(u64::MAX), ..Usage::default() });
        all.add(&Usage { audio_input: Some(1), source: UsageSource::Estimated, ..Usage::default() });
        assert_eq!((all.input, all.output, all.total), (Some(5), Some(8), Some(2)));
        assert_eq!((all.audio_input, all.cached), (Some(u64::MAX), None));
        assert_eq!(all.source, UsageSource::Estimated);
    }

    #[test]
    fn a_sum_of_counts_that_differ_in_what_is_inside_has_it_inside() {
        let apart = Usage {
            input: Some(10),
            cached: Some(2),
            cache_write: Some(1),
            output: Some(5),
            reasoning: Some(3),
            ..Usage::default()
        };
        let inside = Usage {
            input: Some(13),
            output: Some(8),
            cached_in_input: true,
            reasoning_in_output: true,
            ..apart.clone()
        };
        for (one, other) in [(&apart, &inside), (&inside, &apart), (&inside, &inside), (&apart, &apart)] {
            let mut all = one.clone();
            all.add(other);
            assert_eq!((all.all_input(), all.all_output()), (Some(26), Some(16)), "{one:?} {other:?}");
            assert_eq!((all.fresh_input(), all.cached, all.reasoning), (Some(20), Some(4), Some(6)));
        }
    }
}
