//! Settings that have no effect here: they are checked as the vendor does, and then let be.
use super::refusal::{Refusal, fields, text, word};
use serde_json::{Value, json};

/// Whether a setting of a session, or of one response, is one that can be.
pub(super) fn check(key: &str, value: &Value, path: &str) -> Result<(), Refusal> {
    match key {
        "max_output_tokens" if *value != json!("inf") && value.as_u64().is_none_or(|most| most == 0) => {
            Err(Refusal::value(path, format!("'{path}' is a whole number from 1 on, or 'inf'.")))
        }
        "parallel_tool_calls" if !value.is_boolean() => Err(Refusal::kind(path, "true or false")),
        "speed" if !value.as_f64().is_some_and(|speed| (0.25..=1.5).contains(&speed)) => {
            Err(Refusal::value(path, format!("'{path}' is between 0.25 and 1.5.")))
        }
        "include" => texts(value, path, &["item.input_audio_transcription.logprobs"]),
        "tracing" if !value.is_null() && !value.is_object() => word(value, path, &["auto"]).map(drop),
        "tracing" if value.is_object() => {
            fields(value, path, &["workflow_name", "group_id", "metadata"]).map(drop)
        }
        "truncation" if value.is_object() => {
            let given = fields(value, path, &["type", "retention_ratio", "token_limits"])?;
            one_of(given.get("type"), &format!("{path}.type"), &["retention_ratio"])?;
            let share = given.get("retention_ratio").and_then(Value::as_f64);
            if share.is_some_and(|share| (0.0..=1.0).contains(&share)) {
                return Ok(());
            }
            let path = format!("{path}.retention_ratio");
            Err(Refusal::value(&path, format!("'{path}' is between 0 and 1.")))
        }
        "truncation" => word(value, path, &["auto", "disabled"]).map(drop),
        "reasoning" if !value.is_null() => {
            let effort = fields(value, path, &["effort"])?.get("effort");
            let known = ["none", "minimal", "low", "medium", "high", "xhigh"];
            effort
                .filter(|effort| !effort.is_null())
                .map_or(Ok(()), |effort| word(effort, &format!("{path}.effort"), &known).map(drop))
        }
        "noise_reduction" if !value.is_null() => {
            let given = fields(value, path, &["type", "strength"])?;
            if super::settings::is_unset(value) {
                return Ok(());
            }
            one_of(given.get("type"), &format!("{path}.type"), &["near_field", "far_field"])
        }
        "metadata" if !value.is_null() && !value.is_object() => Err(Refusal::kind(path, "an object")),
        _ => Ok(()),
    }
}

/// How the user's words are to be written down: the model that is talked with does it itself.
pub(super) fn transcription(value: &Value, path: &str) -> Result<Value, Refusal> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let known = ["model", "language", "languages", "prompt", "keywords", "delay"];
    let given = fields(value, path, &known)?;
    for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("{path}.{key}");
        match key.as_str() {
            "languages" | "keywords" => texts(value, &path, &[])?,
            "delay" => one_of(Some(value), &path, &["minimal", "low", "medium", "high", "xhigh"])?,
            _ => text(value, &path).map(drop)?,
        }
    }
    Ok(json!({"model": given.get("model"), "language": null, "prompt": null}))
}

fn one_of(value: Option<&Value>, path: &str, known: &[&str]) -> Result<(), Refusal> {
    word(value.ok_or_else(|| Refusal::missing(path))?, path, known).map(drop)
}

/// A list of texts: of these, or of any where none are named.
fn texts(value: &Value, path: &str, known: &[&str]) -> Result<(), Refusal> {
    let list = value.as_array().ok_or_else(|| Refusal::kind(path, "a list"))?;
    for (at, item) in list.iter().enumerate() {
        let path = format!("{path}[{at}]");
        if known.is_empty() { text(item, &path).map(drop)? } else { word(item, &path, known).map(drop)? }
    }
    Ok(())
}
