//! `--schema`: a JSON Schema as it stands, from a file, or from fields in a line.
use crate::exit;
use consort_core::Error;
use consort_engine::schema_of_fields;
use serde_json::Value;
use std::path::Path;

pub(super) fn read(given: &str) -> Result<Value, Error> {
    let text = given.trim();
    if text.starts_with(['{', '[']) {
        return json(text, "the schema");
    }
    let path = Path::new(text);
    if path.is_file() {
        let text = std::fs::read_to_string(path)
            .map_err(|error| exit::usage(format!("the schema `{given}` cannot be read: {error}")))?;
        return json(&text, &format!("the schema in `{given}`"));
    }
    if Path::new(text).extension().is_some_and(|end| end == "json") {
        return Err(exit::usage(format!("there is no file `{given}`"))
            .hint("a schema is JSON, a file that holds it, or fields as `name, age int`"));
    }
    schema_of_fields(text)
}

fn json(text: &str, what: &str) -> Result<Value, Error> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| exit::usage(format!("{what} is not JSON: {error}")))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(exit::usage(format!("{what} is not a JSON object")).hint("for instance {\"type\": \"object\"}"))
}
