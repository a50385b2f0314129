//! Arguments are judged before a tool sees them: by JSON, and by the tool's schema.
use crate::judge::faults;
use consort_core::{Tool, ToolCall};
use serde_json::Value;

/// The arguments of a call, or what is wrong with them in words for the model.
pub(super) fn read(tool: &dyn Tool, call: &ToolCall) -> Result<Value, String> {
    let value = call
        .arguments
        .value()
        .map_err(|error| format!("the arguments are not JSON: {error}. Call the tool again with JSON."))?;
    // A schema that is itself broken judges nothing: the tool sees for itself.
    let Ok(judge) = jsonschema::validator_for(&tool.spec().parameters) else { return Ok(value) };
    let faults = faults(&judge, &value);
    if faults.is_empty() {
        return Ok(value);
    }
    Err(format!("the arguments do not fit the tool's schema: {}. Call the tool again.", faults.join("; ")))
}
