//! Gemini's formats for embeddings: one text, many texts, and Vertex AI's predictions.
//!
//! The path says which: `:embedContent`, `:batchEmbedContents` or `:predict`.
use super::{Vector, body_of, parse, post};
use crate::{EmbedWire, Quirks, ResponseHead, WireRequest, json};
use consort_core::{EmbedRequest, Embeddings, Error, Object, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct GeminiEmbeddings;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    embeddings: Option<Vec<Values>>,
    #[serde(default)]
    embedding: Option<Values>,
    #[serde(default)]
    predictions: Option<Vec<Prediction>>,
    #[serde(default)]
    usage_metadata: Value,
    #[serde(default)]
    error: Value,
}

#[derive(Deserialize)]
struct Values {
    values: Vector,
    #[serde(default)]
    statistics: Value,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: Values,
}

impl EmbedWire for GeminiEmbeddings {
    fn id(&self) -> &'static str {
        "gemini"
    }

    fn encode(&self, request: &EmbedRequest, quirks: &Quirks) -> Result<WireRequest, Error> {
        let path = match &quirks.embeddings_path {
            Some(path) => path.as_str(),
            None if request.inputs.len() == 1 => "models/{model}:embedContent",
            None => "models/{model}:batchEmbedContents",
        };
        if path.ends_with(":predict") {
            return Ok(post(path, quirks, request, write_predict(request)));
        }
        let one = path.ends_with(":embedContent");
        let mut body = Object::new();
        if one {
            // A call for one text takes the first only: more would be lost without a word.
            if request.inputs.len() > 1 {
                return Err(Error::unsupported("this vendor embeds one text in each call"));
            }
            body = request.inputs.first().map(|text| write_one(request, text)).unwrap_or_default();
        } else if !request.inputs.is_empty() {
            let model = format!("models/{}", request.model);
            let each = request.inputs.iter().map(|text| {
                let mut one = Object::new();
                one.insert("model".into(), model.clone().into());
                one.extend(write_one(request, text));
                // What the caller adds belongs to each text.
                json::merge(&mut one, &request.options);
                Value::Object(one)
            });
            body.insert("requests".into(), each.collect());
            let alone = EmbedRequest { model: request.model.clone(), ..EmbedRequest::default() };
            return Ok(post(path, quirks, &alone, body));
        }
        Ok(post(path, quirks, request, body))
    }

    fn decode(&self, head: &ResponseHead, body: &[u8]) -> Result<Embeddings, Error> {
        let answer: Answer = parse(head, body)?;
        if !answer.error.is_null() {
            return Err(crate::error_body::from_value(&json!({"error": answer.error})));
        }
        let predicted =
            |list: Vec<Prediction>| list.into_iter().map(|prediction| prediction.embeddings).collect();
        let values: Vec<Values> = answer
            .embeddings
            .or_else(|| answer.embedding.map(|one| vec![one]))
            .or_else(|| answer.predictions.map(predicted))
            .ok_or_else(|| Error::protocol("the answer has no embeddings"))?;
        let usage = read_usage(answer.usage_metadata, &values);
        let vectors = values.into_iter().map(|values| values.values.numbers()).collect::<Result<_, _>>()?;
        Ok(Embeddings { vectors, model: None, usage })
    }

    fn decode_request(&self, request: &WireRequest) -> Result<EmbedRequest, Error> {
        let mut body = body_of(request)?;
        let path = request.path_only();
        let mut read = if path.ends_with(":predict") {
            read_predict(&mut body)
        } else if body.contains_key("requests") {
            read_many(&mut body)
        } else {
            read_one(&mut body)
        }
        .unwrap_or_default();
        let named = path.rsplit_once("models/").map(|(_, rest)| rest.split(':').next().unwrap_or(rest));
        if let Some(model) = named {
            model.clone_into(&mut read.model);
        }
        json::merge(&mut read.options, &body);
        Ok(read)
    }

    /// One vector is told twice: the call for one text reads it under another name.
    fn encode_response(&self, embeddings: &Embeddings, _model: &str) -> Value {
        let values: Vec<Value> = embeddings.vectors.iter().map(|vector| json!({"values": vector})).collect();
        let mut body = Object::new();
        if let [only] = values.as_slice() {
            body.insert("embedding".into(), only.clone());
        }
        body.insert("embeddings".into(), values.into());
        if let Some(input) = embeddings.usage.as_ref().and_then(|usage| usage.input.or(usage.total)) {
            body.insert("usageMetadata".into(), json!({"promptTokenCount": input, "totalTokenCount": input}));
        }
        Value::Object(body)
    }
}

fn write_one(request: &EmbedRequest, text: &str) -> Object {
    let mut object = Object::new();
    object.insert("content".into(), json!({"parts": [{"text": text}]}));
    json::set(&mut object, "taskType", request.task.clone());
    json::set(&mut object, "outputDimensionality", request.dimensions);
    object
}

/// Reads a call for one text; one for anything but a text is left as it is.
fn read_one(body: &mut Object) -> Option<EmbedRequest> {
    let content = body.get("content")?.as_object()?;
    let only = match content.get("parts")?.as_array()?.as_slice() {
        [Value::Object(only)] if only.len() == 1 => only.get("text")?.as_str()?.to_owned(),
        _ => return None,
    };
    if content.len() > 1 {
        return None;
    }
    body.shift_remove("content");
    body.shift_remove("model");
    Some(EmbedRequest {
        inputs: vec![only],
        task: take_either(body, "taskType", "task_type"),
        dimensions: take_either(body, "outputDimensionality", "output_dimensionality"),
        ..EmbedRequest::default()
    })
}

/// Reads a call for many texts that differ in nothing but the text; any other is left as it is.
fn read_many(body: &mut Object) -> Option<EmbedRequest> {
    let mut whole: Option<EmbedRequest> = None;
    for request in body.get("requests")?.as_array()? {
        let mut object = request.as_object()?.clone();
        object.retain(|_, value| !value.is_null());
        let mut one = read_one(&mut object)?;
        one.options = object;
        match &mut whole {
            None => whole = Some(one),
            Some(whole) => {
                whole.inputs.append(&mut one.inputs);
                one.inputs.clone_from(&whole.inputs);
                if one != *whole {
                    return None;
                }
            }
        }
    }
    body.shift_remove("requests");
    whole
}

fn write_predict(request: &EmbedRequest) -> Object {
    let instances = request.inputs.iter().map(|text| {
        let mut instance = Object::new();
        instance.insert("content".into(), text.clone().into());
        json::set(&mut instance, "task_type", request.task.clone());
        Value::Object(instance)
    });
    let mut body = Object::new();
    if !request.inputs.is_empty() {
        body.insert("instances".into(), instances.collect());
    }
    if let Some(dimensions) = request.dimensions {
        body.insert("parameters".into(), json!({"outputDimensionality": dimensions}));
    }
    body
}

/// Reads a call for predictions whose instances differ in nothing but the text.
fn read_predict(body: &mut Object) -> Option<EmbedRequest> {
    let mut inputs = Vec::new();
    let mut tasks: Vec<Option<String>> = Vec::new();
    for instance in body.get("instances")?.as_array()? {
        let mut instance = instance.as_object()?.clone();
        inputs.push(json::take_text(&mut instance, "content")?);
        tasks.push(take_either(&mut instance, "task_type", "taskType"));
        if !instance.is_empty() || tasks.first() != tasks.last() {
            return None;
        }
    }
    body.shift_remove("instances");
    let mut dimensions = None;
    if let Some(parameters) = body.get_mut("parameters").and_then(Value::as_object_mut) {
        dimensions = take_either(parameters, "outputDimensionality", "output_dimensionality");
        if parameters.is_empty() {
            body.shift_remove("parameters");
        }
    }
    let task = tasks.into_iter().next().flatten();
    Some(EmbedRequest { inputs, task, dimensions, ..EmbedRequest::default() })
}

/// Takes a field under either of the spellings that Google reads.
fn take_either<T: serde::de::DeserializeOwned>(object: &mut Object, camel: &str, snake: &str) -> Option<T> {
    json::take(object, camel).or_else(|| json::take(object, snake))
}

/// The counts of the whole answer, or the sum of those of its vectors.
fn read_usage(metadata: Value, values: &[Values]) -> Option<Usage> {
    if metadata.is_object() {
        return Some(Usage {
            input: metadata["promptTokenCount"].as_u64(),
            total: metadata["totalTokenCount"].as_u64(),
            vendor: Some(Box::new(metadata)),
            ..Usage::default()
        });
    }
    let counts = values.iter().map(|values| crate::cohere::count(&values.statistics["token_count"]));
    let input = counts.sum::<Option<u64>>().filter(|_| !values.is_empty());
    input.map(|input| Usage { input: Some(input), ..Usage::default() })
}
