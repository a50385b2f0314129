//! What was set for a session and its format has no word for: whoever set it is told.
use consort_core::{SessionConfig, Warning};
use serde_json::Value;

/// What of sampling and thinking is set.
pub(super) fn chosen(config: &SessionConfig) -> Vec<String> {
    let all = [serde_json::to_value(&config.sampling), serde_json::to_value(&config.reasoning)];
    let fields = all.into_iter().filter_map(|all| all.ok()?.as_object().cloned()).flatten();
    let is_set = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    fields.filter(|(_, value)| is_set(value)).map(|(name, _)| name).collect()
}

pub(super) fn unsaid(names: &[String]) -> Option<Warning> {
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let what = format!(
        "a live session of this model has no word for {list}, left out here: its own options may have one"
    );
    (!names.is_empty()).then(|| Warning::new("dropped", what))
}
