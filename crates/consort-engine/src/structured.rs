//! Answers that fit a schema: asked for, checked, and repaired once.
mod dsl;
mod model;

pub use dsl::schema_of_fields;
pub use model::holding_schemas;

use crate::judge::faults;
use crate::tools::schema_of;
use crate::tried;
use consort_core::{
    Attempt, Context, Error, ErrorKind, Message, Model, Output, Part, Request, Response, Role, Support,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A value that fits, and the answer that it came in.
#[derive(Debug, Clone)]
pub struct Structured<T = Value> {
    pub value: T,
    /// The last answer, with the tries of all.
    pub response: Response,
    /// Whether the first answer did not fit.
    pub repaired: bool,
}

/// Why there is no value.
#[derive(Debug, Clone)]
pub enum StructuredError {
    /// The model was not reached, or refused.
    Model { error: Error, attempts: Vec<Attempt> },
    /// It answered, twice, and neither answer fits. The text is the last one.
    Unfit { text: String, faults: Vec<String>, attempts: Vec<Attempt> },
    /// The schema itself cannot be used.
    Schema(String),
}

impl std::fmt::Display for StructuredError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Model { error, .. } => error.fmt(f),
            Self::Unfit { faults, .. } => {
                write!(f, "the answer does not fit the schema: {}", faults.join("; "))
            }
            Self::Schema(what) => write!(f, "the schema cannot be used: {what}"),
        }
    }
}

impl std::error::Error for StructuredError {}

/// For surfaces, which know one error.
impl From<StructuredError> for Error {
    fn from(error: StructuredError) -> Self {
        let words = error.to_string();
        match error {
            StructuredError::Model { error, .. } => error,
            StructuredError::Unfit { .. } => Self::new(ErrorKind::Protocol, words)
                .hint("ask a model that holds answers to schemas, or loosen the schema"),
            StructuredError::Schema(_) => Self::new(ErrorKind::InvalidRequest, words),
        }
    }
}

/// Asks for a value of this type.
pub async fn ask_for<T: DeserializeOwned + JsonSchema>(
    model: &dyn Model,
    request: Request,
    context: Context,
) -> Result<Structured<T>, StructuredError> {
    let Structured { value, response, repaired } =
        structured(model, request, schema_of::<T>(), context).await?;
    match serde_json::from_value(value) {
        Ok(value) => Ok(Structured { value, response, repaired }),
        Err(error) => {
            let (text, faults) = (response.text(), vec![error.to_string()]);
            Err(StructuredError::Unfit { text, faults, attempts: response.attempts })
        }
    }
}

/// Asks for a value that fits a JSON Schema. A model that is not known to hold its answers to schemas is told the
/// schema in words, and gets one chance to mend what does not fit.
pub async fn structured(
    model: &dyn Model,
    mut request: Request,
    schema: Value,
    context: Context,
) -> Result<Structured, StructuredError> {
    let judge =
        jsonschema::validator_for(&schema).map_err(|error| StructuredError::Schema(error.to_string()))?;
    let native = model.card().capabilities.schema == Support::Yes;
    if native {
        let name = "answer".to_owned();
        request.output = Output::Schema { name, description: None, schema, strict: None };
    } else {
        request.output = Output::Text;
        let words = format!(
            "Answer with one JSON value that fits this JSON Schema, and with nothing else, no code fence:\n{schema}"
        );
        request.instructions.push(Part::text(words));
    }
    request.model.clone_from(&model.card().name);
    let mut tries = Vec::new();
    let response = match tried::ask(model, &request, &context, &mut tries).await {
        Ok(response) => response,
        Err(error) => return Err(StructuredError::Model { error, attempts: tries }),
    };
    let faults = match read(&response.text(), &judge) {
        Ok(value) => {
            let response = Response { attempts: tries, ..response };
            return Ok(Structured { value, response, repaired: false });
        }
        Err(faults) => faults,
    };
    // Told what is wrong, most models get it right.
    request.messages.push(Message::new(Role::Assistant, response.parts.clone()));
    request.messages.push(Message::user(format!(
        "This does not fit: {}. Answer again with the corrected JSON alone.",
        faults.join("; ")
    )));
    let answered = tried::ask(model, &request, &context, &mut tries).await;
    let attempts = tries;
    let response = match answered {
        Ok(response) => Response { attempts, ..response },
        Err(error) => return Err(StructuredError::Model { error, attempts }),
    };
    let text = response.text();
    match read(&text, &judge) {
        Ok(value) => Ok(Structured { value, response, repaired: true }),
        Err(faults) => Err(StructuredError::Unfit { text, faults, attempts: response.attempts }),
    }
}

/// The value in the text, if it fits; else what is wrong with it.
fn read(text: &str, judge: &jsonschema::Validator) -> Result<Value, Vec<String>> {
    let value: Value =
        serde_json::from_str(bare(text)).map_err(|error| vec![format!("it is not JSON: {error}")])?;
    let faults = faults(judge, &value);
    if faults.is_empty() { Ok(value) } else { Err(faults) }
}

/// The JSON in an answer: models like to put a fence or a word around it.
fn bare(text: &str) -> &str {
    let text = text.trim();
    if text.starts_with(['{', '[']) {
        // Words may follow.
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
        let whole = values.next().is_some_and(|first| first.is_ok());
        return if whole { &text[..values.byte_offset()] } else { text };
    }
    if let Some((_, rest)) = text.split_once("```") {
        let body = rest.split_once('\n').map_or(rest, |(_, body)| body);
        return body.split("```").next().unwrap_or(body).trim();
    }
    let from = text.find(['{', '[']);
    let to = text.rfind(['}', ']']);
    match (from, to) {
        (Some(from), Some(to)) if from < to => &text[from..=to],
        _ => text,
    }
}
