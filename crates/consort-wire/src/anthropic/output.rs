//! The shape of the answer, as `output_config.format`.
use consort_core::{Object, Output};
use serde_json::{Value, json};

pub(super) fn write(output: &Output, body: &mut Object) {
    if let Output::Schema { schema, .. } = output {
        let config = body.entry("output_config").or_insert_with(|| json!({}));
        config["format"] = json!({"type": "json_schema", "schema": schema});
    }
}

/// Reads it from its place, or from the one that it had before, and takes it out of the body.
pub(super) fn read(body: &mut Object, output: &mut Output) {
    if let Some(read) = body.get("output_format").and_then(schema) {
        *output = read;
        body.shift_remove("output_format");
    }
    let Some(Value::Object(config)) = body.get_mut("output_config") else { return };
    if let Some(read) = config.get("format").and_then(schema) {
        *output = read;
        config.shift_remove("format");
    }
    config.retain(|_, value| !value.is_null());
    if config.is_empty() {
        body.shift_remove("output_config");
    }
}

fn schema(format: &Value) -> Option<Output> {
    let format = format.as_object().filter(|format| format.len() == 2)?;
    let schema = format.get("schema")?.clone();
    (format.get("type")? == "json_schema").then_some(Output::Schema {
        name: String::new(),
        description: None,
        schema,
        strict: None,
    })
}
