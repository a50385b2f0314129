//! Bedrock Converse: one format for all models that AWS hosts.
//!
//! Streams come in AWS's own binary framing, errors name their kind in a header, and what only one family of
//! models knows goes into `additionalModelRequestFields`.
mod blocks;
mod decode;
mod encode;
mod error;
mod extra;
mod media;
mod read_request;
mod request;
mod response;
mod rules;
#[cfg(test)]
mod tests;

use crate::quirks::Quirks;
use crate::{Carries, Decode, Encode, Framing, Normalised, Reply, Thinking, Wire, WireRequest};
use consort_core::{Error, Modality, Object, Request, Response};
use serde_json::{Value, json};

/// The wire's id, and what its vendor data is filed under.
const ID: &str = "bedrock";

/// The field for what only some models know.
const EXTRA: &str = "additionalModelRequestFields";

const CARRIES: Carries = Carries {
    wire: ID,
    system_messages: false,
    joins_messages: true,
    names: false,
    files: false,
    result_media: &[Modality::Image, Modality::Pdf, Modality::Text, Modality::Video, Modality::File],
    refusals: false,
    thinking: Thinking::Signed,
    parallel_tools: false,
    json_output: false,
    sampling: &["max_tokens", "temperature", "top_p", "top_k", "stop"],
    empty_text: false,
    ..Carries::ALL
};

/// The format of Amazon Bedrock's Converse API.
#[derive(Debug)]
pub struct Bedrock;

impl Wire for Bedrock {
    fn id(&self) -> &'static str {
        ID
    }

    fn normalise(&self, request: &Request, quirks: &Quirks) -> Normalised {
        // Cache points are of the format itself here, not one vendor's extension.
        let quirks = Quirks { cache_marks: true, ..quirks.clone() };
        rules::apply(CARRIES.apply(self, request, &quirks))
    }

    fn write_request(&self, request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
        request::write(request, quirks)
    }

    fn decode_request(&self, request: &WireRequest) -> Result<Request, Error> {
        read_request::read(request)
    }

    fn framing(&self) -> Framing {
        Framing::EventStream
    }

    fn decode(&self, _quirks: &Quirks) -> Box<dyn Decode> {
        Box::new(decode::ConverseDecode::default())
    }

    fn encode(&self, _reply: &Reply) -> Box<dyn Encode> {
        Box::new(encode::ConverseEncode::default())
    }

    fn encode_response(&self, response: &Response, _reply: &Reply) -> Value {
        response::write(response)
    }

    fn encode_error(&self, error: &Error) -> (u16, Value) {
        error::write(error)
    }

    fn place_option(&self, body: &mut Object, name: &str, value: Value) {
        if let Value::Object(extra) = body.entry(EXTRA).or_insert_with(|| json!({})) {
            extra.insert(name.to_owned(), value);
        }
    }
}
