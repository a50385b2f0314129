//! Judges recorded embeddings, model lists and token counts.
use super::answer::{Wrong, compare_error, word};
use super::recording::Recording;
use consort_core::{Embeddings, Error};
use consort_wire::read_error;
use serde_json::{Value, json};

pub(crate) fn embeddings(recording: &Recording, wire: &str) -> Vec<String> {
    let Some(codec) = consort_wire::embed_wire(wire) else {
        return vec![format!("no embeddings format `{wire}`")];
    };
    let mut wrong = Wrong::default();
    match codec.decode(&recording.head(), &recording.body()) {
        Ok(ours) => compare_vectors(&recording.expect, &ours, &mut wrong),
        Err(error) => compare_failure(&recording.expect, &error, &mut wrong),
    }
    if recording.request_body().is_object() {
        let rewritten = codec
            .decode_request(&recording.request())
            .and_then(|request| codec.encode(&request, &recording.quirks()));
        match rewritten.and_then(|request| request.json()) {
            Ok(body) => {
                let (recorded, ours) = (plain_request(recording.request_body()), plain_request(&body));
                super::meaning::compare("embeddings", &recorded, &ours, &mut wrong);
            }
            Err(error) => wrong.say("request", "readable", &format!("{error:?}")),
        }
    }
    wrong.0
}

/// A request for vectors in one form: a list of texts, under one name; a batch of one is that one.
fn plain_request(body: &Value) -> Value {
    let mut body = match body["requests"].as_array().map(Vec::as_slice) {
        Some([only]) => only.clone(),
        _ => body.clone(),
    };
    let requests = body.get_mut("requests").and_then(Value::as_array_mut).map(std::mem::take);
    for request in requests.iter().flatten().map(plain_request) {
        if let Some(plain) = body["requests"].as_array_mut() {
            plain.push(request);
        }
    }
    let Some(object) = body.as_object_mut() else { return body };
    // The path names the model.
    if object.contains_key("content") {
        object.remove("model");
    }
    for (old, new) in
        [("prompt", "input"), ("output_dimensionality", "outputDimensionality"), ("task_type", "taskType")]
    {
        if let Some(value) = object.remove(old) {
            object.insert(new.into(), value);
        }
    }
    if let Some(text @ Value::String(_)) = object.get("input").cloned() {
        object.insert("input".into(), json!([text]));
    }
    body
}

fn compare_vectors(expect: &Value, ours: &Embeddings, wrong: &mut Wrong) {
    let expected = &expect["embeddings"];
    if expected.is_null() {
        wrong.say("error", &expect["error"].to_string(), "success");
        return;
    }
    if expected["count"] != json!(ours.vectors.len()) {
        wrong.say("embeddings.count", &expected["count"].to_string(), &ours.vectors.len().to_string());
    }
    let dims: Vec<usize> = ours.vectors.iter().map(Vec::len).collect();
    let expected_dims: Vec<usize> = numbers(&expected["dims"]).map(|number| number as usize).collect();
    // Equal dimensions may be told once.
    if dims != expected_dims && !(expected_dims.len() == 1 && dims.iter().all(|dim| *dim == expected_dims[0]))
    {
        wrong.say("embeddings.dims", &expected["dims"].to_string(), &json!(dims).to_string());
    }
    for (expected, ours) in expected["head"].as_array().into_iter().flatten().zip(&ours.vectors) {
        let near = |(expected, ours): (f64, &f32)| {
            (expected - f64::from(*ours)).abs() <= 1e-6 + expected.abs() * 1e-5
        };
        if !numbers(expected).zip(ours).all(near) {
            wrong.say("embeddings.head", &expected.to_string(), &json!(ours.get(..4)).to_string());
        }
    }
    if let Some(model) = expect["resolved_model"].as_str() {
        wrong.unless_equal("resolved_model", model, ours.model.as_deref().unwrap_or_default());
    }
    for (name, mine) in [
        ("input", ours.usage.as_ref().and_then(|usage| usage.input)),
        ("total", ours.usage.as_ref().and_then(|usage| usage.total)),
    ] {
        let expected = &expect["usage"][name];
        if !expected.is_null() && expected.as_f64() != mine.map(|number| number as f64) {
            wrong.say(&format!("usage.{name}"), &expected.to_string(), &json!(mine).to_string());
        }
    }
}

pub(crate) fn models(recording: &Recording, wire: &str) -> Vec<String> {
    let Some(codec) = consort_wire::wire(wire) else { return vec![format!("no wire `{wire}`")] };
    let mut wrong = Wrong::default();
    match good_body(recording).and_then(|body| codec.decode_models(&body)) {
        Ok(listed) => {
            let bare = |name: &str| name.strip_prefix("models/").unwrap_or(name).to_owned();
            let ours: Vec<String> = listed.iter().map(|model| bare(&model.name)).collect();
            let expected: Vec<String> = recording.expect["models"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|name| bare(word(name)))
                .collect();
            if ours != expected {
                wrong.say("models", &json!(expected).to_string(), &json!(ours).to_string());
            }
        }
        Err(error) => compare_failure(&recording.expect, &error, &mut wrong),
    }
    wrong.0
}

pub(crate) fn count(recording: &Recording, wire: &str) -> Vec<String> {
    let Some(codec) = consort_wire::wire(wire) else { return vec![format!("no wire `{wire}`")] };
    let mut wrong = Wrong::default();
    match good_body(recording) {
        Ok(body) => {
            let ours = codec.decode_count(&body);
            if recording.expect["count_tokens"] != json!(ours) {
                wrong.say(
                    "count_tokens",
                    &recording.expect["count_tokens"].to_string(),
                    &json!(ours).to_string(),
                );
            }
        }
        Err(error) => compare_failure(&recording.expect, &error, &mut wrong),
    }
    wrong.0
}

fn good_body(recording: &Recording) -> Result<Value, Error> {
    let (head, body) = (recording.head(), recording.body());
    if head.status >= 400 {
        return Err(read_error(&head, &body));
    }
    serde_json::from_slice(&body).map_err(|error| Error::protocol(error.to_string()))
}

fn compare_failure(expect: &Value, error: &Error, wrong: &mut Wrong) {
    match &expect["error"] {
        Value::Null => wrong.say("error", "none", &format!("{error:?}")),
        expected => compare_error(expected, error, wrong),
    }
}

fn numbers(value: &Value) -> impl Iterator<Item = f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64)
}
