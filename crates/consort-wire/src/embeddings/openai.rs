//! OpenAI's format for embeddings, which most vendors speak.
use super::{Vector, body_of, parse, post, take_texts};
use crate::{EmbedWire, Quirks, ResponseHead, WireRequest, json};
use consort_core::{EmbedRequest, Embeddings, Error, Object, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct OpenAiEmbeddings;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
    #[serde(default)]
    model: Value,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    index: Option<u64>,
    embedding: Vector,
}

impl EmbedWire for OpenAiEmbeddings {
    fn id(&self) -> &'static str {
        "openai"
    }

    fn encode(&self, request: &EmbedRequest, quirks: &Quirks) -> Result<WireRequest, Error> {
        let mut body = Object::new();
        body.insert("model".into(), request.model.clone().into());
        body.insert("input".into(), request.inputs.clone().into());
        json::set(&mut body, "dimensions", request.dimensions);
        // OpenAI has no such word; those who do (Voyage, NVIDIA) call it so.
        json::set(&mut body, "input_type", request.task.clone());
        Ok(post("embeddings", quirks, request, body))
    }

    fn decode(&self, head: &ResponseHead, body: &[u8]) -> Result<Embeddings, Error> {
        let mut answer: Answer = parse(head, body)?;
        answer.data.sort_by_key(|item| item.index);
        let model = answer.model.as_str().map(str::to_owned);
        // Perplexity's base64 holds one signed byte for each dimension.
        let small = model.as_deref().is_some_and(|model| model.starts_with("pplx-embed"));
        let vectors = answer
            .data
            .into_iter()
            .map(|item| if small { Ok(item.embedding.small_numbers()) } else { item.embedding.numbers() });
        Ok(Embeddings { vectors: vectors.collect::<Result<_, _>>()?, model, usage: read_usage(answer.usage) })
    }

    fn decode_request(&self, request: &WireRequest) -> Result<EmbedRequest, Error> {
        let mut body = body_of(request)?;
        Ok(EmbedRequest {
            model: json::take_text(&mut body, "model").unwrap_or_default(),
            // Lists of tokens stay as they are.
            inputs: take_texts(&mut body, "input").unwrap_or_default(),
            dimensions: json::take(&mut body, "dimensions"),
            task: json::take_text(&mut body, "input_type"),
            options: body,
        })
    }

    fn encode_response(&self, embeddings: &Embeddings, model: &str) -> Value {
        let data: Vec<Value> = embeddings
            .vectors
            .iter()
            .enumerate()
            .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
            .collect();
        let usage = embeddings.usage.as_ref();
        let input = usage.and_then(|usage| usage.input);
        let total = usage.and_then(|usage| usage.total).or(input);
        json!({
            "object": "list",
            "data": data,
            "model": embeddings.model.as_deref().unwrap_or(model),
            "usage": {"prompt_tokens": input.or(total).unwrap_or(0), "total_tokens": total.unwrap_or(0)},
        })
    }
}

fn read_usage(usage: Value) -> Option<Usage> {
    usage.is_object().then(|| Usage {
        input: usage["prompt_tokens"].as_u64(),
        total: usage["total_tokens"].as_u64(),
        vendor: Some(Box::new(usage)),
        ..Usage::default()
    })
}
