//! Model cards, as a plugin lists them.
use super::{ModelInfo, ModelLimits, ModelPrice};
use consort_core::{Capabilities, Limits, Modality, ModelCard, ModelKind, Price, Support};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a model can do, in a plugin's words. What is absent is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Abilities {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Vec<String>>,
}

impl ModelInfo {
    /// The card of this model of a plugin.
    pub fn card(&self, plugin: &str) -> ModelCard {
        let able = &self.capabilities;
        let support = |known: Option<bool>| known.map_or(Support::Unknown, Support::from);
        let mut card = ModelCard::new(plugin, &self.id);
        card.title.clone_from(&self.name);
        card.aliases.clone_from(&self.aliases);
        card.kind = match self.kind.as_deref() {
            Some("embedding") => ModelKind::Embedding,
            Some("realtime") => ModelKind::Realtime,
            _ => ModelKind::Chat,
        };
        card.capabilities = Capabilities {
            input: able.input.as_ref().map(|input| modalities(input)),
            output: able.output.as_ref().map(|output| modalities(output)).unwrap_or_default(),
            tools: support(able.tools),
            schema: match able.structured_output.as_deref() {
                Some("none" | "json_object") => Support::No,
                Some(_) => Support::Yes,
                None => Support::Unknown,
            },
            reasoning: support(able.reasoning),
            streaming: support(able.stream),
        };
        card.capabilities.output.retain(|modality| *modality != Modality::Text);
        card.limits = Limits { context: self.limits.context_tokens, output: self.limits.max_output_tokens };
        card.price = self.price.as_ref().map(|price| Price {
            input: micro(price.input_per_m_tok),
            output: micro(price.output_per_m_tok),
            cached: price.cached_input_per_m_tok.map(micro),
            source: "the plugin".into(),
            ..Price::default()
        });
        card.options = self.options_schema.clone().unwrap_or(Value::Null).into();
        card
    }
}

impl From<&ModelCard> for ModelInfo {
    fn from(card: &ModelCard) -> Self {
        let known = |support: Support| match support {
            Support::Yes => Some(true),
            Support::No => Some(false),
            Support::Unknown => None,
        };
        let words = |all: &[Modality]| all.iter().map(|one| one.as_str().to_owned()).collect();
        let able = &card.capabilities;
        Self {
            id: card.name.clone(),
            name: card.title.clone(),
            aliases: card.aliases.clone(),
            kind: Some(
                match card.kind {
                    ModelKind::Chat => "chat",
                    ModelKind::Embedding => "embedding",
                    ModelKind::Realtime => "realtime",
                    ModelKind::Transcription => "transcription",
                    ModelKind::Speech => "speech",
                }
                .into(),
            ),
            capabilities: Abilities {
                stream: known(able.streaming),
                tools: known(able.tools),
                reasoning: known(able.reasoning),
                structured_output: known(able.schema)
                    .map(|yes| if yes { "json_schema" } else { "none" }.into()),
                input: able.input.as_deref().map(words),
                output: Some(words(&able.output)).filter(|output: &Vec<String>| !output.is_empty()),
            },
            limits: ModelLimits {
                context_tokens: card.limits.context,
                max_output_tokens: card.limits.output,
            },
            price: card.price.as_ref().map(|price| ModelPrice {
                input_per_m_tok: price.input as f64 / 1e6,
                output_per_m_tok: price.output as f64 / 1e6,
                cached_input_per_m_tok: price.cached.map(|cached| cached as f64 / 1e6),
            }),
            options_schema: Some(card.options.as_ref().clone()).filter(|schema| !schema.is_null()),
            ..Self::default()
        }
    }
}

/// The sorts of content that words and MIME types name. Text is always among them.
fn modalities(words: &[String]) -> Vec<Modality> {
    let mut found = vec![Modality::Text];
    for word in words {
        let modality = match word.as_str() {
            "pdf" | "document" => Modality::Pdf,
            "image" => Modality::Image,
            "audio" => Modality::Audio,
            "video" => Modality::Video,
            mime => Modality::of_mime(mime),
        };
        if !found.contains(&modality) {
            found.push(modality);
        }
    }
    found
}

fn micro(dollars: f64) -> u64 {
    if dollars.is_finite() && dollars > 0.0 { (dollars * 1e6).round() as u64 } else { 0 }
}
