//! Gemini's `generateContent`, as the Gemini API and Vertex AI speak it.
//!
//! The model and whether the answer streams stand in the path. A vendor's own path (`Quirks::path`) replaces
//! what stands before the method: `publishers/google/models/{model}` for Vertex AI, where the base URL ends in
//! the project's location. Bodies are written in camel case; clients may write them in snake case too.
//!
//! Calls need no ids here. An id that this module would give anyway is not written, so a conversation without
//! ids stays one (see `crate::pairing`).
mod config;
mod decode;
mod encode;
mod grounding;
mod keys;
mod listing;
mod normalise;
mod part;
mod partial;
mod path;
mod read_request;
mod request;
mod schema;
mod tool_result;
mod tools;
mod words;

#[cfg(test)]
mod tests;

use crate::{Carries, Decode, Encode, Listed, Normalised, Quirks, Reply, Thinking, Wire, WireRequest};
use consort_core::{Error, Object, Request, Response};
use serde_json::Value;

pub(crate) const ID: &str = "gemini";

/// What this wire carries.
const CARRIES: Carries = Carries {
    wire: ID,
    system_messages: false,
    // Results of parallel calls must come in one content.
    joins_messages: true,
    names: false,
    result_names: true,
    media_names: false,
    assistant_media: true,
    citations: false,
    refusals: false,
    thinking: Thinking::Any,
    cache: false,
    tool_cache: false,
    strict_tools: false,
    parallel_tools: false,
    schema_names: false,
    ..Carries::ALL
};

/// Gemini's `generateContent`.
#[derive(Debug)]
pub struct Gemini;

impl Wire for Gemini {
    fn id(&self) -> &'static str {
        ID
    }

    fn normalise(&self, request: &Request, quirks: &Quirks) -> Normalised {
        normalise::normalise(self, request, quirks)
    }

    fn write_request(&self, request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
        let method = if request.stream { path::STREAM } else { path::SINGLE };
        let body = Value::Object(request::write(request, quirks)?);
        Ok(WireRequest::post(path::write(&request.model, method, quirks), &body))
    }

    fn decode_request(&self, request: &WireRequest) -> Result<Request, Error> {
        read_request::read(request)
    }

    fn decode(&self, _quirks: &Quirks) -> Box<dyn Decode> {
        Box::<decode::GeminiDecode>::default()
    }

    fn encode(&self, reply: &Reply) -> Box<dyn Encode> {
        Box::new(encode::GeminiEncode::new(reply))
    }

    fn encode_response(&self, response: &Response, reply: &Reply) -> Value {
        encode::response(response, reply)
    }

    fn encode_error(&self, error: &Error) -> (u16, Value) {
        encode::error(error)
    }

    fn place_option(&self, body: &mut Object, name: &str, value: Value) {
        config::place_option(body, name, value);
    }

    fn models_request(&self, quirks: &Quirks) -> Option<WireRequest> {
        listing::request(quirks)
    }

    fn decode_models(&self, body: &Value) -> Result<Vec<Listed>, Error> {
        Ok(listing::read(body))
    }

    fn count_request(&self, request: &Request, quirks: &Quirks) -> Option<Result<WireRequest, Error>> {
        Some(request::count(request, quirks))
    }

    fn decode_count(&self, body: &Value) -> Option<u64> {
        body["totalTokens"].as_u64()
    }
}
