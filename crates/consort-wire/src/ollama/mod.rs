//! Ollama's `/api/chat`: one JSON object to a line, the last of which says `done`.
//!
//! Sampling stands in `options`, where options that Consort has no word for go too. Newer servers give calls
//! ids and take them back; older ones match results by the tool's name (see `crate::pairing`).
mod decode;
mod encode;
mod listing;
mod normalise;
mod options;
mod read_request;
mod request;

#[cfg(test)]
mod tests;

use crate::{
    Carries, Decode, Encode, Framing, Listed, Normalised, Quirks, Reply, Thinking, Wire, WireRequest,
};
use consort_core::{Error, Modality, Object, Request, Response};
use serde_json::{Value, json};

pub(crate) const ID: &str = "ollama";

/// What this wire carries.
const CARRIES: Carries = Carries {
    wire: ID,
    names: false,
    result_names: true,
    result_errors: false,
    media: &[Modality::Image],
    urls: &[],
    files: false,
    media_names: false,
    result_media: &[],
    citations: false,
    refusals: false,
    thinking: Thinking::Any,
    cache: false,
    tool_cache: false,
    strict_tools: false,
    tool_choice: false,
    parallel_tools: false,
    schema_names: false,
    sampling: &[
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
    ],
    budget: false,
    empty_text: false,
    ..Carries::ALL
};

/// Ollama's own chat format.
#[derive(Debug)]
pub struct Ollama;

impl Wire for Ollama {
    fn id(&self) -> &'static str {
        ID
    }

    fn normalise(&self, request: &Request, quirks: &Quirks) -> Normalised {
        normalise::normalise(self, request, quirks)
    }

    fn write_request(&self, request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
        let path = quirks.path.as_deref().unwrap_or("api/chat").replace("{model}", &request.model);
        Ok(WireRequest::post(path, &Value::Object(request::write(request, quirks)?)))
    }

    fn decode_request(&self, request: &WireRequest) -> Result<Request, Error> {
        read_request::read(request)
    }

    fn decode(&self, _quirks: &Quirks) -> Box<dyn Decode> {
        Box::<decode::OllamaDecode>::default()
    }

    fn framing(&self) -> Framing {
        Framing::Ndjson
    }

    fn encode(&self, reply: &Reply) -> Box<dyn Encode> {
        Box::new(encode::OllamaEncode::new(reply))
    }

    fn encode_response(&self, response: &Response, reply: &Reply) -> Value {
        encode::response(response, reply)
    }

    fn encode_error(&self, error: &Error) -> (u16, Value) {
        encode::error(error)
    }

    fn place_option(&self, body: &mut Object, name: &str, value: Value) {
        if options::AT_TOP.contains(&name) {
            body.insert(name.to_owned(), value);
        } else if let Value::Object(options) = body.entry("options").or_insert_with(|| json!({})) {
            options.insert(name.to_owned(), value);
        }
    }

    fn models_request(&self, quirks: &Quirks) -> Option<WireRequest> {
        listing::request(quirks)
    }

    fn decode_models(&self, body: &Value) -> Result<Vec<Listed>, Error> {
        Ok(listing::read(body))
    }
}
