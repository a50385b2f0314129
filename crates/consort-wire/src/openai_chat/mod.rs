//! OpenAI Chat Completions, and the many dialects of it.
mod chunk;
mod decode;
mod encode;
mod normalise;
mod read_request;
mod request;

use crate::normalise::Normalised;
use crate::{Decode, Encode, Listed, Quirks, Reply, Wire, WireRequest, error_body};
use consort_core::{Error, ErrorKind, ModelKind, Request, Response};
use serde_json::{Value, json};

/// The id of this wire.
pub(crate) const ID: &str = "openai-chat";

/// OpenAI Chat Completions.
#[derive(Debug, Clone, Copy)]
pub struct OpenAiChat;

impl Wire for OpenAiChat {
    fn id(&self) -> &'static str {
        ID
    }

    fn normalise(&self, request: &Request, quirks: &Quirks) -> Normalised {
        normalise::normalise(self, request, quirks)
    }

    fn write_request(&self, request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
        request::write(request, quirks)
    }

    fn decode_request(&self, request: &WireRequest) -> Result<Request, Error> {
        read_request::read(request)
    }

    fn decode(&self, quirks: &Quirks) -> Box<dyn Decode> {
        Box::new(decode::Chat::new(quirks))
    }

    fn encode(&self, reply: &Reply) -> Box<dyn Encode> {
        Box::new(encode::Chunks::new(reply))
    }

    fn encode_response(&self, response: &Response, reply: &Reply) -> Value {
        encode::whole(response, reply)
    }

    fn encode_error(&self, error: &Error) -> (u16, Value) {
        // Its clients know one status for both.
        let usual = match error.kind() {
            ErrorKind::Quota => 429,
            kind => kind.http_status(),
        };
        let status = error.http_status().filter(|status| *status >= 400).unwrap_or(usual);
        (status, encode::error_body(error))
    }

    fn models_request(&self, quirks: &Quirks) -> Option<WireRequest> {
        match quirks.models_path.as_deref() {
            Some("") => None,
            path => Some(WireRequest::get(path.unwrap_or("models"))),
        }
    }

    fn decode_models(&self, body: &Value) -> Result<Vec<Listed>, Error> {
        if let Some(error) = error_body::inside(body) {
            return Err(error);
        }
        // Some send the bare list.
        let list = body["data"].as_array().or_else(|| body.as_array());
        let list = list.ok_or_else(|| Error::protocol("the list of models has no `data`"))?;
        Ok(list.iter().filter_map(listed).collect())
    }
}

fn listed(model: &Value) -> Option<Listed> {
    let name = model["id"].as_str()?.to_owned();
    let number = |places: &[&Value]| places.iter().find_map(|value| value.as_u64());
    let yes = |value: &Value| value.as_bool();
    let capabilities = &model["capabilities"];
    let parameters = model["supported_parameters"].as_array();
    let takes = |word: &str| parameters.map(|list| list.contains(&json!(word)));
    let kind = match model["type"].as_str().or_else(|| capabilities["type"].as_str()) {
        Some("embedding" | "embeddings") => ModelKind::Embedding,
        _ if name.contains("embed") => ModelKind::Embedding,
        _ => ModelKind::Chat,
    };
    Some(Listed {
        title: model["name"].as_str().filter(|title| *title != name).map(str::to_owned),
        kind,
        context: number(&[
            &model["context_length"],
            &model["context_window"],
            &model["max_context_length"],
            &model["max_model_len"],
            &capabilities["limits"]["max_context_window_tokens"],
            &model["meta"]["n_ctx_train"],
        ]),
        output: number(&[
            &model["top_provider"]["max_completion_tokens"],
            &model["max_completion_tokens"],
            &capabilities["limits"]["max_output_tokens"],
        ]),
        input: None,
        tools: takes("tools")
            .or_else(|| yes(&capabilities["function_calling"]))
            .or_else(|| yes(&capabilities["supports"]["tool_calls"])),
        schema: takes("structured_outputs").or_else(|| yes(&capabilities["supports"]["structured_outputs"])),
        reasoning: takes("reasoning").or_else(|| yes(&capabilities["reasoning"])),
        name,
    })
}
