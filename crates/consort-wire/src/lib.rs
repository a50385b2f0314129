//! The vendors' message formats, in both directions: bytes in, events out, and back.
//!
//! A [`Wire`] is a pure codec with four functions. Towards a vendor, [`Wire::encode`] turns a request into an
//! HTTP request and a [`Decoder`] turns the answer's bytes into events. Towards a client that speaks the
//! vendor's format, [`Wire::decode_request`] reads its request and an [`Encode`] writes events as that
//! vendor's stream, or [`Wire::encode_response`] as its single body. So any client wire reaches any provider
//! wire, and a test needs no network.
//!
//! This crate must never know: a socket, a file, a clock, a runtime, a key. What a wire cannot carry is said
//! in one place, its [`normalise`](Wire::normalise), which is also what warns the user.

mod anthropic;
mod audio;
mod bedrock;
mod cohere;
mod decoder;
mod embed;
mod embeddings;
mod error_body;
mod files;
mod framing;
mod gemini;
mod http;
mod in_order;
mod json;
mod lax;
mod listing;
mod normalise;
mod ollama;
mod openai_chat;
mod openai_responses;
mod pairing;
mod parts;
mod path_segment;
mod quirks;

pub use anthropic::Anthropic;
pub use audio::{Words, WordsReader, speech_request, transcription_request};
pub use bedrock::Bedrock;
pub use cohere::Cohere;
pub use decoder::{Decode, Decoder};
pub use embed::EmbedWire;
pub use framing::{Frame, Framer, Framing};
pub use gemini::Gemini;
pub use http::{ResponseHead, WireRequest};
pub use listing::Listed;
pub use normalise::{Carries, Normalised, Thinking};
pub use ollama::Ollama;
pub use openai_chat::OpenAiChat;
pub use openai_responses::OpenAiResponses;
pub use quirks::{MaxTokensField, Quirks, ReasoningRequest, SchemaSupport, ToolChoiceWord};

use consort_core::{Error, Event, Object, Request, Response};
use serde_json::Value;

/// One vendor's message format.
///
/// The property that every wire keeps: `decode_request(encode(r)) == normalise(r)`.
pub trait Wire: Send + Sync {
    /// Its id, as provider files name it, and as vendor data is filed under.
    fn id(&self) -> &'static str;

    /// What of a request this wire carries, and warnings about what it does not. Doing it twice changes nothing.
    fn normalise(&self, request: &Request, quirks: &Quirks) -> Normalised;

    /// Writes a request that is normalised already.
    fn write_request(&self, request: &Request, quirks: &Quirks) -> Result<WireRequest, Error>;

    /// Reads a request in this format, from any client.
    fn decode_request(&self, request: &WireRequest) -> Result<Request, Error>;

    /// Reads the frames of an answer.
    fn decode(&self, quirks: &Quirks) -> Box<dyn Decode>;

    /// How the stream is framed when the answer's head does not say.
    fn framing(&self) -> Framing {
        Framing::Sse
    }

    /// Writes events as this format's stream.
    fn encode(&self, reply: &Reply) -> Box<dyn Encode>;

    /// Writes a whole answer as this format's single body.
    fn encode_response(&self, response: &Response, reply: &Reply) -> Value;

    /// Writes an error as this format's error body, with its HTTP status.
    fn encode_error(&self, error: &Error) -> (u16, Value);

    /// Where an option that Consort has no word for stands in the body. At its top, unless a wire says otherwise.
    fn place_option(&self, body: &mut Object, name: &str, value: Value) {
        body.insert(name.to_owned(), value);
    }

    /// Asks for the vendor's list of models, where it has one.
    fn models_request(&self, _quirks: &Quirks) -> Option<WireRequest> {
        None
    }

    /// Reads the vendor's list of models.
    fn decode_models(&self, _body: &Value) -> Result<Vec<Listed>, Error> {
        Ok(Vec::new())
    }

    /// Asks the vendor to count a request's tokens, where it can. The request is normalised already.
    fn count_request(&self, _request: &Request, _quirks: &Quirks) -> Option<Result<WireRequest, Error>> {
        None
    }

    /// Reads the vendor's count.
    fn decode_count(&self, _body: &Value) -> Option<u64> {
        None
    }

    /// Normalises and writes a request.
    fn encode_request(&self, request: &Request, quirks: &Quirks) -> Result<(WireRequest, Normalised), Error> {
        let normalised = self.normalise(request, quirks);
        Ok((self.write_request(&normalised.request, quirks)?, normalised))
    }

    /// A decoder for the answer with this head.
    fn decoder(&self, head: ResponseHead, quirks: &Quirks) -> Decoder {
        Decoder::new(head, self.framing(), self.decode(quirks))
    }
}

/// Writes events as one wire's stream.
pub trait Encode: Send {
    /// The stream's content type.
    fn content_type(&self) -> &'static str {
        "text/event-stream"
    }

    /// Writes what an event means in this format, which may be nothing. `Finished` writes the whole end.
    fn event(&mut self, event: &Event, out: &mut Vec<u8>);

    /// Writes an error that ends the stream.
    fn error(&mut self, error: &Error, out: &mut Vec<u8>);
}

/// What a server says of an answer that the events do not.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The id of the answer, where the events bring none.
    pub id: String,
    /// The model's name as the client asked for it.
    pub model: String,
    /// Seconds since 1970.
    pub created: u64,
    /// Whether the client asked for usage in the stream, where the format lets it choose.
    pub stream_usage: bool,
}

/// All wires.
pub static WIRES: &[&dyn Wire] =
    &[&OpenAiChat, &OpenAiResponses, &Anthropic, &Gemini, &Bedrock, &Ollama, &Cohere];

/// All formats for embeddings.
pub static EMBED_WIRES: &[&dyn EmbedWire] = &[
    &embeddings::OpenAiEmbeddings,
    &embeddings::GeminiEmbeddings,
    &embeddings::CohereEmbeddings,
    &embeddings::OllamaEmbeddings,
];

/// The format for embeddings of this id.
pub fn embed_wire(id: &str) -> Option<&'static dyn EmbedWire> {
    EMBED_WIRES.iter().find(|wire| wire.id() == id).copied()
}

/// The error of an answer whose status says error, for calls that are not decoded as a stream.
pub fn read_error(head: &ResponseHead, body: &[u8]) -> Error {
    error_body::read(head, body)
}

/// The wire of this id.
pub fn wire(id: &str) -> Option<&'static dyn Wire> {
    WIRES.iter().find(|wire| wire.id() == id).copied()
}
