//! `generationConfig` and `toolConfig`: sampling, thinking, the answer's shape, the choice of tools.
use super::{ID, keys, schema};
use crate::json;
use consort_core::{Effort, Object, Output, Request, ToolChoice};
use serde_json::{Value, json};

/// Options that stand at the top of the body; all others are part of `generationConfig`.
const AT_TOP: [&str; 6] =
    ["safetySettings", "cachedContent", "labels", "serviceTier", "toolConfig", "modelArmorConfig"];

/// Moves what Consort has words for out of a body (or of vendor data that goes into one) into the request.
pub(super) fn read(body: &mut Object, request: &mut Request) {
    within(body, "generationConfig", |config| {
        sampling(config, request);
        output(config, request);
        within(config, "thinkingConfig", |thinking| reasoning(thinking, request));
    });
    within(body, "toolConfig", |config| {
        within(config, "functionCallingConfig", |calling| tool_choice(calling, request));
    });
}

/// Writes what Consort has words for.
pub(super) fn write(request: &Request, body: &mut Object) {
    let mut config = Object::new();
    write_sampling(request, &mut config);
    write_output(request, &mut config);
    let thinking = write_reasoning(request);
    if !thinking.is_empty() {
        config.insert("thinkingConfig".into(), Value::Object(thinking));
    }
    if !config.is_empty() {
        body.insert("generationConfig".into(), Value::Object(config));
    }
    if let Some(calling) = write_tool_choice(&request.tool_choice) {
        body.insert("toolConfig".into(), json!({ "functionCallingConfig": calling }));
    }
}

pub(super) fn place_option(body: &mut Object, name: &str, value: Value) {
    let name = keys::camel(name);
    if AT_TOP.contains(&name.as_str()) {
        body.insert(name, value);
        return;
    }
    let config = body.entry("generationConfig").or_insert_with(|| json!({}));
    if let Value::Object(config) = config {
        config.insert(name, value);
    }
}

/// Reads an object inside an object, and takes it away when nothing is left of it.
fn within(object: &mut Object, key: &str, read: impl FnOnce(&mut Object)) {
    if let Some(Value::Object(inner)) = object.get_mut(key) {
        keys::clean(inner);
        read(inner);
        if inner.is_empty() {
            object.shift_remove(key);
        }
    }
}

fn sampling(config: &mut Object, request: &mut Request) {
    let sampling = &mut request.sampling;
    sampling.max_tokens = count(config, "maxOutputTokens").or(sampling.max_tokens);
    sampling.temperature = json::take(config, "temperature").or(sampling.temperature);
    sampling.top_p = json::take(config, "topP").or(sampling.top_p);
    sampling.top_k = count(config, "topK").or(sampling.top_k);
    sampling.seed = json::take(config, "seed").or(sampling.seed);
    sampling.presence_penalty = json::take(config, "presencePenalty").or(sampling.presence_penalty);
    sampling.frequency_penalty = json::take(config, "frequencyPenalty").or(sampling.frequency_penalty);
    if let Some(stop) = json::take::<Vec<String>>(config, "stopSequences") {
        sampling.stop = stop;
    }
    if let Some(choices) = json::take::<u32>(config, "candidateCount") {
        sampling.choices = (choices != 1).then_some(choices);
    }
}

fn write_sampling(request: &Request, config: &mut Object) {
    let sampling = &request.sampling;
    json::set(config, "maxOutputTokens", sampling.max_tokens);
    json::set(config, "temperature", sampling.temperature);
    json::set(config, "topP", sampling.top_p);
    json::set(config, "topK", sampling.top_k);
    json::set(config, "seed", sampling.seed);
    json::set(config, "presencePenalty", sampling.presence_penalty);
    json::set(config, "frequencyPenalty", sampling.frequency_penalty);
    json::set(config, "stopSequences", (!sampling.stop.is_empty()).then(|| sampling.stop.clone()));
    json::set(config, "candidateCount", sampling.choices);
}

/// JSON, with a schema or without. The older schema dialect stays in the vendor data, for the way back.
fn output(config: &mut Object, request: &mut Request) {
    const JSON: &str = "application/json";
    let mime = config.get("responseMimeType").and_then(Value::as_str);
    if mime.is_some_and(|mime| mime != JSON) {
        return;
    }
    let schema = match (config.get("responseJsonSchema"), config.get("responseSchema")) {
        (Some(_), _) => config.shift_remove("responseJsonSchema"),
        (None, Some(older)) => Some(schema::to_json_schema(older)),
        (None, None) => None,
    };
    let asked = config.shift_remove("responseMimeType").is_some();
    if let Some(schema) = schema {
        request.output = Output::Schema { name: String::new(), description: None, schema, strict: None };
    } else if asked {
        request.output = Output::Json;
    }
}

fn write_output(request: &Request, config: &mut Object) {
    if request.output != Output::Text {
        config.insert("responseMimeType".into(), json!("application/json"));
    }
    let native = request.native.get(ID, "generationConfig");
    let older = native.is_some_and(|native| native.get("responseSchema").is_some());
    if let Output::Schema { schema, .. } = &request.output
        && !older
    {
        config.insert("responseJsonSchema".into(), schema.clone());
    }
}

fn reasoning(thinking: &mut Object, request: &mut Request) {
    let reasoning = &mut request.reasoning;
    reasoning.budget_tokens = count(thinking, "thinkingBudget").or(reasoning.budget_tokens);
    reasoning.show = json::take(thinking, "includeThoughts").or(reasoning.show);
    let level = thinking.get("thinkingLevel").and_then(Value::as_str).map(str::to_lowercase);
    if let Some(effort) = level.and_then(|level| Effort::parse(&level)) {
        thinking.shift_remove("thinkingLevel");
        reasoning.effort = Some(effort);
    }
}

fn write_reasoning(request: &Request) -> Object {
    let mut thinking = Object::new();
    json::set(&mut thinking, "thinkingBudget", request.reasoning.budget_tokens);
    json::set(&mut thinking, "thinkingLevel", request.reasoning.effort.map(Effort::as_str));
    json::set(&mut thinking, "includeThoughts", request.reasoning.show);
    thinking
}

/// A choice among several named tools, and the mode `VALIDATED`, stay in the vendor data.
fn tool_choice(calling: &mut Object, request: &mut Request) {
    let mode = calling.get("mode").and_then(Value::as_str).unwrap_or_default().to_uppercase();
    let choice = match mode.as_str() {
        "AUTO" => ToolChoice::Auto,
        "NONE" => ToolChoice::None,
        "ANY" => match calling.get("allowedFunctionNames").and_then(Value::as_array).map(Vec::as_slice) {
            Some([Value::String(name)]) => {
                let name = name.clone();
                calling.shift_remove("allowedFunctionNames");
                ToolChoice::Named(name)
            }
            _ => ToolChoice::Required,
        },
        _ => return,
    };
    calling.shift_remove("mode");
    request.tool_choice = choice;
}

fn write_tool_choice(choice: &ToolChoice) -> Option<Value> {
    Some(match choice {
        ToolChoice::Unset => return None,
        ToolChoice::Auto => json!({"mode": "AUTO"}),
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
        ToolChoice::Named(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    })
}

/// A count, which clients may write as `50.0`.
fn count(object: &mut Object, key: &str) -> Option<u64> {
    let value = object.get(key)?;
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..1e15).contains(number);
    let count = value.as_u64().or_else(|| value.as_f64().filter(whole).map(|number| number as u64))?;
    object.shift_remove(key);
    Some(count)
}
