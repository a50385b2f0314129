//! OpenAI's Responses API: items in, items out. Many other vendors offer it too.
//!
//! A conversation is a list of items: messages, thinking, tool calls, results, and what the vendor's own tools
//! did. Parts of one item share its fields in their vendor data (see [`layout`]); items that Consort has no
//! word for are kept whole. The vendor may keep the state: then `previous_response_id` in the request's native
//! data says where to go on. Error bodies and the list of models are those of the vendor's older format.
mod answer;
mod citations;
mod content;
mod decode;
mod encode;
mod frame;
mod items;
mod layout;
mod normalise;
mod output;
mod read_items;
mod read_request;
mod request;
#[cfg(test)]
mod tests;
mod write_items;

use crate::normalise::{Carries, Normalised, Thinking};
use crate::quirks::Quirks;
use crate::{Decode, Encode, Listed, OpenAiChat, Reply, Wire, WireRequest};
use consort_core::{Error, Modality, Object, Request, Response};
use serde_json::Value;

/// The id of the wire.
const ID: &str = "openai-responses";

/// What the format carries. It sends back thinking of its own only, which `normalise` sees to.
const CARRIES: Carries = Carries {
    wire: ID,
    names: false,
    result_errors: false,
    media: &[Modality::Image, Modality::Audio, Modality::Pdf, Modality::Text, Modality::File],
    urls: &[Modality::Image, Modality::Pdf, Modality::Text, Modality::File],
    result_media: &[Modality::Image, Modality::Pdf, Modality::Text, Modality::File],
    thinking: Thinking::Any,
    cache: false,
    tool_cache: false,
    sampling: &["max_tokens", "temperature", "top_p"],
    budget: false,
    empty_text: false,
    ..Carries::ALL
};

/// OpenAI's Responses API.
#[derive(Debug, Clone, Copy)]
pub struct OpenAiResponses;

impl Wire for OpenAiResponses {
    fn id(&self) -> &'static str {
        ID
    }

    fn normalise(&self, request: &Request, quirks: &Quirks) -> Normalised {
        let mut normalised = CARRIES.apply(self, request, quirks);
        normalise::settle(&mut normalised, quirks);
        normalised
    }

    fn write_request(&self, request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
        request::write(request, quirks)
    }

    fn decode_request(&self, request: &WireRequest) -> Result<Request, Error> {
        read_request::read(request)
    }

    fn decode(&self, quirks: &Quirks) -> Box<dyn Decode> {
        Box::new(decode::Decoder::new(quirks))
    }

    fn encode(&self, reply: &Reply) -> Box<dyn Encode> {
        Box::new(encode::Encoder::new(reply))
    }

    fn encode_response(&self, response: &Response, reply: &Reply) -> Value {
        encode::response(response, reply)
    }

    fn encode_error(&self, error: &Error) -> (u16, Value) {
        OpenAiChat.encode_error(error)
    }

    fn place_option(&self, body: &mut Object, name: &str, value: Value) {
        let (group, name) = match name {
            "verbosity" => ("text", name),
            "reasoning_summary" => ("reasoning", "summary"),
            _ => {
                body.insert(name.to_owned(), value);
                return;
            }
        };
        let group = body.entry(group).or_insert_with(|| Value::Object(Object::new()));
        if let Value::Object(group) = group {
            group.insert(name.to_owned(), value);
        }
    }

    fn models_request(&self, quirks: &Quirks) -> Option<WireRequest> {
        OpenAiChat.models_request(quirks)
    }

    fn decode_models(&self, body: &Value) -> Result<Vec<Listed>, Error> {
        OpenAiChat.decode_models(body)
    }

    fn count_request(&self, request: &Request, _quirks: &Quirks) -> Option<Result<WireRequest, Error>> {
        Some(request::write_count(request))
    }

    fn decode_count(&self, body: &Value) -> Option<u64> {
        body.get("input_tokens")?.as_u64()
    }
}
