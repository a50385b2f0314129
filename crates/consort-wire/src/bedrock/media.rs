//! Images, documents, video and audio as content blocks.
use super::ID;
use crate::json;
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Error, Media, MediaSource, Modality, Object, Part};
use serde_json::{Value, json};

/// The block, the vendor's word for the format, and its MIME type; the first of several is the one that is read.
const FORMATS: [(&str, &str, &str); 34] = [
    ("image", "png", "image/png"),
    ("image", "jpeg", "image/jpeg"),
    ("image", "gif", "image/gif"),
    ("image", "webp", "image/webp"),
    ("document", "pdf", "application/pdf"),
    ("document", "csv", "text/csv"),
    ("document", "doc", "application/msword"),
    ("document", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("document", "xls", "application/vnd.ms-excel"),
    ("document", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("document", "html", "text/html"),
    ("document", "txt", "text/plain"),
    ("document", "md", "text/markdown"),
    ("video", "mp4", "video/mp4"),
    ("video", "mov", "video/quicktime"),
    ("video", "mkv", "video/x-matroska"),
    ("video", "webm", "video/webm"),
    ("video", "flv", "video/x-flv"),
    ("video", "mpeg", "video/mpeg"),
    ("video", "mpg", "video/mpg"),
    ("video", "wmv", "video/x-ms-wmv"),
    ("video", "three_gp", "video/3gpp"),
    ("audio", "mp3", "audio/mpeg"),
    ("audio", "wav", "audio/wav"),
    ("audio", "opus", "audio/opus"),
    ("audio", "aac", "audio/aac"),
    ("audio", "flac", "audio/flac"),
    ("audio", "ogg", "audio/ogg"),
    ("audio", "mp4", "audio/mp4"),
    ("audio", "m4a", "audio/x-m4a"),
    ("audio", "mka", "audio/x-matroska"),
    ("audio", "webm", "audio/webm"),
    ("audio", "pcm", "audio/pcm"),
    ("audio", "x-aac", "audio/x-aac"),
];

/// The mark of a document that was given as text, not as bytes.
const AS_TEXT: &str = "as_text";

/// Brings media to what the format can say of it; false when it cannot be said at all.
pub(super) fn normalise(part: &mut Part) -> bool {
    let consort_core::Body::Media(media) = &mut part.body else { return true };
    match &media.source {
        MediaSource::Url(url) => {
            // The vendor reads its own storage only.
            if !url.starts_with("s3://") {
                return false;
            }
            if media.mime.is_empty() {
                media.mime = mime_of_url(url).unwrap_or_default().to_owned();
            }
        }
        MediaSource::File { .. } => return false,
        MediaSource::Bytes(_) | MediaSource::Path(_) => {}
    }
    let Some((block, _, mime)) = format_of(&media.mime) else { return false };
    mime.clone_into(&mut media.mime);
    if block == "document" {
        media.name = Some(tidy_name(media.name.as_deref().unwrap_or_default()));
    } else {
        media.name = None;
    }
    let readable = matches!(&media.source, MediaSource::Bytes(bytes) if std::str::from_utf8(bytes).is_ok());
    let as_text = readable && block == "document" && part.vendor.get(ID, AS_TEXT) == Some(&Value::Bool(true));
    let is_url = matches!(media.source, MediaSource::Url(_));
    let kept: Object = part
        .vendor
        .of(ID)
        .into_iter()
        .flatten()
        .filter(|(key, value)| match key.as_str() {
            "format" | "source" | "name" => false,
            AS_TEXT => as_text,
            "bucketOwner" => is_url && value.is_string(),
            _ => !value.is_null(),
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    part.vendor = consort_core::VendorData::default();
    part.vendor.merge(ID, kept);
    true
}

fn format_of(mime: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let essence = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let essence = match essence.as_str() {
        "image/jpg" => "image/jpeg",
        "audio/mp3" => "audio/mpeg",
        "audio/x-wav" | "audio/wave" => "audio/wav",
        other => other,
    };
    let found = FORMATS.iter().find(|(_, _, mime)| *mime == essence).copied();
    // Any other text can be read as such.
    found.or_else(|| {
        (Modality::of_mime(essence) == Modality::Text).then_some(("document", "txt", "text/plain"))
    })
}

fn mime_of_url(url: &str) -> Option<&'static str> {
    let (_, ending) = url.rsplit_once('.')?;
    let ending = match ending.to_ascii_lowercase().as_str() {
        "jpg" => "jpeg".to_owned(),
        "3gp" => "three_gp".to_owned(),
        other => other.to_owned(),
    };
    FORMATS.iter().find(|(_, format, _)| *format == ending).map(|(_, _, mime)| *mime)
}

/// The vendor takes letters, digits, single spaces, hyphens, parentheses and brackets in names.
fn tidy_name(name: &str) -> String {
    const LONGEST: usize = 200;
    let known = |c: char| c.is_ascii_alphanumeric() || "-()[]_".contains(c);
    let spaced: String = name.chars().map(|c| if known(c) { c } else { ' ' }).take(LONGEST).collect();
    let tidy = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if tidy.is_empty() { "document".to_owned() } else { tidy }
}

/// Writes a media part as a block.
pub(super) fn write(media: &Media, part: &Part) -> Result<Option<(&'static str, Object)>, Error> {
    let Some((block, format, _)) = format_of(&media.mime) else { return Ok(None) };
    let data = part.vendor.of(ID);
    let marked = |key: &str| data.and_then(|data| data.get(key));
    let source = match &media.source {
        MediaSource::Bytes(bytes) if marked(AS_TEXT).is_some() => {
            json!({"text": String::from_utf8_lossy(bytes)})
        }
        MediaSource::Bytes(bytes) => json!({"bytes": STANDARD.encode(bytes)}),
        MediaSource::Url(url) => {
            let mut location = json!({"uri": url});
            if let Some(owner) = marked("bucketOwner") {
                location["bucketOwner"] = owner.clone();
            }
            json!({"s3Location": location})
        }
        MediaSource::Path(path) => return Err(crate::files::unread(path)),
        MediaSource::File { .. } => return Ok(None),
    };
    let mut object = Object::new();
    object.insert("format".into(), format.into());
    json::set(&mut object, "name", media.name.clone());
    object.insert("source".into(), source);
    for (key, value) in data.into_iter().flatten() {
        if key != AS_TEXT && key != "bucketOwner" {
            object.entry(key.as_str()).or_insert_with(|| value.clone());
        }
    }
    Ok(Some((block, object)))
}

/// Reads a media block; nothing when its source is of a kind that only this wire knows.
pub(super) fn read(block: &str, object: &Object) -> Option<Part> {
    let format = object.get("format")?.as_str()?;
    let (_, _, mime) = FORMATS.iter().find(|(kind, name, _)| *kind == block && *name == format)?;
    let source = object.get("source")?.as_object().filter(|source| source.len() == 1)?;
    let mut data = Object::new();
    let mut media = match source.iter().next()? {
        (key, Value::String(bytes)) if key == "bytes" => Media::bytes(*mime, STANDARD.decode(bytes).ok()?),
        (key, Value::String(text)) if key == "text" && block == "document" => {
            data.insert(AS_TEXT.into(), true.into());
            Media::bytes(*mime, text.clone())
        }
        (key, Value::Object(location)) if key == "s3Location" => {
            if let Some(owner) = location.get("bucketOwner").filter(|owner| owner.is_string()) {
                data.insert("bucketOwner".into(), owner.clone());
            }
            Media::url(*mime, location.get("uri")?.as_str()?)
        }
        _ => return None,
    };
    if block == "document" {
        media.name = Some(object.get("name")?.as_str()?.to_owned());
    }
    for (key, value) in object {
        let known = matches!(key.as_str(), "format" | "source") || (key == "name" && block == "document");
        if !known && !value.is_null() {
            data.insert(key.clone(), value.clone());
        }
    }
    let mut part = Part::media(media);
    part.vendor.merge(ID, data);
    Some(part)
}

/// The MIME type of an image in this format.
pub(super) fn image_mime(format: &str) -> Option<&'static str> {
    FORMATS.iter().find(|(kind, name, _)| *kind == "image" && *name == format).map(|(_, _, mime)| *mime)
}

/// The vendor's word for an image of this type.
pub(super) fn image_format(mime: &str) -> Option<&'static str> {
    format_of(mime).filter(|(kind, ..)| *kind == "image").map(|(_, format, _)| format)
}
