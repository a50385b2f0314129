//! What a provider file says of a model, or of all models that a pattern fits.
use consort_core::{Modality, ModelCard, ModelKind, Object, Price, Support};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// One model. With a `*` in its name (`gpt-5*|o1*`) it is no model, but what all models that it fits have in
/// common.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, bound = "Q: Default + Deserialize<'de>")]
pub struct ModelSpec<Q = Object> {
    pub name: String,
    pub title: Option<String>,
    pub aliases: Vec<String>,
    pub kind: Option<ModelKind>,
    /// Another wire than the provider's.
    pub wire: Option<String>,
    /// What it reads beside text.
    pub input: Option<Vec<Modality>>,
    /// What it gives beside text.
    pub output: Option<Vec<Modality>>,
    pub tools: Option<bool>,
    pub schema: Option<bool>,
    pub reasoning: Option<bool>,
    pub streaming: Option<bool>,
    /// The context window and the longest answer, in tokens.
    pub context: Option<u64>,
    pub max_output: Option<u64>,
    pub price: Option<PriceSpec>,
    /// Options beside the usual ones: a JSON Schema for each name.
    pub options: Object,
    /// Laid over the provider's quirks, and over those of its live sessions.
    pub quirks: Q,
    pub live_quirks: Object,
}

/// Prices in dollars per million tokens.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceSpec {
    pub input: f64,
    pub output: f64,
    pub cached: Option<f64>,
    pub cache_write: Option<f64>,
    /// Tokens that are sound, where they have prices of their own.
    pub audio_input: Option<f64>,
    pub audio_output: Option<f64>,
    /// The day on which they were read, and where.
    #[serde(default)]
    pub source: String,
}

impl PriceSpec {
    fn price(&self) -> Price {
        let micro = |dollars: f64| (dollars * 1e6).round() as u64;
        Price {
            input: micro(self.input),
            output: micro(self.output),
            cached: self.cached.map(micro),
            cache_write: self.cache_write.map(micro),
            audio_input: self.audio_input.map(micro),
            audio_output: self.audio_output.map(micro),
            source: self.source.clone(),
        }
    }
}

impl ModelSpec {
    pub(crate) fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    /// Whether this entry speaks of the model of this name.
    pub(crate) fn fits(&self, name: &str) -> bool {
        if self.is_pattern() {
            self.name.split('|').any(|pattern| matches(pattern, name))
        } else {
            self.name == name
        }
    }

    /// Writes what this entry knows over what the card says.
    pub(crate) fn fill(&self, card: &mut ModelCard) {
        let capabilities = &mut card.capabilities;
        if let Some(input) = &self.input {
            let mut input = input.clone();
            if !input.contains(&Modality::Text) {
                input.insert(0, Modality::Text);
            }
            capabilities.input = Some(input);
        }
        if let Some(output) = &self.output {
            capabilities.output.clone_from(output);
        }
        let set = |to: &mut Support, from: Option<bool>| {
            if let Some(yes) = from {
                *to = yes.into();
            }
        };
        set(&mut capabilities.tools, self.tools);
        set(&mut capabilities.schema, self.schema);
        set(&mut capabilities.reasoning, self.reasoning);
        set(&mut capabilities.streaming, self.streaming);
        card.limits.context = self.context.or(card.limits.context);
        card.limits.output = self.max_output.or(card.limits.output);
        card.kind = self.kind.unwrap_or(card.kind);
        if let Some(price) = &self.price {
            card.price = Some(price.price());
        }
        if !self.is_pattern() {
            card.title = self.title.clone().or(card.title.take());
            card.aliases.clone_from(&self.aliases);
        }
        if !self.options.is_empty()
            && let Some(Value::Object(properties)) = Arc::make_mut(&mut card.options).get_mut("properties")
        {
            properties.extend(self.options.clone());
        }
    }
}

/// Whether the text fits the pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_fit_names() {
        let check = |pattern, text, fits| assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        check("gpt-5*", "gpt-5-mini", true);
        check("gpt-5*", "gpt-4o", false);
        check("*embed*", "text-embedding-3-small", true);
        check("*embed*", "embed", true);
        check("a*b*c", "aXbYc", true);
        check("a*b*c", "acb", false);
        check("ab*ab", "ab", false);
        check("*", "", true);
        check("plain", "plain", true);
        check("plain", "plainer", false);
    }
}
