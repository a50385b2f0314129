//! What is wrong with a value, in words for a model.
use serde_json::Value;

/// How many faults a model is told of at once.
const TOLD: usize = 5;

/// Where a value does not fit its schema, and why.
pub(crate) fn faults(judge: &jsonschema::Validator, value: &Value) -> Vec<String> {
    judge
        .iter_errors(value)
        .take(TOLD)
        .map(|fault| match fault.instance_path().as_str() {
            "" => fault.to_string(),
            place => format!("{place}: {fault}"),
        })
        .collect()
}
