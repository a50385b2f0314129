//! JSON-RPC: one line, and what sort of message it is.
use super::{Failure, code};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A request's name, chosen by its sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    Number(u64),
    Text(String),
}

/// One line, read as far as to know what it is.
#[derive(Debug)]
pub enum Incoming<'a> {
    Request { id: Id, method: Cow<'a, str>, params: Option<&'a RawValue> },
    Notification { method: Cow<'a, str>, params: Option<&'a RawValue> },
    Answer { id: Id, result: Result<&'a RawValue, Failure> },
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default, borrow)]
    id: Option<Cow<'a, RawValue>>,
    #[serde(default, borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    params: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

impl<'a> Incoming<'a> {
    /// Reads one line. An error says what is wrong with it.
    pub fn read(line: &'a str) -> Result<Self, String> {
        let Line { id, method, params, result, error } =
            serde_json::from_str(line).map_err(|error| error.to_string())?;
        let id = match id {
            Some(raw) if raw.get() != "null" => {
                Some(serde_json::from_str::<Id>(raw.get()).map_err(|_| "its id is no number and no text")?)
            }
            _ => None,
        };
        Ok(match (method, id, result, error) {
            (Some(method), Some(id), ..) => Self::Request { id, method, params },
            (Some(method), None, ..) => Self::Notification { method, params },
            (None, Some(id), _, Some(error)) => Self::Answer { id, result: Err(failure(error)) },
            (None, Some(id), Some(result), None) => Self::Answer { id, result: Ok(result) },
            (None, Some(_), None, None) => return Err("it has no method, no result and no error".into()),
            (None, None, ..) => return Err("it has no id and no method".into()),
        })
    }
}

/// A result of `null` is one.
fn present<'a, 'de: 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// What an answer says went wrong. One that cannot be read is an error all the same, and its request is over.
fn failure(raw: &RawValue) -> Failure {
    const SHOWN: usize = 200;
    serde_json::from_str(raw.get()).unwrap_or_else(|error| {
        let shown: String = raw.get().chars().take(SHOWN).collect();
        let what = if raw.get().starts_with('{') {
            format!("its `error` could not be read ({error}): {shown}")
        } else {
            format!("its `error` is no object with `code` and `message`: {shown}")
        };
        Failure::new(code::INVALID_REQUEST, what)
    })
}

#[derive(Serialize)]
struct Outgoing<'a, P, R> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
}

/// A request, as a line.
pub fn request(id: &Id, method: &str, params: impl Serialize) -> String {
    line(&Outgoing::<_, ()> {
        jsonrpc: "2.0",
        id: Some(id),
        method: Some(method),
        params: Some(params),
        result: None,
        error: None,
    })
}

/// A message without an answer, as a line.
pub fn notification(method: &str, params: impl Serialize) -> String {
    line(&Outgoing::<_, ()> {
        jsonrpc: "2.0",
        id: None,
        method: Some(method),
        params: Some(params),
        result: None,
        error: None,
    })
}

/// An answer, as a line.
pub fn response(id: &Id, result: impl Serialize) -> String {
    line(&Outgoing::<(), _> {
        jsonrpc: "2.0",
        id: Some(id),
        method: None,
        params: None,
        result: Some(result),
        error: None,
    })
}

/// An answer that says what went wrong, as a line.
pub fn response_error(id: &Id, error: &Failure) -> String {
    line(&Outgoing::<(), ()> {
        jsonrpc: "2.0",
        id: Some(id),
        method: None,
        params: None,
        result: None,
        error: Some(error),
    })
}

fn line<P: Serialize, R: Serialize>(message: &Outgoing<'_, P, R>) -> String {
    let mut text = serde_json::to_string(message).unwrap_or_else(|error| {
        // Only a map with keys that are no texts gets here.
        let failure = Failure::new(code::INTERNAL, format!("a message could not be written: {error}"));
        let id = message.id.map_or("null".into(), |id| serde_json::to_string(id).unwrap_or_default());
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{}}}"#,
            serde_json::to_string(&failure).unwrap_or_default()
        )
    });
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let read = |line: &'static str| format!("{:?}", Incoming::read(line));
        assert!(read(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).contains("Request"));
        assert!(read(r#"{"method":"log","params":{}}"#).contains("Notification"));
        assert!(read(r#"{"id":"a","result":{}}"#).contains("Answer"));
        assert!(read(r#"{"id":1,"error":{"code":1,"message":"no"}}"#).contains("Answer"));
        for (line, said) in [
            (r#"{"id":1,"error":"it broke"}"#, "no object with `code` and `message`: \\\"it broke\\\""),
            (r#"{"id":1,"error":{"code":"x"}}"#, "could not be read (invalid type"),
            (r#"{"id":1,"result":null}"#, "Ok(RawValue(null))"),
            (r#"{"id":1,"result":{},"error":null}"#, "Ok(RawValue({}))"),
        ] {
            assert!(read(line).contains("Answer") && read(line).contains(said), "{}", read(line));
        }
        for bad in ["", "[]", "{}", "12", r#"{"id":1}"#, r#"{"id":{},"result":1}"#, "{\"id\":1,\"result\""] {
            assert!(Incoming::read(bad).is_err(), "{bad}");
        }
    }
}
