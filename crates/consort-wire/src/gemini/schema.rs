//! Gemini's older schema dialect (OpenAPI 3.0) as JSON Schema.
use serde_json::{Value, json};

/// Deeper schemas stay as they are.
const DEEPEST: usize = 64;

/// Upper-case types become JSON Schema's, `nullable` a type, and counts that are text become numbers.
pub(super) fn to_json_schema(schema: &Value) -> Value {
    convert(schema, DEEPEST)
}

fn convert(schema: &Value, depth: usize) -> Value {
    let Some(object) = schema.as_object().filter(|_| depth > 0) else { return schema.clone() };
    let mut out = consort_core::Object::new();
    for (key, value) in object {
        let value = match (key.as_str(), value) {
            ("type", Value::String(word)) => json!(word.to_lowercase()),
            ("nullable", Value::Bool(_)) => continue,
            ("properties" | "$defs" | "defs", Value::Object(properties)) => {
                let converted = properties.iter().map(|(name, one)| (name.clone(), convert(one, depth - 1)));
                Value::Object(converted.collect())
            }
            ("items" | "additionalProperties", one) => convert(one, depth - 1),
            ("anyOf" | "any_of", Value::Array(many)) => {
                many.iter().map(|one| convert(one, depth - 1)).collect()
            }
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties",
                Value::String(count),
            ) => count.parse::<u64>().map_or_else(|_| value.clone(), Value::from),
            _ => value.clone(),
        };
        out.insert(if key == "any_of" { "anyOf".into() } else { key.clone() }, value);
    }
    if object.get("nullable") == Some(&Value::Bool(true))
        && let Some(kind @ Value::String(_)) = out.get("type").cloned()
    {
        out.insert("type".into(), json!([kind, "null"]));
    }
    Value::Object(out)
}
