//! One part of a content, read and written: of a request, of an answer, of a tool's result.
use super::{ID, keys, tool_result};
use crate::json;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use consort_core::{Arguments, Body, Media, MediaSource, Object, Part, ToolCall, VendorData};
use serde_json::{Value, json};

/// What a decoder files under a part although it belongs to the whole answer. It is never sent back.
pub(super) const OF_ANSWER: [&str; 5] =
    ["groundingMetadata", "citationMetadata", "urlContextMetadata", "logprobsResult", "safetyRatings"];

/// Stands for a signature on a call that Gemini did not make: newer models refuse calls without one.
pub(super) const NO_SIGNATURE: &str = "skip_thought_signature_validator";

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Reads a part. A call or result without an id has an empty one.
pub(super) fn read(value: Value) -> Option<Part> {
    let Value::Object(mut object) = value else { return None };
    keys::clean(&mut object);
    let signature =
        json::take_text(&mut object, "thoughtSignature").filter(|signature| signature != NO_SIGNATURE);
    if object.get("thought") == Some(&Value::Bool(false)) {
        object.shift_remove("thought");
    }
    let mut vendor = VendorData::default();
    let body = text(&mut object)
        .or_else(|| inner(&mut object, "functionCall", &mut vendor, |object| Some(call(object))))
        .or_else(|| {
            inner(&mut object, "functionResponse", &mut vendor, |object| Some(tool_result::read(object)))
        })
        .or_else(|| inner(&mut object, "inlineData", &mut vendor, inline_data))
        .or_else(|| inner(&mut object, "fileData", &mut vendor, file_data))
        .unwrap_or_else(|| other(&mut object));
    vendor.merge(ID, object);
    let part = Part { vendor, ..body.into() };
    Some(match signature {
        Some(signature) => part.signed(ID, signature),
        None => part,
    })
}

/// Writes a part; nothing when this wire has no word for it.
pub(super) fn write(part: &Part, with_id: bool) -> Option<Object> {
    let mut object = match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } => one("text", json!(text)),
        Body::Reasoning { text, .. } => {
            let mut object = one("text", json!(text));
            object.insert("thought".into(), true.into());
            object
        }
        Body::ToolCall(call) => {
            let mut inner = Object::new();
            json::set(&mut inner, "id", with_id.then_some(call.id.as_str()));
            inner.insert("name".into(), json!(call.name));
            inner.insert("args".into(), Value::Object(arguments(&call.arguments)));
            one("functionCall", Value::Object(inner))
        }
        Body::ToolResult(result) => {
            one("functionResponse", Value::Object(tool_result::write(result, with_id)))
        }
        Body::Media(media) => write_media(media)?,
        Body::Native { wire, value: Value::Object(value), .. } if wire == ID => value.clone(),
        Body::Native { .. } => return None,
    };
    if let Some(vendor) = part.vendor.of(ID) {
        let beside: Object = vendor
            .iter()
            .filter(|(key, _)| !OF_ANSWER.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        json::merge(&mut object, &beside);
    }
    json::set(&mut object, "thoughtSignature", part.signature_for(ID));
    Some(object)
}

/// The arguments as an object, which is all that this wire knows: anything else goes inside one.
pub(super) fn arguments(arguments: &Arguments) -> Object {
    match arguments.value() {
        Ok(Value::Object(object)) => object,
        Ok(other) => one("arguments", other),
        Err(_) => one("arguments", json!(arguments.raw())),
    }
}

/// Where a file is: its own storage is known by the address.
pub(super) fn source(uri: String) -> MediaSource {
    let own = uri.contains("generativelanguage.googleapis.com/") || uri.starts_with("gs://");
    let address = uri.contains("://") || uri.starts_with("data:");
    if own || !address { MediaSource::File { wire: ID.to_owned(), id: uri } } else { MediaSource::Url(uri) }
}

pub(super) fn one(key: &str, value: Value) -> Object {
    Object::from_iter([(key.to_owned(), value)])
}

fn text(object: &mut Object) -> Option<Body> {
    let text = json::take_text(object, "text")?;
    let thought = object.get("thought") == Some(&Value::Bool(true));
    if thought {
        object.shift_remove("thought");
        return Some(Body::Reasoning { text, redacted: false });
    }
    Some(Body::Text { text, citations: Vec::new() })
}

/// Reads the object under `key` where there is one; what is left of it is kept under the same key.
fn inner(
    object: &mut Object,
    key: &str,
    vendor: &mut VendorData,
    read: fn(&mut Object) -> Option<Body>,
) -> Option<Body> {
    let Some(Value::Object(inner)) = object.get(key) else { return None };
    let mut inner = inner.clone();
    keys::clean(&mut inner);
    let body = read(&mut inner)?;
    object.shift_remove(key);
    if !inner.is_empty() {
        vendor.set(ID, key, Value::Object(inner));
    }
    Some(body)
}

fn call(object: &mut Object) -> Body {
    let arguments = match object.shift_remove("args") {
        None | Some(Value::Null) => Arguments::default(),
        Some(value) => Arguments::from(value),
    };
    Body::ToolCall(ToolCall {
        id: json::take_text(object, "id").unwrap_or_default(),
        name: json::take_text(object, "name").unwrap_or_default(),
        arguments,
    })
}

fn inline_data(object: &mut Object) -> Option<Body> {
    let data = object.get("data")?.as_str()?;
    let bytes = BASE64.decode(data).or_else(|_| BASE64_URL.decode(data)).ok()?;
    object.shift_remove("data");
    let mime = json::take_text(object, "mimeType").unwrap_or_default();
    Some(Body::Media(Media::bytes(mime, bytes)))
}

fn file_data(object: &mut Object) -> Option<Body> {
    let uri = json::take_text(object, "fileUri")?;
    let mime = json::take_text(object, "mimeType").unwrap_or_default();
    Some(Body::Media(Media { source: source(uri), mime, name: None }))
}

/// A part without text (its signature counts), or an item that only this wire knows, kept whole.
fn other(object: &mut Object) -> Body {
    let Some(kind) = object.keys().find(|key| *key != "thought").cloned() else {
        let thought = object.shift_remove("thought") == Some(Value::Bool(true));
        let text = String::new();
        return if thought {
            Body::Reasoning { text, redacted: false }
        } else {
            Body::Text { text, citations: Vec::new() }
        };
    };
    Body::Native { wire: ID.to_owned(), kind, value: Value::Object(std::mem::take(object)) }
}

fn write_media(media: &Media) -> Option<Object> {
    let mime = (!media.mime.is_empty()).then_some(media.mime.as_str());
    let mut inner = Object::new();
    json::set(&mut inner, "mimeType", mime);
    match &media.source {
        MediaSource::Bytes(_) => {
            json::set(&mut inner, "data", media.base64());
            Some(one("inlineData", Value::Object(inner)))
        }
        MediaSource::Url(uri) | MediaSource::File { id: uri, .. } => {
            inner.insert("fileUri".into(), json!(uri));
            Some(one("fileData", Value::Object(inner)))
        }
        MediaSource::Path(_) => None,
    }
}
