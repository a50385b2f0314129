//! Catches a model that asks for the same thing again and again.
use consort_core::{ToolCall, ToolOutput};
use std::collections::HashMap;

/// How often one call may give one result before it is not run any more.
const ENOUGH: u32 = 3;

/// What was called with what, and how often it gave the same.
#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<(String, String), (ToolOutput, u32)>);

impl Repeats {
    /// What the model is told instead of a result that it has had often enough.
    pub(super) fn refuses(&self, call: &ToolCall) -> Option<String> {
        let (_, times) = self.0.get(&key(call))?;
        (*times >= ENOUGH).then(|| {
            format!(
                "not run: `{}` was called {times} times with these arguments and gave the same result each time. \
                 Use that result, or do something else.",
                call.name
            )
        })
    }

    pub(super) fn note(&mut self, call: &ToolCall, output: &ToolOutput) {
        let (last, times) = self.0.entry(key(call)).or_insert_with(|| (output.clone(), 0));
        if last == output {
            *times += 1;
        } else {
            *last = output.clone();
            *times = 1;
        }
    }
}

fn key(call: &ToolCall) -> (String, String) {
    let arguments =
        call.arguments.value().map_or_else(|_| call.arguments.raw().to_owned(), |value| canonical(&value));
    (call.name.clone(), arguments)
}

/// The same text for the same meaning: the order of keys does not count.
fn canonical(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(name, _)| name.as_str());
            let entries = entries.iter().map(|(name, value)| format!("{name:?}:{}", canonical(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
