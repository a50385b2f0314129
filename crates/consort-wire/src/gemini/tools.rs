//! Tools: functions, and those that the vendor runs itself.
use super::{ID, keys, schema};
use crate::json;
use consort_core::{FunctionSpec, Object, ToolSpec};
use serde_json::{Value, json};

/// The list of tools, in which one entry may hold functions and the vendor's own tools side by side.
pub(super) fn read(tools: Value) -> Vec<ToolSpec> {
    let entries = match tools {
        Value::Array(entries) => entries,
        one => vec![one],
    };
    entries.into_iter().flat_map(read_entry).collect()
}

/// Functions that follow each other share an entry; each of the vendor's own tools has one.
pub(super) fn write(tools: &[ToolSpec]) -> Vec<Value> {
    let mut entries: Vec<Value> = Vec::new();
    for chunk in tools.chunk_by(|one, two| is_function(one) && is_function(two)) {
        let functions: Vec<Value> = chunk
            .iter()
            .filter_map(|tool| match tool {
                ToolSpec::Function(function) => Some(Value::Object(write_function(function))),
                ToolSpec::Native { .. } => None,
            })
            .collect();
        match chunk {
            [ToolSpec::Native { wire, value }] if wire == ID => entries.push(value.clone()),
            [ToolSpec::Native { .. }] => {}
            _ => entries.push(json!({ "functionDeclarations": functions })),
        }
    }
    entries
}

/// Brings a tool to the form in which it would be read; false where this wire has none.
pub(super) fn normalise(tool: &mut ToolSpec) -> bool {
    match tool {
        ToolSpec::Function(function) => {
            if function.parameters.is_null() {
                function.parameters = no_parameters();
            }
            let original = function.vendor.get(ID, "parameters").map(schema::to_json_schema);
            // The schema was changed since it was read: what it was then no longer counts.
            if original.is_some_and(|original| original != function.parameters) {
                function.vendor.remove(ID, "parameters");
            }
            if read_function(Value::Object(write_function(function))).as_ref() != Some(function) {
                function.vendor = consort_core::VendorData::default();
            }
            true
        }
        ToolSpec::Native { value: Value::Object(object), .. } => {
            keys::clean(object);
            !object.is_empty() && !object.contains_key("functionDeclarations")
        }
        ToolSpec::Native { .. } => false,
    }
}

pub(super) fn is_function(tool: &ToolSpec) -> bool {
    matches!(tool, ToolSpec::Function(_))
}

fn read_entry(entry: Value) -> Vec<ToolSpec> {
    let Value::Object(mut entry) = entry else { return Vec::new() };
    keys::clean(&mut entry);
    let mut tools = Vec::new();
    if let Some(Value::Array(functions)) = entry.shift_remove("functionDeclarations") {
        tools.extend(functions.into_iter().filter_map(read_function).map(ToolSpec::Function));
    }
    if !entry.is_empty() {
        tools.push(ToolSpec::Native { wire: ID.to_owned(), value: Value::Object(entry) });
    }
    tools
}

fn read_function(function: Value) -> Option<FunctionSpec> {
    let Value::Object(mut object) = function else { return None };
    keys::clean(&mut object);
    let name = json::take_text(&mut object, "name").unwrap_or_default();
    let description = json::take_text(&mut object, "description").unwrap_or_default();
    // The older dialect is kept as it came, for the way back.
    let parameters = object
        .shift_remove("parametersJsonSchema")
        .or_else(|| object.get("parameters").map(schema::to_json_schema))
        .unwrap_or_else(no_parameters);
    let mut function = FunctionSpec::new(name, description, parameters);
    function.vendor.merge(ID, object);
    Some(function)
}

fn write_function(function: &FunctionSpec) -> Object {
    let mut object = Object::new();
    object.insert("name".into(), json!(function.name));
    if !function.description.is_empty() {
        object.insert("description".into(), json!(function.description));
    }
    let original = function.vendor.get(ID, "parameters").is_some();
    // A function without parameters has no schema: an empty one is refused by older models.
    if !original && function.parameters != no_parameters() {
        object.insert("parametersJsonSchema".into(), function.parameters.clone());
    }
    if let Some(vendor) = function.vendor.of(ID) {
        json::merge(&mut object, vendor);
    }
    object
}

fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}})
}
