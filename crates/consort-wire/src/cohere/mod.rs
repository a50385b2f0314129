//! Cohere's chat format, version 2.
//!
//! What is particular to it: the plan that a model writes before it calls tools (`tool_plan`) stands beside
//! the answer, so it is a native part of its own; citations stand beside the text and point into it; there is
//! no way to name the tool to be called; and an answer that failed ends with the word `ERROR`.
mod citation;
mod decode;
mod encode;
mod message;
mod read_request;
mod request;
#[cfg(test)]
mod tests;

use crate::{Carries, Decode, Encode, Listed, Normalised, Quirks, Reply, Thinking, Wire, WireRequest, json};
use consort_core::{Error, Finish, FinishReason, Modality, ModelKind, Object, Request, Response, Usage};
use serde_json::{Value, json};

pub(crate) const ID: &str = "cohere";

/// The native parts that are not content of a message: its plan, and citations that no text is there for.
const PLAN: &str = "tool_plan";
const CITATION: &str = "citation";

const CARRIES: Carries = Carries {
    wire: ID,
    names: false,
    result_errors: false,
    media: &[Modality::Image],
    urls: &[Modality::Image],
    files: false,
    media_names: false,
    result_media: &[],
    refusals: false,
    thinking: Thinking::Any,
    cache: false,
    tool_cache: false,
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
    show_thinking: false,
    empty_text: false,
    ..Carries::ALL
};

#[derive(Debug)]
pub struct Cohere;

impl Wire for Cohere {
    fn id(&self) -> &'static str {
        ID
    }

    fn normalise(&self, request: &Request, quirks: &Quirks) -> Normalised {
        let mut normalised = CARRIES.apply(self, request, quirks);
        request::tidy(&mut normalised);
        normalised
    }

    fn write_request(&self, request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
        request::write(request, quirks)
    }

    fn decode_request(&self, request: &WireRequest) -> Result<Request, Error> {
        read_request::read(request)
    }

    fn decode(&self, _quirks: &Quirks) -> Box<dyn Decode> {
        Box::<decode::Decoder>::default()
    }

    fn encode(&self, reply: &Reply) -> Box<dyn Encode> {
        Box::new(encode::Encoder::new(reply))
    }

    fn encode_response(&self, response: &Response, reply: &Reply) -> Value {
        encode::response(response, reply)
    }

    fn encode_error(&self, error: &Error) -> (u16, Value) {
        let mut body = Object::new();
        json::set(&mut body, "id", error.vendor_request_id());
        json::set(&mut body, "message", Some(error.message()));
        (status(error), Value::Object(body))
    }

    fn place_option(&self, body: &mut Object, name: &str, value: Value) {
        let name = match name {
            "top_p" => "p",
            "top_k" => "k",
            "stop" => "stop_sequences",
            name => name,
        };
        body.insert(name.to_owned(), value);
    }

    fn models_request(&self, quirks: &Quirks) -> Option<WireRequest> {
        /// The list comes in pages; this is the largest.
        const PATH: &str = "v1/models?page_size=1000";
        match quirks.models_path.as_deref() {
            Some("") => None,
            path => Some(WireRequest::get(path.unwrap_or(PATH))),
        }
    }

    fn decode_models(&self, body: &Value) -> Result<Vec<Listed>, Error> {
        let models =
            body["models"].as_array().ok_or_else(|| Error::protocol("the answer lists no models"))?;
        Ok(models.iter().filter_map(listed).collect())
    }
}

/// One model of the list; nothing for those that neither answer nor embed.
fn listed(model: &Value) -> Option<Listed> {
    let has = |list: &str, word: &str| {
        model[list].as_array().map(|words| words.iter().any(|listed| listed.as_str() == Some(word)))
    };
    let kind = match (has("endpoints", "chat"), has("endpoints", "embed")) {
        (Some(false), Some(true)) => ModelKind::Embedding,
        (Some(false), _) => return None,
        _ => ModelKind::Chat,
    };
    Some(Listed {
        name: model["name"].as_str()?.to_owned(),
        kind,
        context: count(&model["context_length"]).filter(|tokens| *tokens > 0),
        input: has("features", "vision")
            .map(|sees| if sees { vec![Modality::Text, Modality::Image] } else { vec![Modality::Text] }),
        tools: has("features", "tools"),
        schema: has("features", "json_schema"),
        reasoning: has("features", "reasoning"),
        ..Listed::default()
    })
}

/// What the vendor's word for the end means.
fn finish(word: Option<&str>) -> Finish {
    let reason = match word {
        Some("COMPLETE" | "STOP_SEQUENCE") => FinishReason::Stop,
        Some("MAX_TOKENS") => FinishReason::Length,
        Some("TOOL_CALL") => FinishReason::ToolCalls,
        _ => FinishReason::Other,
    };
    Finish { vendor_reason: word.map(str::to_owned), ..reason.into() }
}

/// The vendor's word for how an answer of any vendor ended.
fn finish_word(finish: &Finish) -> &'static str {
    const OWN: [&str; 6] = ["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "ERROR", "TIMEOUT"];
    if let Some(own) = OWN.into_iter().find(|word| finish.vendor_reason.as_deref() == Some(*word)) {
        return own;
    }
    match finish.reason {
        FinishReason::Stop if finish.stop_sequence.is_some() => "STOP_SEQUENCE",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ToolCalls => "TOOL_CALL",
        // It has no word for an answer that was withheld, and success would be the wrong one.
        FinishReason::ContentFilter | FinishReason::Refusal => "ERROR",
        FinishReason::Other if finish.vendor_reason.is_some() => "ERROR",
        FinishReason::Stop | FinishReason::Pause | FinishReason::Other => "COMPLETE",
    }
}

/// The counts; input includes what was cached, output includes thinking. What is billed stays in the vendor's object.
fn read_usage(value: &Value) -> Option<Usage> {
    let object = value.as_object().filter(|object| !object.is_empty())?;
    let tokens = &value["tokens"];
    Some(Usage {
        input: count(&tokens["input_tokens"]),
        output: count(&tokens["output_tokens"]),
        cached: count(&value["cached_tokens"]),
        reasoning: count(&tokens["reasoning_tokens"]),
        cached_in_input: true,
        reasoning_in_output: true,
        vendor: Some(Box::new(Value::Object(object.clone()))),
        ..Usage::default()
    })
}

/// Counts of any vendor, as this one says them.
fn write_usage(usage: &Usage) -> Value {
    if let Some(own) = usage.vendor.as_deref().filter(|own| own["tokens"].is_object()) {
        return own.clone();
    }
    let mut tokens = Object::new();
    json::set(&mut tokens, "input_tokens", usage.all_input());
    json::set(&mut tokens, "output_tokens", usage.all_output());
    json::set(&mut tokens, "reasoning_tokens", usage.reasoning);
    let billed =
        json!({"input_tokens": tokens.get("input_tokens"), "output_tokens": tokens.get("output_tokens")});
    let mut object = Object::new();
    object.insert("billed_units".into(), billed);
    object.insert("tokens".into(), Value::Object(tokens));
    json::set(&mut object, "cached_tokens", usage.cached);
    Value::Object(object)
}

/// A count; the vendor writes whole numbers as `12` and as `12.0`.
pub(crate) fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

/// The status that tells a client of this error.
fn status(error: &Error) -> u16 {
    error.http_status().filter(|status| *status >= 400).unwrap_or_else(|| error.kind().http_status())
}
