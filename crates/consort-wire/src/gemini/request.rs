//! Writes a normalised request.
use super::{ID, config, part, path, tools};
use crate::pairing::Pairing;
use crate::{Quirks, WireRequest, files, json};
use consort_core::{Body, Error, Message, Object, Request, Role};
use serde_json::{Value, json};

/// The body of a call.
pub(super) fn write(request: &Request, quirks: &Quirks) -> Result<Object, Error> {
    let mut body = Object::new();
    body.insert("contents".into(), Value::Array(contents(request)?));
    if !request.instructions.is_empty() {
        let parts: Vec<Value> = request
            .instructions
            .iter()
            .filter_map(|part| part::write(part, false).map(Value::Object))
            .collect();
        body.insert("systemInstruction".into(), json!({ "parts": parts }));
    }
    if !request.tools.is_empty() {
        body.insert("tools".into(), Value::Array(tools::write(&request.tools)));
    }
    config::write(request, &mut body);
    if let Some(native) = request.native.of(ID) {
        json::merge(&mut body, native);
    }
    json::merge(&mut body, &quirks.body);
    Ok(body)
}

/// A request for the count of its tokens. The Gemini API wants the whole call inside; Vertex AI, which has a
/// path of its own, wants it as it is.
pub(super) fn count(request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
    let mut body = write(request, quirks)?;
    if quirks.path.is_none() {
        body.insert("model".into(), json!(format!("models/{}", request.model)));
        body = part::one("generateContentRequest", Value::Object(body));
    }
    Ok(WireRequest::post(path::write(&request.model, path::COUNT, quirks), &Value::Object(body)))
}

fn contents(request: &Request) -> Result<Vec<Value>, Error> {
    let mut pairing = Pairing::default();
    // From the third generation on, the first call of each step must be signed.
    let must_sign = request.model.contains("gemini-3");
    request.messages.iter().map(|message| content(message, &mut pairing, must_sign)).collect()
}

fn content(message: &Message, pairing: &mut Pairing, must_sign: bool) -> Result<Value, Error> {
    let mut parts = Vec::with_capacity(message.parts.len());
    let mut first_call = true;
    for part in &message.parts {
        files::check(part)?;
        let Some(mut object) = part::write(part, pairing.needs_id(part)) else { continue };
        if matches!(part.body, Body::ToolCall(_)) && std::mem::take(&mut first_call) && must_sign {
            object.entry("thoughtSignature").or_insert_with(|| part::NO_SIGNATURE.into());
        }
        parts.push(Value::Object(object));
    }
    let mut content = Object::new();
    let role = if message.role == Role::Assistant { "model" } else { "user" };
    content.insert("role".into(), role.into());
    content.insert("parts".into(), Value::Array(parts));
    if let Some(vendor) = message.vendor.of(ID) {
        json::merge(&mut content, vendor);
    }
    Ok(Value::Object(content))
}
