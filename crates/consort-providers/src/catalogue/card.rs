//! Cards, from what a provider's file says and what its environment holds.
use crate::spec::{self, Missing, ProviderSpec};
use crate::transport::Services;
use consort_core::{Effort, ModelCard, Object, ProviderCard, Request, State, Support};
use consort_wire::{Quirks, Wire};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// What is known of the provider, and whether it can be used now.
pub(crate) fn provider_card(spec: &ProviderSpec, services: &Services) -> ProviderCard {
    let key = spec.config_key();
    let state = match spec::base_url(spec, &|name| services.setting(spec, name)) {
        Err(Missing(names)) => State::NeedsSetup { missing: names },
        Ok(_) if spec.local.is_some() => State::Unchecked,
        Ok(_) if !key.required || services.has_key(spec, &key) => State::Ready,
        Ok(_) => State::NeedsSetup {
            missing: key.env.first().cloned().unwrap_or_else(|| format!("the key `{}`", key.name)),
        },
    };
    ProviderCard {
        id: spec.id.clone(),
        name: spec.name.clone(),
        keys: if spec.auth == spec::Auth::None { Vec::new() } else { vec![key] },
        state,
        proved: spec.proved,
        docs: spec.docs.clone(),
    }
}

/// The quirks of one model: the provider's, then those of each entry that fits it.
pub(crate) fn quirks(spec: &ProviderSpec, model: &str) -> Quirks {
    let mut table = spec.quirks.clone();
    for entry in spec.models.iter().filter(|entry| entry.fits(model)) {
        spec::merge(&mut table, entry.quirks.clone());
    }
    if table.is_empty() {
        return Quirks::default();
    }
    // The tables were checked when they were read.
    serde_json::from_value(Value::Object(table)).unwrap_or_default()
}

/// The wire of one model, by its id.
pub(crate) fn wire_id<'a>(spec: &'a ProviderSpec, model: &str) -> &'a str {
    let own = spec
        .models
        .iter()
        .filter(|entry| entry.fits(model))
        .filter_map(|entry| entry.wire.as_deref())
        .next_back();
    own.unwrap_or(&spec.wire)
}

/// Makes the cards of one provider's models.
pub(crate) struct Cards<'a> {
    spec: &'a ProviderSpec,
    /// The usual options, for each wire and set of entries with quirks that was met.
    options: HashMap<(&'a str, Vec<&'a str>), Arc<Value>>,
}

impl<'a> Cards<'a> {
    pub(crate) fn new(spec: &'a ProviderSpec) -> Self {
        Self { spec, options: HashMap::new() }
    }

    /// The card of a model of this name, listed or not.
    pub(crate) fn card(&mut self, name: &str) -> ModelCard {
        let mut card = ModelCard::new(&self.spec.id, name);
        self.fill(&mut card);
        card
    }

    /// Writes what the file knows over a card that a vendor's list made.
    pub(crate) fn fill(&mut self, card: &mut ModelCard) {
        let wire = wire_id(self.spec, &card.name);
        let with_quirks =
            self.spec.models.iter().filter(|entry| !entry.quirks.is_empty() && entry.fits(&card.name));
        let key = (wire, with_quirks.map(|entry| entry.name.as_str()).collect());
        let usual = self.options.entry(key).or_insert_with(|| match consort_wire::wire(wire) {
            Some(wire) => Arc::new(usual_options(wire, &quirks(self.spec, &card.name))),
            None => Arc::default(),
        });
        card.options.clone_from(usual);
        card.capabilities.streaming = Support::Yes;
        let fitting = |patterns: bool| {
            let name = card.name.clone();
            self.spec.models.iter().filter(move |entry| entry.is_pattern() == patterns && entry.fits(&name))
        };
        let entries: Vec<_> = fitting(true).chain(fitting(false)).collect();
        for entry in entries {
            entry.fill(card);
        }
        if let Some(price) = &mut card.price
            && price.source.is_empty()
        {
            price.source.clone_from(&self.spec.price_source);
        }
        if card.capabilities.reasoning == Support::No
            && let Some(Value::Object(properties)) = Arc::make_mut(&mut card.options).get_mut("properties")
        {
            properties.shift_remove("reasoning_effort");
        }
    }
}

/// The JSON Schema of the usual options that this wire and vendor take: each is tried on the wire.
fn usual_options(wire: &dyn Wire, quirks: &Quirks) -> Value {
    let mut request = Request::ask("");
    let sampling = &mut request.sampling;
    sampling.max_tokens = Some(1);
    sampling.temperature = Some(1.0);
    sampling.top_p = Some(1.0);
    sampling.top_k = Some(1);
    sampling.stop = vec!["x".into()];
    sampling.seed = Some(1);
    sampling.presence_penalty = Some(0.0);
    sampling.frequency_penalty = Some(0.0);
    request.reasoning.effort = Some(Effort::Low);
    let kept = wire.normalise(&request, quirks).request;
    let sampling = kept.sampling;
    let number = |text: &str| json!({"type": "number", "description": text});
    let whole = |text: &str| json!({"type": "integer", "description": text});
    let efforts: Vec<&str> = Effort::ALL.iter().map(|effort| effort.as_str()).collect();
    let all = [
        ("max_tokens", sampling.max_tokens.is_some(), whole("The longest answer, in tokens")),
        ("temperature", sampling.temperature.is_some(), number("How much chance: 0 is the least")),
        (
            "top_p",
            sampling.top_p.is_some(),
            number("Choose among the likeliest words up to this probability"),
        ),
        ("top_k", sampling.top_k.is_some(), whole("Choose among this many likeliest words")),
        (
            "stop",
            !sampling.stop.is_empty(),
            json!({"type": ["string", "array"], "items": {"type": "string"}, "description": "Texts that end the answer"}),
        ),
        ("seed", sampling.seed.is_some(), whole("The same seed gives much the same answer")),
        ("presence_penalty", sampling.presence_penalty.is_some(), number("Above 0: new subjects")),
        ("frequency_penalty", sampling.frequency_penalty.is_some(), number("Above 0: fewer repeated words")),
        (
            "reasoning_effort",
            kept.reasoning.effort.is_some(),
            json!({"type": "string", "enum": efforts, "description": "How much to think"}),
        ),
    ];
    let properties: Object = all
        .into_iter()
        .filter(|(name, taken, _)| *taken && !quirks.refuses.iter().any(|refused| refused == name))
        .map(|(name, _, schema)| (name.to_owned(), schema))
        .collect();
    json!({"type": "object", "properties": properties})
}
