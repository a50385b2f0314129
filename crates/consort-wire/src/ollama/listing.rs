//! The models that a server has.
use crate::{Listed, Quirks, WireRequest};
use consort_core::ModelKind;
use serde_json::Value;

pub(super) fn request(quirks: &Quirks) -> Option<WireRequest> {
    match quirks.models_path.as_deref() {
        Some("") => None,
        path => Some(WireRequest::get(path.unwrap_or("api/tags"))),
    }
}

pub(super) fn read(body: &Value) -> Vec<Listed> {
    body["models"].as_array().into_iter().flatten().filter_map(read_one).collect()
}

fn read_one(model: &Value) -> Option<Listed> {
    let name = model["name"].as_str().or_else(|| model["model"].as_str())?;
    // Newer servers say what a model can do; of older ones only the families of embedders are known.
    let says = model["capabilities"].as_array();
    let can = |what: &str| says.map(|list| list.iter().any(|one| one == what));
    let family = model["details"]["family"].as_str().unwrap_or_default();
    let embeds = can("embedding").unwrap_or(family.contains("bert"));
    Some(Listed {
        name: name.to_owned(),
        kind: if embeds { ModelKind::Embedding } else { ModelKind::Chat },
        tools: can("tools"),
        reasoning: can("thinking"),
        ..Listed::default()
    })
}
