//! `-o NAME VALUE`: words of the command line become values of the type that the model's schema says.
use crate::commands::models::kind;
use crate::exit;
use crate::setup::cards;
use consort_core::{Error, Host, ModelCard, Object};
use serde_json::Value;

/// How many models are named that have what this one lacks.
pub(super) const NAMED: usize = 4;

/// The options of one request: those of the settings, then those of the command line.
pub(crate) fn read(
    words: &[String],
    settings: Option<&Object>,
    card: &ModelCard,
    host: &Host,
) -> Result<Object, Error> {
    let properties = card.options.get("properties").and_then(Value::as_object);
    let mut options = Object::new();
    for (name, value) in settings.into_iter().flatten() {
        if let Some(properties) = properties {
            let schema = properties.get(name).ok_or_else(|| {
                unknown(name, card, properties, host).hint("it is set in your consort.toml")
            })?;
            if !fits(schema, value) {
                return Err(wrong(name, &value.to_string(), schema).hint("it is set in your consort.toml"));
            }
        }
        options.insert(name.clone(), value.clone());
    }
    for pair in words.chunks_exact(2) {
        let (name, word) = (&pair[0], &pair[1]);
        let value = match properties {
            None => any(word),
            Some(properties) => {
                let schema = properties.get(name).ok_or_else(|| unknown(name, card, properties, host))?;
                typed(schema, word).ok_or_else(|| wrong(name, word, schema))?
            }
        };
        options.insert(name.clone(), value);
    }
    Ok(options)
}

/// The word as the first type that it fits.
fn typed(schema: &Value, word: &str) -> Option<Value> {
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Some(any(word)).filter(|value| fits(schema, value)),
    };
    // A text takes any word, so it is tried last.
    let (texts, others): (Vec<&str>, Vec<&str>) = kinds.into_iter().partition(|kind| *kind == "string");
    others.into_iter().chain(texts).find_map(|kind| of_kind(kind, word)).filter(|value| fits(schema, value))
}

fn of_kind(kind: &str, word: &str) -> Option<Value> {
    let json = || serde_json::from_str::<Value>(word).ok();
    match kind {
        "string" => Some(Value::from(word)),
        "boolean" => match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "off" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        "integer" => json().filter(|value| value.is_i64() || value.is_u64()),
        "number" => json().filter(Value::is_number),
        "null" => json().filter(Value::is_null),
        "array" => json().filter(Value::is_array),
        "object" => json().filter(Value::is_object),
        _ => None,
    }
}

/// JSON if it is JSON, else text.
fn any(word: &str) -> Value {
    serde_json::from_str(word).unwrap_or_else(|_| Value::from(word))
}

/// Whether a value keeps to the listed values and the range. Its provider checks the rest.
fn fits(schema: &Value, value: &Value) -> bool {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let listed = schema.get("enum").and_then(Value::as_array).is_none_or(|all| all.contains(value));
    let ranged = value.as_f64().is_none_or(|number| {
        bound("minimum").is_none_or(|low| number >= low) && bound("maximum").is_none_or(|high| number <= high)
    });
    listed && ranged
}

fn wrong(name: &str, word: &str, schema: &Value) -> Error {
    let error = exit::usage(format!("the option `{name}` cannot be `{word}`"));
    let mut must = kind(schema);
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        must = all
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", ");
    }
    error.hint(format!("it takes {must}"))
}

/// This model has no such option: what was meant, what it has, and who has it.
fn unknown(name: &str, card: &ModelCard, properties: &Object, host: &Host) -> Error {
    let mut error = Error::unsupported(format!("{} has no option `{name}`", card.id));
    let near = properties.keys().filter(|known| strsim::jaro_winkler(known, name) > 0.85);
    if let Some(near) =
        near.max_by(|one, two| strsim::jaro_winkler(one, name).total_cmp(&strsim::jaro_winkler(two, name)))
    {
        error = error.hint(format!("did you mean `{near}`?"));
    }
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    if !names.is_empty() {
        error = error.hint(format!("it has {}", names.join(", ")));
    }
    let having: Vec<String> = cards(host)
        .into_iter()
        .filter(|(card, _)| card.options.pointer("/properties").and_then(|all| all.get(name)).is_some())
        .map(|(card, _)| card.id)
        .take(NAMED)
        .collect();
    if having.is_empty() { error } else { error.hint(format!("models that have it: {}", having.join(", "))) }
}
