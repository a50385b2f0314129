//! Anthropic Messages: `v1/messages`, on Anthropic's own hosts, Vertex AI and vendors that copied the format.
//!
//! Vertex differs in three ways, and one word says so: a body with `anthropic_version` (from [`Quirks::body`],
//! or from a client) names the model in its path, not in itself, and needs no version header.
mod blocks;
mod decode;
mod encode;
mod error;
mod media;
mod models;
mod output;
mod read_request;
mod request;
mod response;
mod rules;
#[cfg(test)]
mod tests;
pub(crate) mod thinking;

use crate::quirks::Quirks;
use crate::{Carries, Decode, Encode, Listed, Normalised, Reply, Thinking, Wire, WireRequest};
use consort_core::{Error, Modality, Request, Response};
use serde_json::Value;

/// The wire's id, and what its vendor data is filed under.
const ID: &str = "anthropic";

/// The version of the format that is spoken here.
const VERSION: &str = "2023-06-01";

const CARRIES: Carries = Carries {
    wire: ID,
    joins_messages: true,
    names: false,
    media: &[Modality::Image, Modality::Pdf, Modality::Text],
    urls: &[Modality::Image, Modality::Pdf],
    result_media: &[Modality::Image, Modality::Pdf, Modality::Text],
    refusals: false,
    thinking: Thinking::Signed,
    json_output: false,
    schema_names: false,
    sampling: &["max_tokens", "temperature", "top_p", "top_k", "stop"],
    empty_text: false,
    ..Carries::ALL
};

/// The format of Anthropic's Messages API.
#[derive(Debug)]
pub struct Anthropic;

impl Wire for Anthropic {
    fn id(&self) -> &'static str {
        ID
    }

    fn normalise(&self, request: &Request, quirks: &Quirks) -> Normalised {
        // Cache marks are of the format itself here, not one vendor's extension.
        let quirks = Quirks { cache_marks: true, ..quirks.clone() };
        rules::apply(CARRIES.apply(self, request, &quirks))
    }

    fn write_request(&self, request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
        request::write(request, quirks)
    }

    fn decode_request(&self, request: &WireRequest) -> Result<Request, Error> {
        read_request::read(request)
    }

    fn decode(&self, _quirks: &Quirks) -> Box<dyn Decode> {
        Box::new(decode::MessageDecode::default())
    }

    fn encode(&self, reply: &Reply) -> Box<dyn Encode> {
        Box::new(encode::MessageEncode::new(reply))
    }

    fn encode_response(&self, response: &Response, reply: &Reply) -> Value {
        response::write(response, reply)
    }

    fn encode_error(&self, error: &Error) -> (u16, Value) {
        error::write(error)
    }

    fn models_request(&self, quirks: &Quirks) -> Option<WireRequest> {
        models::request(quirks)
    }

    fn decode_models(&self, body: &Value) -> Result<Vec<Listed>, Error> {
        models::read(body)
    }

    fn count_request(&self, request: &Request, quirks: &Quirks) -> Option<Result<WireRequest, Error>> {
        // Vertex counts elsewhere, and a vendor with a path of its own may not count at all.
        (quirks.path.is_none() && !request::is_versioned(request, quirks))
            .then(|| request::write_count(request, quirks))
    }

    fn decode_count(&self, body: &Value) -> Option<u64> {
        body["input_tokens"].as_u64()
    }
}
