//! Ollama's format for embeddings: the present one for many texts, and the old one for one.
use super::{Vector, body_of, parse, post, take_texts};
use crate::{EmbedWire, Quirks, ResponseHead, WireRequest, json};
use consort_core::{EmbedRequest, Embeddings, Error, Object, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct OllamaEmbeddings;

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Many {
        embeddings: Vec<Vector>,
        #[serde(default)]
        model: Option<String>,
        #[serde(default)]
        prompt_eval_count: Option<u64>,
    },
    One {
        embedding: Vector,
    },
}

impl EmbedWire for OllamaEmbeddings {
    fn id(&self) -> &'static str {
        "ollama"
    }

    fn encode(&self, request: &EmbedRequest, quirks: &Quirks) -> Result<WireRequest, Error> {
        let mut body = Object::new();
        body.insert("model".into(), request.model.clone().into());
        body.insert("input".into(), request.inputs.clone().into());
        json::set(&mut body, "dimensions", request.dimensions);
        Ok(post("api/embed", quirks, request, body))
    }

    fn decode(&self, head: &ResponseHead, body: &[u8]) -> Result<Embeddings, Error> {
        let (vectors, model, count) = match parse(head, body)? {
            Answer::Many { embeddings, model, prompt_eval_count } => (embeddings, model, prompt_eval_count),
            Answer::One { embedding } => (vec![embedding], None, None),
        };
        let vectors = vectors.into_iter().map(Vector::numbers).collect::<Result<_, _>>()?;
        let usage = count.map(|count| Usage { input: Some(count), ..Usage::default() });
        Ok(Embeddings { vectors, model, usage })
    }

    fn decode_request(&self, request: &WireRequest) -> Result<EmbedRequest, Error> {
        let mut body = body_of(request)?;
        let inputs = take_texts(&mut body, "input").or_else(|| take_texts(&mut body, "prompt"));
        Ok(EmbedRequest {
            model: json::take_text(&mut body, "model").unwrap_or_default(),
            inputs: inputs.unwrap_or_default(),
            dimensions: json::take(&mut body, "dimensions"),
            task: None,
            options: body,
        })
    }

    /// One vector is told twice: the old call reads it under another name.
    fn encode_response(&self, embeddings: &Embeddings, model: &str) -> Value {
        let mut body = Object::new();
        body.insert("model".into(), embeddings.model.as_deref().unwrap_or(model).into());
        body.insert("embeddings".into(), json!(embeddings.vectors));
        if let [only] = embeddings.vectors.as_slice() {
            body.insert("embedding".into(), json!(only));
        }
        let input = embeddings.usage.as_ref().and_then(|usage| usage.input.or(usage.total));
        json::set(&mut body, "prompt_eval_count", input);
        Value::Object(body)
    }
}
