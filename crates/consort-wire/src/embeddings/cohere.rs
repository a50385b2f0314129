//! Cohere's format for embeddings, version 2.
use super::{Vector, body_of, parse, post, take_texts};
use crate::{EmbedWire, Quirks, ResponseHead, WireRequest, json};
use consort_core::{EmbedRequest, Embeddings, Error, Object, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct CohereEmbeddings;

#[derive(Deserialize)]
struct Answer {
    embeddings: Typed,
    #[serde(default)]
    meta: Value,
}

/// Vectors by the type of their numbers; version 1 sends floats alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Typed {
    Alone(Vec<Vector>),
    Each {
        #[serde(default, deserialize_with = "list")]
        float: Vec<Vector>,
        #[serde(default, deserialize_with = "list")]
        base64: Vec<Vector>,
        #[serde(default, deserialize_with = "list")]
        int8: Vec<Vector>,
        #[serde(default, deserialize_with = "list")]
        uint8: Vec<Vector>,
        #[serde(default, deserialize_with = "list")]
        binary: Vec<Vector>,
        #[serde(default, deserialize_with = "list")]
        ubinary: Vec<Vector>,
    },
}

/// A type that was not asked for may be null.
fn list<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Vector>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Typed {
    /// The most exact type that is there.
    fn best(self) -> Vec<Vector> {
        match self {
            Self::Alone(vectors) => vectors,
            Self::Each { float, base64, int8, uint8, binary, ubinary } => {
                let types = [float, base64, int8, uint8, binary, ubinary];
                types.into_iter().find(|vectors| !vectors.is_empty()).unwrap_or_default()
            }
        }
    }
}

impl EmbedWire for CohereEmbeddings {
    fn id(&self) -> &'static str {
        "cohere"
    }

    fn encode(&self, request: &EmbedRequest, quirks: &Quirks) -> Result<WireRequest, Error> {
        let mut body = Object::new();
        body.insert("model".into(), request.model.clone().into());
        if !request.inputs.is_empty() {
            body.insert("texts".into(), request.inputs.clone().into());
        }
        // The vendor asks for it; most texts are embedded to be found.
        let task = request.task.as_deref().unwrap_or("search_document");
        body.insert("input_type".into(), task.into());
        json::set(&mut body, "output_dimension", request.dimensions);
        Ok(post("v2/embed", quirks, request, body))
    }

    fn decode(&self, head: &ResponseHead, body: &[u8]) -> Result<Embeddings, Error> {
        let answer: Answer = parse(head, body)?;
        let vectors = answer.embeddings.best().into_iter().map(Vector::numbers).collect::<Result<_, _>>()?;
        Ok(Embeddings { vectors, model: None, usage: read_usage(answer.meta) })
    }

    fn decode_request(&self, request: &WireRequest) -> Result<EmbedRequest, Error> {
        let mut body = body_of(request)?;
        Ok(EmbedRequest {
            model: json::take_text(&mut body, "model").unwrap_or_default(),
            inputs: take_texts(&mut body, "texts").unwrap_or_default(),
            dimensions: json::take(&mut body, "output_dimension"),
            task: json::take_text(&mut body, "input_type"),
            options: body,
        })
    }

    fn encode_response(&self, embeddings: &Embeddings, _model: &str) -> Value {
        let mut meta = json!({"api_version": {"version": "2"}});
        if let Some(input) = embeddings.usage.as_ref().and_then(|usage| usage.input.or(usage.total)) {
            meta["billed_units"] = json!({"input_tokens": input});
        }
        json!({
            "id": "",
            "texts": [],
            "embeddings": {"float": embeddings.vectors},
            "meta": meta,
            "response_type": "embeddings_by_type",
        })
    }
}

/// What is billed is all that this vendor counts here.
fn read_usage(mut meta: Value) -> Option<Usage> {
    let billed = meta.get_mut("billed_units").map(Value::take).filter(Value::is_object)?;
    let input = billed["input_tokens"].as_f64().filter(|number| *number >= 0.0);
    Some(Usage {
        input: input.map(|number| number as u64),
        vendor: Some(Box::new(billed)),
        ..Usage::default()
    })
}
