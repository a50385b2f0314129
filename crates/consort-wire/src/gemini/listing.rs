//! The vendor's list of models.
use super::path;
use crate::{Listed, Quirks, WireRequest};
use consort_core::ModelKind;
use serde_json::Value;

pub(super) fn request(quirks: &Quirks) -> Option<WireRequest> {
    match quirks.models_path.as_deref() {
        Some("") => None,
        Some(path) => Some(WireRequest::get(path)),
        None => Some(WireRequest::get("models?pageSize=1000")),
    }
}

pub(super) fn read(body: &Value) -> Vec<Listed> {
    let listed = body["models"].as_array().or_else(|| body["publisherModels"].as_array());
    listed.into_iter().flatten().filter_map(read_one).collect()
}

fn read_one(model: &Value) -> Option<Listed> {
    let methods: Vec<&str> = model["supportedGenerationMethods"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let kind = if methods.contains(&"generateContent") {
        ModelKind::Chat
    } else if methods.contains(&"embedContent") {
        ModelKind::Embedding
    } else if methods.contains(&"bidiGenerateContent") {
        ModelKind::Realtime
    } else {
        ModelKind::Chat
    };
    Some(Listed {
        name: path::bare(model["name"].as_str()?).to_owned(),
        title: model["displayName"].as_str().map(str::to_owned),
        kind,
        context: model["inputTokenLimit"].as_u64(),
        output: model["outputTokenLimit"].as_u64(),
        reasoning: model["thinking"].as_bool(),
        ..Listed::default()
    })
}
