//! The protocol's JSON Schema, as a judge of recorded lines.
use crate::protocol::Id;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The JSON Schema of the protocol: `docs/reference/plugin-protocol.schema.json`.
pub fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        const TEXT: &str = include_str!("../../../../docs/reference/plugin-protocol.schema.json");
        serde_json::from_str(TEXT).unwrap_or_default()
    })
}

/// Judges the lines of both sides, in the order in which they were written. It is strict: a field that the protocol
/// does not name is a mistake here, though no host and no plugin minds it.
///
/// ```
/// # use consort_plugin::testing::Transcript;
/// let mut both = Transcript::default();
/// both.from_host(r#"{"jsonrpc":"2.0","id":1,"method":"models/list"}"#).unwrap();
/// both.from_plugin(r#"{"jsonrpc":"2.0","id":1,"result":{"models":[{"id":"parrot"}]}}"#).unwrap();
/// let wrong = both.from_host(r#"{"jsonrpc":"2.0","id":2,"method":"embed","params":{"model":7}}"#);
/// assert!(wrong.unwrap_err().contains("model"));
/// ```
#[derive(Debug, Default)]
pub struct Transcript {
    /// The methods of open requests, of either side.
    host: HashMap<Id, String>,
    plugin: HashMap<Id, String>,
}

impl Transcript {
    /// Judges a line that the host wrote.
    pub fn from_host(&mut self, line: &str) -> Result<(), String> {
        judge("fromHost", line, &mut self.host, &mut self.plugin)
    }

    /// Judges a line that the plugin wrote.
    pub fn from_plugin(&mut self, line: &str) -> Result<(), String> {
        judge("fromPlugin", line, &mut self.plugin, &mut self.host)
    }

    /// Which of the host's requests were not answered.
    pub fn unanswered(&self) -> Vec<&str> {
        self.host.values().map(String::as_str).collect()
    }
}

fn judge(
    side: &str,
    line: &str,
    mine: &mut HashMap<Id, String>,
    theirs: &mut HashMap<Id, String>,
) -> Result<(), String> {
    let message: Value = serde_json::from_str(line).map_err(|error| format!("no JSON: {error}: {line}"))?;
    let id = message.get("id").and_then(|id| serde_json::from_value::<Id>(id.clone()).ok());
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        against("#/$defs/answer", &message)?;
        // An answer to a line that could not be read has no id.
        let Some(id) = id else { return Ok(()) };
        let method = theirs.remove(&id).ok_or_else(|| format!("nobody asked what this answers: {line}"))?;
        return match message.get("result") {
            Some(result) => against(&format!("#/$defs/results/$defs/{}", method.replace('/', "~1")), result)
                .map_err(|error| format!("`{method}`: {error}")),
            None => Ok(()),
        };
    };
    let known = schema()["$defs"][side]["anyOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    let says = |one: &Value| {
        let named = one.pointer("/properties/method/const").and_then(Value::as_str) == Some(method);
        named && one.pointer("/properties/id").is_some() == id.is_some()
    };
    match known.iter().position(says) {
        Some(at) => {
            against(&format!("#/$defs/{side}/anyOf/{at}"), &message)
                .map_err(|e| format!("`{method}`: {e}"))?;
        }
        None if method.starts_with("x-") => {}
        None => return Err(format!("`{method}` is no method of this side: {line}")),
    }
    if let Some(id) = id
        && mine.insert(id, method.to_owned()).is_some()
    {
        return Err(format!("the id is taken: {line}"));
    }
    Ok(())
}

/// Checks a value against one place of the schema.
fn against(place: &str, value: &Value) -> Result<(), String> {
    static MADE: OnceLock<Mutex<HashMap<String, Arc<Validator>>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let validator = if let Some(validator) = made.get(place) {
        validator.clone()
    } else {
        let mut strict = schema()["$defs"].clone();
        forbid_others(&mut strict);
        let schema = json!({"$ref": place, "$defs": strict});
        let validator = jsonschema::draft202012::new(&schema).map_err(|error| error.to_string())?;
        let validator = Arc::new(validator);
        made.insert(place.to_owned(), validator.clone());
        validator
    };
    drop(made);
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|error| {
            let text: String = error.to_string().chars().take(300).collect();
            format!("{}: {text}", error.instance_path())
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Forbids every field that is not named.
fn forbid_others(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let named = object.get("type") == Some(&json!("object")) && object.contains_key("properties");
            if named && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".into(), false.into());
            }
            object.values_mut().for_each(forbid_others);
        }
        Value::Array(all) => all.iter_mut().for_each(forbid_others),
        _ => {}
    }
}
