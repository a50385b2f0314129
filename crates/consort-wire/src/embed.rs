//! The contract of an embeddings format: requests and single bodies.
use crate::{Quirks, ResponseHead, WireRequest};
use consort_core::{EmbedRequest, Embeddings, Error};
use serde_json::Value;

/// One vendor's format for embeddings, in both directions.
pub trait EmbedWire: Send + Sync {
    /// Its id, as provider files name it.
    fn id(&self) -> &'static str;

    /// Writes a request.
    fn encode(&self, request: &EmbedRequest, quirks: &Quirks) -> Result<WireRequest, Error>;

    /// Reads the answer.
    fn decode(&self, head: &ResponseHead, body: &[u8]) -> Result<Embeddings, Error>;

    /// Reads a request in this format, from any client.
    fn decode_request(&self, request: &WireRequest) -> Result<EmbedRequest, Error>;

    /// Writes an answer in this format.
    fn encode_response(&self, embeddings: &Embeddings, model: &str) -> Value;
}
