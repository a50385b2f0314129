//! The vendor's list of models.
use super::VERSION;
use crate::quirks::Quirks;
use crate::{Listed, WireRequest};
use consort_core::{Error, Modality};
use serde_json::Value;

pub(super) fn request(quirks: &Quirks) -> Option<WireRequest> {
    let path = match quirks.models_path.as_deref() {
        Some("") => return None,
        // As many as one page can hold.
        None => "v1/models?limit=1000",
        Some(path) => path,
    };
    let mut request = WireRequest::get(path);
    request.headers.push(("anthropic-version".into(), VERSION.into()));
    Some(request)
}

pub(super) fn read(body: &Value) -> Result<Vec<Listed>, Error> {
    let list = body["data"].as_array().ok_or_else(|| Error::protocol("the list of models has no `data`"))?;
    Ok(list.iter().filter_map(model).collect())
}

fn model(model: &Value) -> Option<Listed> {
    let can = |what: &str| model["capabilities"][what]["supported"].as_bool();
    let input = can("image_input").map(|images| {
        let pdf = can("pdf_input").unwrap_or_default();
        let others = [(images, Modality::Image), (pdf, Modality::Pdf)];
        let others = others.into_iter().filter_map(|(can, modality)| can.then_some(modality));
        std::iter::once(Modality::Text).chain(others).collect()
    });
    Some(Listed {
        name: model["id"].as_str()?.to_owned(),
        title: model["display_name"].as_str().map(str::to_owned),
        context: model["max_input_tokens"].as_u64(),
        output: model["max_tokens"].as_u64(),
        input,
        schema: can("structured_outputs"),
        reasoning: can("thinking"),
        ..Listed::default()
    })
}
