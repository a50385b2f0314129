//! The formats for embeddings, and what they share.
mod cohere;
mod gemini;
mod ollama;
mod openai;
#[cfg(test)]
mod tests;

pub(crate) use cohere::CohereEmbeddings;
pub(crate) use gemini::GeminiEmbeddings;
pub(crate) use ollama::OllamaEmbeddings;
pub(crate) use openai::OpenAiEmbeddings;

use crate::{Quirks, ResponseHead, WireRequest, error_body, json};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{EmbedRequest, Error, ErrorKind, Object};
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;

/// The largest vector that room is made for before its numbers came.
const LARGEST_HINT: usize = 16 * 1024;

/// Reads an answer, or the error that it is.
fn parse<T: DeserializeOwned>(head: &ResponseHead, body: &[u8]) -> Result<T, Error> {
    if head.status >= 400 {
        return Err(error_body::read(head, body));
    }
    serde_json::from_slice(body).map_err(|error| {
        let told = serde_json::from_slice::<Value>(body).ok().and_then(|value| error_body::inside(&value));
        told.unwrap_or_else(|| Error::protocol(format!("the embeddings could not be read: {error}")))
            .request_id(head.request_id())
    })
}

/// The body of a request, as an object without empty fields.
fn body_of(request: &WireRequest) -> Result<Object, Error> {
    let Value::Object(mut object) = request.json()? else {
        return Err(Error::new(ErrorKind::InvalidRequest, "the request body is not an object"));
    };
    object.retain(|_, value| !value.is_null());
    Ok(object)
}

/// A request to the path that the provider has, or to the usual one; the caller's own JSON goes last.
fn post(usual: &str, quirks: &Quirks, request: &EmbedRequest, mut body: Object) -> WireRequest {
    json::merge(&mut body, &request.options);
    let path = quirks.embeddings_path.as_deref().unwrap_or(usual).replace("{model}", &request.model);
    WireRequest::post(path, &Value::Object(body))
}

/// Takes texts to embed, when all that stands there is text.
fn take_texts(object: &mut Object, key: &str) -> Option<Vec<String>> {
    if let Some(text) = json::take_text(object, key) {
        return Some(vec![text]);
    }
    json::take(object, key)
}

/// One vector: a list of numbers, or base64.
#[derive(Debug, PartialEq)]
enum Vector {
    Numbers(Vec<f32>),
    Bytes(Vec<u8>),
}

impl Vector {
    /// The numbers; bytes are those of 32-bit floats.
    fn numbers(self) -> Result<Vec<f32>, Error> {
        match self {
            Self::Numbers(numbers) => Ok(numbers),
            Self::Bytes(bytes) if bytes.len() % 4 == 0 => {
                let numbers = bytes.chunks_exact(4);
                Ok(numbers.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
            }
            Self::Bytes(bytes) => {
                Err(Error::protocol(format!("a vector of {} bytes is not made of floats", bytes.len())))
            }
        }
    }

    /// The numbers; bytes are signed ones, one for each dimension.
    fn small_numbers(self) -> Vec<f32> {
        match self {
            Self::Numbers(numbers) => numbers,
            Self::Bytes(bytes) => bytes.into_iter().map(|byte| f32::from(byte.cast_signed())).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(VectorVisitor)
    }
}

struct VectorVisitor;

impl<'de> Visitor<'de> for VectorVisitor {
    type Value = Vector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers or base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vector, E> {
        STANDARD.decode(text.trim()).map(Vector::Bytes).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vector, A::Error> {
        let mut numbers = Vec::with_capacity(list.size_hint().unwrap_or_default().min(LARGEST_HINT));
        while let Some(number) = list.next_element()? {
            numbers.push(number);
        }
        Ok(Vector::Numbers(numbers))
    }
}
