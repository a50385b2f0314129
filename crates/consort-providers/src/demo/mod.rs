//! The built-in `demo` provider: models that follow a rule, offline and for nothing, so that every surface and
//! test can be tried without a key.
//!
//! What it answers depends on the request alone. It repeats the question, says what else it was given, calls
//! the tools that the question names, fills JSON Schemas, and misbehaves when asked to: by its options, or by
//! the same words in square brackets in the prompt, `[demo fail=rate_limit fail_after=3]`. It never pretends to
//! be a language model.
mod answer;
mod attachment;
mod embed;
mod live;
mod model;
mod options;
mod play;
mod sample;
mod script;
mod tokens;
mod tools;

use consort_core::{
    BoxFuture, Capabilities, Embedder, Error, Limits, Modality, Model, ModelCard, Price, Provider,
    ProviderCard, RealtimeModel, Support,
};
use embed::DemoEmbedder;
use live::DemoLive;
use model::DemoModel;
use options::Options;
use std::sync::Arc;

/// The provider's id, and the name of its main model.
const ID: &str = "demo";

/// The built-in provider.
#[derive(Debug)]
pub struct DemoProvider {
    card: ProviderCard,
    models: Vec<Arc<DemoModel>>,
    embedder: Arc<DemoEmbedder>,
    live: Arc<DemoLive>,
}

impl Default for DemoProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl DemoProvider {
    pub fn new() -> Self {
        let mut card = ProviderCard::new(ID, "Consort's demo");
        card.proved = true;
        let (embedder, live) = (Arc::new(DemoEmbedder::new()), Arc::new(DemoLive::new()));
        Self { card, models: models(), embedder, live }
    }
}

impl Provider for DemoProvider {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        let all = self.models.iter().map(|model| Arc::clone(model) as Arc<dyn Model>).collect();
        Box::pin(std::future::ready(Ok(all)))
    }

    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        let found = self.models.iter().find(|model| model.card().name == name)?;
        Some(Arc::clone(found) as Arc<dyn Model>)
    }

    fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        vec![self.embedder.clone()]
    }

    fn realtime_models(&self) -> Vec<Arc<dyn RealtimeModel>> {
        vec![self.live.clone()]
    }
}

/// The models: one that does everything, and variants that differ in one thing each.
fn models() -> Vec<Arc<DemoModel>> {
    let plain = Options::default();
    let mut text = card("text", "Demo: text only");
    text.capabilities = Capabilities {
        input: Some(vec![Modality::Text]),
        tools: Support::No,
        schema: Support::No,
        reasoning: Support::No,
        ..text.capabilities
    };
    let mut main = card(ID, "Demo: repeats, calls tools, fills schemas");
    ID.clone_into(&mut main.id);
    let all = [
        (main, plain.clone()),
        (card("think", "Demo: thinks first"), Options { think: true, ..plain.clone() }),
        (card("slow", "Demo: slow"), Options { slow_first_ms: 3_000, delay_ms: 120, ..plain.clone() }),
        (text, plain),
    ];
    all.into_iter().map(|(card, preset)| Arc::new(DemoModel::new(card, preset))).collect()
}

fn card(name: &str, title: &str) -> ModelCard {
    let mut card = ModelCard::new(ID, name);
    card.title = Some(title.to_owned());
    card.capabilities = Capabilities {
        input: Some(Modality::ALL.to_vec()),
        output: Vec::new(),
        tools: Support::Yes,
        schema: Support::Yes,
        reasoning: Support::Yes,
        streaming: Support::Yes,
    };
    card.limits = Limits { context: Some(128_000), output: Some(8_192) };
    card.price = Some(price());
    card.options = options::schema().into();
    card
}

/// Nothing, which is not the same as unknown.
fn price() -> Price {
    Price { source: "the demo model runs in this program".to_owned(), ..Price::default() }
}

#[cfg(test)]
mod tests;
