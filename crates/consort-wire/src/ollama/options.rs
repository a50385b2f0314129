//! `options`, `format` and `think`: sampling, the answer's shape, thinking.
use crate::json;
use consort_core::{Effort, Object, Output, Request};
use serde_json::{Value, json};

/// Options that stand at the top of the body; all others are part of `options`.
pub(super) const AT_TOP: [&str; 6] = ["keep_alive", "think", "format", "truncate", "shift", "top_logprobs"];

/// Moves what Consort has words for out of a body (or of vendor data that goes into one) into the request.
pub(super) fn read(body: &mut Object, request: &mut Request) {
    if let Some(Value::Object(options)) = body.get_mut("options") {
        options.retain(|_, value| !value.is_null());
        sampling(options, request);
        if options.is_empty() {
            body.shift_remove("options");
        }
    }
    match body.get("format") {
        Some(Value::String(word)) if word == "json" => request.output = Output::Json,
        Some(Value::Object(schema)) => {
            let schema = Value::Object(schema.clone());
            request.output = Output::Schema { name: String::new(), description: None, schema, strict: None };
        }
        Some(Value::String(word)) if word.is_empty() => {}
        _ => return read_think(body, request),
    }
    body.shift_remove("format");
    read_think(body, request);
}

/// Writes what Consort has words for.
pub(super) fn write(request: &Request, body: &mut Object) {
    match &request.output {
        Output::Text => {}
        Output::Json => {
            body.insert("format".into(), "json".into());
        }
        Output::Schema { schema, .. } => {
            body.insert("format".into(), schema.clone());
        }
    }
    let think = match (request.reasoning.effort, request.reasoning.show) {
        (Some(Effort::None), _) => Some(json!(false)),
        (Some(effort), _) => Some(json!(effort.as_str())),
        (None, Some(true)) => Some(json!(true)),
        (None, _) => None,
    };
    json::set(body, "think", think);
    let options = write_sampling(request);
    if !options.is_empty() {
        body.insert("options".into(), Value::Object(options));
    }
}

/// `true` and `false`, or how much.
fn read_think(body: &mut Object, request: &mut Request) {
    match body.get("think") {
        Some(Value::Bool(true)) => request.reasoning.show = Some(true),
        Some(Value::Bool(false)) => request.reasoning.effort = Some(Effort::None),
        Some(Value::String(level)) => match Effort::parse(level) {
            Some(effort) => request.reasoning.effort = Some(effort),
            None => return,
        },
        _ => return,
    }
    body.shift_remove("think");
}

fn sampling(options: &mut Object, request: &mut Request) {
    let sampling = &mut request.sampling;
    // A negative limit, which means none or the context's end, stays.
    sampling.max_tokens = json::take(options, "num_predict").or(sampling.max_tokens);
    sampling.temperature = json::take(options, "temperature").or(sampling.temperature);
    sampling.top_p = json::take(options, "top_p").or(sampling.top_p);
    sampling.top_k = json::take(options, "top_k").or(sampling.top_k);
    sampling.seed = json::take(options, "seed").or(sampling.seed);
    sampling.presence_penalty = json::take(options, "presence_penalty").or(sampling.presence_penalty);
    sampling.frequency_penalty = json::take(options, "frequency_penalty").or(sampling.frequency_penalty);
    if let Some(stop) = json::take::<Vec<String>>(options, "stop")
        .or_else(|| json::take::<String>(options, "stop").map(|stop| vec![stop]))
    {
        sampling.stop = stop;
    }
}

fn write_sampling(request: &Request) -> Object {
    let sampling = &request.sampling;
    let mut options = Object::new();
    json::set(&mut options, "num_predict", sampling.max_tokens);
    json::set(&mut options, "temperature", sampling.temperature);
    json::set(&mut options, "top_p", sampling.top_p);
    json::set(&mut options, "top_k", sampling.top_k);
    json::set(&mut options, "seed", sampling.seed);
    json::set(&mut options, "presence_penalty", sampling.presence_penalty);
    json::set(&mut options, "frequency_penalty", sampling.frequency_penalty);
    json::set(&mut options, "stop", (!sampling.stop.is_empty()).then(|| sampling.stop.clone()));
    options
}
