//! What is wrong with a client's message, as the vendor says it.
use consort_core::{Error, ErrorKind, Object};
use serde_json::{Value, json};

/// Why a message, or a part of it, is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
    param: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None }
    }

    pub(super) fn value(param: &str, message: impl Into<String>) -> Self {
        Self { code: "invalid_value", message: message.into(), param: Some(param.to_owned()) }
    }

    pub(super) fn kind(param: &str, wanted: &str) -> Self {
        Self {
            code: "invalid_type",
            message: format!("Invalid type for '{param}': {wanted} is wanted."),
            param: Some(param.to_owned()),
        }
    }

    pub(super) fn missing(param: &str) -> Self {
        Self {
            code: "missing_required_parameter",
            message: format!("Missing required parameter: '{param}'."),
            param: Some(param.to_owned()),
        }
    }

    /// What this server cannot do, however it is said.
    pub(super) fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self { code: "unsupported", message: message.into(), param: Some(param.to_owned()) }
    }

    /// The event that tells it, under the number of the client's own.
    pub(super) fn to_error(&self, event_id: &Value) -> Value {
        json!({
            "type": "invalid_request_error",
            "code": self.code,
            "message": self.message,
            "param": self.param,
            // One that is no text is none.
            "event_id": event_id.as_str(),
        })
    }
}

/// An object with no other fields than these.
pub(super) fn fields<'a>(value: &'a Value, path: &str, known: &[&str]) -> Result<&'a Object, Refusal> {
    let object = value.as_object().ok_or_else(|| Refusal::kind(path, "an object"))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(object),
        Some(key) => {
            let param = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            Err(Refusal {
                code: "unknown_parameter",
                message: format!("Unknown parameter: '{param}'."),
                param: Some(param),
            })
        }
    }
}

/// The same, without what is null: libraries write so what nobody set.
pub(super) fn given<'a>(
    value: &'a Value,
    path: &str,
    known: &[&str],
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, Refusal> {
    Ok(fields(value, path, known)?.iter().filter(|(_, value)| !value.is_null()))
}

pub(super) fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, Refusal> {
    value.as_str().ok_or_else(|| Refusal::kind(path, "a text"))
}

/// A text that must be there; what is null is not set.
pub(super) fn wanted<'a>(object: &'a Object, path: &str, key: &str) -> Result<&'a str, Refusal> {
    let param = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let given = object.get(key).filter(|value| !value.is_null());
    text(given.ok_or_else(|| Refusal::missing(&param))?, &param)
}

/// One of these words.
pub(super) fn word<'a>(value: &'a Value, path: &str, known: &[&str]) -> Result<&'a str, Refusal> {
    let given = text(value, path)?;
    if known.contains(&given) {
        return Ok(given);
    }
    let known: Vec<String> = known.iter().map(|word| format!("'{word}'")).collect();
    let message = format!("Invalid value: '{given}'. Supported values are: {}.", known.join(", "));
    Err(Refusal::value(path, message))
}

/// What failed on our side, or on the model's.
pub(super) fn of_error(error: &Error) -> Value {
    let kind = match error.kind() {
        ErrorKind::RateLimit => "rate_limit_error",
        ErrorKind::Quota => "insufficient_quota",
        ErrorKind::Auth => "authentication_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::ModelNotFound => {
            "invalid_request_error"
        }
        // What this server lacks is nothing that a client could say otherwise.
        _ => "server_error",
    };
    json!({
        "type": kind,
        "code": error.vendor_code().unwrap_or(error.kind().as_str()),
        "message": super::super::said(error),
        "param": null,
        "event_id": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_lacks_is_no_fault_of_the_request() {
        let told = |kind| of_error(&Error::new(kind, "x"))["type"].clone();
        assert_eq!(told(ErrorKind::Setup), "server_error");
        assert_eq!(told(ErrorKind::ModelNotFound), "invalid_request_error");
    }
}
