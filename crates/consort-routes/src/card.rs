//! The card of several models as one: what one of them can do, since that one is asked then, within the least of their limits.
use consort_core::{Capabilities, Limits, Modality, ModelCard, ModelKind, Object, Support};
use serde_json::{Value, json};
use std::sync::Arc;

/// The provider that routes are models of.
pub const PROVIDER: &str = "route";

/// One card for all of these, which are at least one.
pub(crate) fn joined(name: &str, cards: &[&ModelCard]) -> ModelCard {
    let mut card = ModelCard::new(PROVIDER, name);
    card.kind = ModelKind::Chat;
    card.capabilities = capabilities(cards);
    let least = |limit: fn(&Limits) -> Option<u64>| cards.iter().filter_map(|card| limit(&card.limits)).min();
    card.limits = Limits { context: least(|limits| limits.context), output: least(|limits| limits.output) };
    card.price = match cards {
        [first, others @ ..] if others.iter().all(|other| other.price == first.price) => first.price.clone(),
        _ => None,
    };
    card.options = options(cards);
    card
}

fn capabilities(cards: &[&ModelCard]) -> Capabilities {
    let support = |able: fn(&Capabilities) -> Support, order: [Support; 3]| {
        let able: Vec<Support> = cards.iter().map(|card| able(&card.capabilities)).collect();
        order.into_iter().find(|one| able.contains(one)).unwrap_or_default()
    };
    // Who cannot do what a request asks for is passed over, where another can.
    let any =
        |able: fn(&Capabilities) -> Support| support(able, [Support::Yes, Support::Unknown, Support::No]);
    let all =
        |able: fn(&Capabilities) -> Support| support(able, [Support::No, Support::Unknown, Support::Yes]);
    // What one of unknown abilities reads, nobody knows.
    let known: Option<Vec<&Vec<Modality>>> =
        cards.iter().map(|card| card.capabilities.input.as_ref()).collect();
    let input = known.map(|known| {
        let read = |modality: &Modality| known.iter().any(|input| input.contains(modality));
        Modality::ALL.into_iter().filter(read).collect()
    });
    let output = |modality: &Modality| cards.iter().all(|card| card.capabilities.output.contains(modality));
    Capabilities {
        input,
        output: Modality::ALL.into_iter().filter(output).collect(),
        tools: any(|able| able.tools),
        schema: any(|able| able.schema),
        reasoning: all(|able| able.reasoning),
        streaming: all(|able| able.streaming),
    }
}

/// The options that mean the same to all of them. Where a model does not say its options, no list can be right.
fn options(cards: &[&ModelCard]) -> Arc<Value> {
    let Some(first) = cards.first() else { return Arc::default() };
    if cards.iter().all(|card| Arc::ptr_eq(&card.options, &first.options) || card.options == first.options) {
        return first.options.clone();
    }
    let properties = |card: &ModelCard| card.options.get("properties").and_then(Value::as_object).cloned();
    let Some(all) = cards.iter().map(|card| properties(card)).collect::<Option<Vec<Object>>>() else {
        return Arc::default();
    };
    let same = |name: &str, value: &Value| all.iter().all(|other| other.get(name) == Some(value));
    let shared: Object = all
        .first()
        .into_iter()
        .flatten()
        .filter(|(name, value)| same(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Arc::new(json!({"type": "object", "additionalProperties": false, "properties": shared}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_can_what_one_of_its_targets_can() {
        let mut big = ModelCard::new("a", "big");
        big.capabilities.input = Some(vec![Modality::Text, Modality::Image]);
        big.capabilities.tools = Support::Yes;
        big.limits = Limits { context: Some(200_000), output: None };
        big.options =
            Arc::new(json!({"properties": {"size": {"type": "integer"}, "deep": {"type": "boolean"}}}));
        let mut small = ModelCard::new("b", "small");
        small.capabilities.input = Some(vec![Modality::Text]);
        small.limits = Limits { context: Some(8_000), output: Some(1_000) };
        small.options =
            Arc::new(json!({"properties": {"size": {"type": "integer"}, "deep": {"type": "string"}}}));
        let card = joined("fast", &[&big, &small]);
        assert_eq!(card.id, "route/fast");
        assert_eq!(card.capabilities.input, Some(vec![Modality::Text, Modality::Image]));
        assert_eq!(card.capabilities.tools, Support::Yes);
        assert_eq!(card.limits, Limits { context: Some(8_000), output: Some(1_000) });
        assert_eq!(card.options["properties"], json!({"size": {"type": "integer"}}));
        assert_eq!(card.price, None);
    }
}
