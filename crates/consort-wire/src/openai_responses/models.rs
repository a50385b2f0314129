//! The vendor's list of models.
use crate::http::WireRequest;
use crate::listing::Listed;
use crate::quirks::Quirks;
use consort_core::{Error, ModelKind};
use serde_json::Value;

pub(super) fn request(quirks: &Quirks) -> Option<WireRequest> {
    match quirks.models_path.as_deref().unwrap_or("models") {
        "" => None,
        path => Some(WireRequest::get(path)),
    }
}

/// Reads the list. Vendors put it into `data` or send it bare, and some say more than names.
pub(super) fn read(body: &Value) -> Result<Vec<Listed>, Error> {
    let list = body.get("data").or_else(|| body.get("models")).unwrap_or(body);
    let list = list.as_array().ok_or_else(|| Error::protocol("the list of models is not a list"))?;
    Ok(list.iter().filter_map(read_one).collect())
}

fn read_one(model: &Value) -> Option<Listed> {
    let text = |key: &str| model[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let name = text("id").or_else(|| text("name"))?;
    let number = |keys: &[&str]| keys.iter().find_map(|key| model[*key].as_u64());
    let kind = if name.contains("embed") {
        ModelKind::Embedding
    } else if name.contains("realtime") {
        ModelKind::Realtime
    } else {
        ModelKind::Chat
    };
    Some(Listed {
        title: text("display_name").or_else(|| text("name")).filter(|title| *title != name),
        kind,
        context: number(&["context_length", "context_window", "max_model_len"]),
        output: number(&["max_completion_tokens", "max_output_tokens"]),
        name,
        ..Listed::default()
    })
}
