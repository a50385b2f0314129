//! The parts of a message's content and of a tool result: text, refusals, images, files and sound.
use super::layout::{self, WITHIN, own, part_fields, without};
use super::{ID, citations};
use crate::json;
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Body, Error, ErrorKind, Media, MediaSource, Object, Part, VendorData};
use serde_json::{Value, json};

/// Whose words a list of content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A message to the model.
    Input,
    /// A message of the model.
    Output,
    /// The result of a tool.
    Result,
}

/// Reads a content: a text, or a list of parts.
pub(super) fn read(content: Value, side: Side, item: &Object) -> Vec<Part> {
    match content {
        Value::String(text) => vec![own(Part::text(text), item, Object::new())],
        Value::Array(parts) => parts.into_iter().filter_map(|part| read_part(part, side, item)).collect(),
        _ => Vec::new(),
    }
}

/// Reads one part. Of which kind it cannot tell stays whole.
pub(super) fn read_part(part: Value, side: Side, item: &Object) -> Option<Part> {
    let object = match part {
        Value::Object(object) => object,
        Value::String(text) => return Some(own(Part::text(text), item, Object::new())),
        _ => return None,
    };
    match known(object) {
        Ok((part, fields)) => Some(own(part, item, fields)),
        Err(object) => {
            let kind = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut part = own(Part::native(ID, kind, Value::Object(object)), item, Object::new());
            if side != Side::Result {
                part.vendor.set(ID, WITHIN, true);
            }
            Some(part)
        }
    }
}

/// A part of a known kind, and its further fields; or the object as it was.
fn known(mut object: Object) -> Result<(Part, Object), Object> {
    match object.get("type").and_then(Value::as_str) {
        Some("input_text" | "output_text" | "text") => {
            let Some(text) = json::take_text(&mut object, "text") else { return Err(object) };
            let citations = match object.shift_remove("annotations") {
                Some(Value::Array(list)) => list.into_iter().filter_map(citations::read).collect(),
                _ => Vec::new(),
            };
            if object.get("logprobs").is_some_and(|value| value.is_null() || value == &json!([])) {
                object.shift_remove("logprobs");
            }
            Ok((Body::Text { text, citations }.into(), without(object, &["type"])))
        }
        Some("refusal") => {
            let Some(text) = json::take_text(&mut object, "refusal") else { return Err(object) };
            Ok((Body::Refusal { text }.into(), without(object, &["type"])))
        }
        Some("input_image") => {
            let media = if let Some(url) = json::take_text(&mut object, "image_url") {
                Media::from_url(&url)
            } else if let Some(id) = json::take_text(&mut object, "file_id") {
                uploaded("image/*", id)
            } else {
                return Err(object);
            };
            // A payload that is not an image would be written as a file.
            if matches!(media.source, MediaSource::Bytes(_)) && media.family() != "image" {
                object.insert("image_url".into(), media.to_url().into());
                return Err(object);
            }
            Ok((Part::media(media), without(object, &["type"])))
        }
        Some("input_file") => {
            let media = read_file(&mut object).ok_or_else(|| object.clone())?;
            Ok((Part::media(media), without(object, &["type"])))
        }
        Some("input_audio") => {
            let media = read_audio(&object).ok_or_else(|| object.clone())?;
            Ok((Part::media(media), without(object, &["type", "input_audio"])))
        }
        _ => Err(object),
    }
}

fn uploaded(mime: &str, id: String) -> Media {
    let source = MediaSource::File { wire: ID.to_owned(), id };
    Media { source, mime: mime.to_owned(), name: None }
}

/// Takes a file out of its part; nothing is taken when it cannot be read.
fn read_file(object: &mut Object) -> Option<Media> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let name = text("filename").map(str::to_owned);
    let mut media = if let Some(data) = text("file_data") {
        let media = match Media::from_url(data) {
            Media { source: MediaSource::Url(_), .. } if data.starts_with("data:") => return None,
            Media { source: MediaSource::Url(_), .. } => {
                Media::bytes(mime_of(name.as_deref().unwrap_or_default()), STANDARD.decode(data).ok()?)
            }
            media => media,
        };
        // Images and sound have parts of their own.
        if matches!(media.family(), "image" | "audio" | "") {
            return None;
        }
        object.shift_remove("file_data");
        media
    } else if let Some(url) = text("file_url") {
        let media = Media::url(mime_of(url), url);
        object.shift_remove("file_url");
        media
    } else {
        let media = uploaded("", text("file_id")?.to_owned());
        object.shift_remove("file_id");
        media
    };
    object.shift_remove("filename");
    media.name = name;
    Some(media)
}

fn read_audio(object: &Object) -> Option<Media> {
    let audio = object.get("input_audio")?;
    let payload = STANDARD.decode(audio["data"].as_str()?).ok()?;
    Some(Media::bytes(mime_of_sound(audio["format"].as_str()?), payload))
}

/// The MIME type of a file by its name. The vendor takes PDF files unless it is told otherwise.
fn mime_of(name: &str) -> &'static str {
    let name = name.split(['?', '#']).next().unwrap_or_default();
    match name.rsplit(['/', '.']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => "application/pdf",
    }
}

/// The vendor's word for a kind of sound.
fn sound_of_mime(mime: &str) -> &str {
    let kind = mime.split(';').next().unwrap_or_default();
    match kind.strip_prefix("audio/").unwrap_or(kind) {
        "mpeg" => "mp3",
        "x-wav" | "wave" => "wav",
        other => other,
    }
}

fn mime_of_sound(word: &str) -> String {
    match word {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// Writes a content. A single plain text is written as such.
pub(super) fn write(parts: &[Part], side: Side) -> Result<Value, Error> {
    match parts {
        [] => Ok("".into()),
        [Part { body: Body::Text { text, citations }, vendor, .. }]
            if citations.is_empty() && part_fields(vendor).is_none() =>
        {
            Ok(text.as_str().into())
        }
        parts => write_list(parts, side),
    }
}

/// Writes a content as a list.
pub(super) fn write_list(parts: &[Part], side: Side) -> Result<Value, Error> {
    parts.iter().filter_map(|part| write_part(part, side).transpose()).collect()
}

fn write_part(part: &Part, side: Side) -> Result<Option<Value>, Error> {
    let mut object = match &part.body {
        Body::Text { text, citations } if side == Side::Output => {
            let annotations: Vec<Value> = citations.iter().filter_map(citations::write).collect();
            typed(json!({"type": "output_text", "text": text, "annotations": annotations}))
        }
        Body::Text { text, .. } => typed(json!({"type": "input_text", "text": text})),
        Body::Refusal { text } => typed(json!({"type": "refusal", "refusal": text})),
        Body::Media(media) => write_media(media)?,
        Body::Native { wire, value, .. } if wire == ID => return Ok(Some(value.clone())),
        _ => return Ok(None),
    };
    for (key, value) in part_fields(&part.vendor).into_iter().flatten() {
        if !object.contains_key(key) {
            object.insert(key.clone(), value.clone());
        }
    }
    Ok(Some(Value::Object(object)))
}

fn write_media(media: &Media) -> Result<Object, Error> {
    let unread = || {
        Error::new(ErrorKind::InvalidRequest, "an attached file was not read before the request was written")
            .hint("attach its bytes, or send it through a model, which reads it")
    };
    let is_image = media.family() == "image" || media.mime.is_empty();
    let mut object = match &media.source {
        MediaSource::Path(_) => return Err(unread()),
        MediaSource::File { id, .. } if media.family() == "image" => {
            typed(json!({"type": "input_image", "file_id": id}))
        }
        MediaSource::File { id, .. } => typed(json!({"type": "input_file", "file_id": id})),
        MediaSource::Url(url) if is_image => typed(json!({"type": "input_image", "image_url": url})),
        MediaSource::Url(url) => typed(json!({"type": "input_file", "file_url": url})),
        MediaSource::Bytes(_) if media.family() == "image" => {
            typed(json!({"type": "input_image", "image_url": media.to_url()}))
        }
        MediaSource::Bytes(_) if media.family() == "audio" => {
            let sound = json!({"data": media.base64(), "format": sound_of_mime(&media.mime)});
            typed(json!({"type": "input_audio", "input_audio": sound}))
        }
        MediaSource::Bytes(_) => typed(json!({"type": "input_file", "file_data": media.to_url()})),
    };
    if object.get("type").is_some_and(|kind| kind == "input_file") {
        json::set(&mut object, "filename", media.name.clone());
    }
    Ok(object)
}

fn typed(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

/// Makes a part of a content as it is after being written and read.
pub(super) fn settle(part: &mut Part) {
    settle_fields(&mut part.vendor, &part.body);
    match &mut part.body {
        Body::Media(media) => settle_media(media),
        Body::Text { citations, .. } => {
            let kept = std::mem::take(citations);
            *citations = kept.iter().filter_map(citations::write).filter_map(citations::read).collect();
        }
        _ => {}
    }
}

/// Keeps only those fields of the part that do not say again what its body says.
fn settle_fields(vendor: &mut VendorData, body: &Body) {
    let said: &[&str] = match body {
        Body::Text { .. } => &["type", "text", "annotations"],
        Body::Refusal { .. } => &["type", "refusal"],
        Body::Media(_) => {
            &["type", "image_url", "file_id", "file_data", "file_url", "filename", "input_audio"]
        }
        _ => return layout_remove(vendor),
    };
    let Some(fields) = part_fields(vendor) else { return layout_remove(vendor) };
    let mut fields = without(fields.clone(), said);
    if fields.get("logprobs").is_some_and(|value| value.is_null() || value == &json!([])) {
        fields.shift_remove("logprobs");
    }
    if fields.is_empty() {
        layout_remove(vendor);
    } else {
        vendor.set(ID, layout::PART, Value::Object(fields));
    }
}

fn layout_remove(vendor: &mut VendorData) {
    vendor.remove(ID, layout::PART);
}

fn settle_media(media: &mut Media) {
    let family = media.family().to_owned();
    match &mut media.source {
        MediaSource::Path(_) => {}
        MediaSource::File { .. } if family == "image" => media.mime = "image/*".into(),
        MediaSource::File { .. } => media.mime.clear(),
        MediaSource::Url(url) if family == "image" || media.mime.is_empty() => {
            // An address that is itself a payload is read as one.
            let name = media.name.take();
            *media = Media::from_url(url);
            media.name = name;
        }
        MediaSource::Url(url) => media.mime = mime_of(url).to_owned(),
        MediaSource::Bytes(_) if family == "audio" => {
            media.mime = mime_of_sound(sound_of_mime(&media.mime));
        }
        MediaSource::Bytes(_) if family == "image" => {}
        MediaSource::Bytes(_) => {
            if media.mime.is_empty() {
                media.mime = "application/octet-stream".into();
            }
            // The vendor wants a name with a payload.
            if media.name.is_none() {
                media.name = Some(if media.mime == "application/pdf" { "file.pdf" } else { "file" }.into());
            }
        }
    }
    let is_file = !matches!(media.family(), "image" | "audio") && {
        !media.mime.is_empty() || matches!(media.source, MediaSource::File { .. })
    };
    if !is_file {
        media.name = None;
    }
}
