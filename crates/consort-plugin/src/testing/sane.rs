//! What can be seen without asking: cards, vectors, options that no schema allows.
use consort_core::{ModelCard, Provider};
use serde_json::{Value, json};
use std::sync::Arc;

/// One vector for each text, all of one length, of numbers.
pub(super) fn vectors_fit(vectors: &[Vec<f32>], texts: usize) -> Result<(), String> {
    let length = vectors.first().map_or(0, Vec::len);
    if vectors.len() != texts {
        return Err(format!("{texts} texts gave {} vectors", vectors.len()));
    }
    if length == 0 || vectors.iter().any(|vector| vector.len() != length) {
        return Err("the vectors have different lengths, or none".into());
    }
    if vectors.iter().flatten().any(|number| !number.is_finite()) {
        return Err("a vector holds something that is no number".into());
    }
    Ok(())
}

/// Whether a card says what can be true.
pub(super) fn sane(card: &ModelCard, provider: &Arc<dyn Provider>) -> Result<(), String> {
    let id = &provider.card().id;
    if card.name.trim().is_empty() {
        return Err("its name is empty".into());
    }
    if card.id != format!("{}/{}", card.provider, card.name) && card.id != card.provider {
        return Err(format!("its id is `{}`, not `{}/{}`", card.id, card.provider, card.name));
    }
    if card.provider != *id {
        return Err(format!("its provider is `{}`, and it stands in `{id}`", card.provider));
    }
    if let (Some(context), Some(output)) = (card.limits.context, card.limits.output)
        && output > context
    {
        return Err(format!("it may answer {output} tokens in a context of {context}"));
    }
    if card.options.is_null() {
        return Ok(());
    }
    if card.options["type"] != "object" {
        return Err("its options' schema is not that of an object".into());
    }
    jsonschema::validator_for(&card.options)
        .map(|_| ())
        .map_err(|error| format!("its options' schema is no JSON Schema: {error}"))
}

/// Options that the schema does not allow.
pub(super) fn outside(schema: &Value) -> Option<consort_core::Object> {
    let properties = schema.get("properties")?.as_object()?;
    let mut options = consort_core::Object::new();
    for name in properties.keys() {
        options.insert(name.clone(), json!({"no": ["such", "value"]}));
    }
    options.insert("no_such_option".into(), json!(7));
    Some(options)
}
