//! Images and documents as content blocks.
use super::ID;
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Error, Media, MediaSource, Object};
use serde_json::{Value, json};

const PDF: &str = "application/pdf";
const PLAIN: &str = "text/plain";
/// An uploaded image: its exact type is the vendor's to know.
const SOME_IMAGE: &str = "image/*";

/// Brings media to what the format can say of it.
pub(super) fn normalise(media: &mut Media) {
    let is_image = is_image(media);
    match &mut media.source {
        MediaSource::Url(url) => {
            let guess = if is_image { image_of_url(url) } else { PDF };
            guess.clone_into(&mut media.mime);
        }
        MediaSource::File { .. } => {
            (if is_image { SOME_IMAGE } else { "" }).clone_into(&mut media.mime);
        }
        MediaSource::Bytes(bytes) if media.mime.starts_with("text/") => {
            PLAIN.clone_into(&mut media.mime);
            if let std::borrow::Cow::Owned(text) = String::from_utf8_lossy(bytes) {
                *bytes = text.into();
            }
        }
        MediaSource::Bytes(_) | MediaSource::Path(_) => {}
    }
    if is_image {
        media.name = None;
    }
}

/// Whether it goes into an `image` block; anything else is a document.
fn is_image(media: &Media) -> bool {
    match &media.source {
        MediaSource::Url(url) if media.mime.is_empty() => !has_ending(url, &["pdf"]),
        _ => media.family() == "image",
    }
}

fn image_of_url(url: &str) -> &'static str {
    const ENDINGS: [(&[&str], &str); 4] = [
        (&["png"], "image/png"),
        (&["jpg", "jpeg"], "image/jpeg"),
        (&["gif"], "image/gif"),
        (&["webp"], "image/webp"),
    ];
    ENDINGS.iter().find(|(endings, _)| has_ending(url, endings)).map_or("", |(_, mime)| mime)
}

fn has_ending(url: &str, endings: &[&str]) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// Writes the block's `type`, `source` and `title`.
pub(super) fn write(media: &Media, block: &mut Object) -> Result<(), Error> {
    let source = match &media.source {
        MediaSource::Url(url) => json!({"type": "url", "url": url}),
        MediaSource::File { id, .. } => json!({"type": "file", "file_id": id}),
        MediaSource::Bytes(bytes) if media.mime.starts_with("text/") => {
            json!({"type": "text", "media_type": PLAIN, "data": String::from_utf8_lossy(bytes)})
        }
        MediaSource::Bytes(bytes) => {
            json!({"type": "base64", "media_type": media.mime, "data": STANDARD.encode(bytes)})
        }
        MediaSource::Path(path) => return Err(crate::files::unread(path)),
    };
    let kind = if is_image(media) { "image" } else { "document" };
    block.insert("type".into(), kind.into());
    block.insert("source".into(), source);
    crate::json::set(block, "title", media.name.clone());
    Ok(())
}

/// Reads an `image` or `document` block; nothing when its source is of a kind that only this wire knows.
pub(super) fn read(kind: &str, block: &Object) -> Option<Media> {
    let source = block.get("source")?.as_object()?;
    let text = |key: &str| source.get(key).and_then(Value::as_str);
    let only = |keys: &[&str]| source.keys().all(|key| key == "type" || keys.contains(&key.as_str()));
    let is_image = kind == "image";
    let mut media = match text("type")? {
        "base64" if only(&["media_type", "data"]) => {
            let data = text("data")?;
            let bytes = STANDARD.decode(data).ok()?;
            let mime = text("media_type")?;
            let fits = mime.starts_with("image/") == is_image && !mime.starts_with("text/");
            fits.then(|| Media::bytes(mime, bytes))?
        }
        // An image that looks like a document would be written as one.
        "url" if only(&["url"]) && !(is_image && has_ending(text("url")?, &["pdf"])) => {
            let url = text("url")?;
            Media::url(if is_image { image_of_url(url) } else { PDF }, url)
        }
        "file" if only(&["file_id"]) => {
            let source = MediaSource::File { wire: ID.to_owned(), id: text("file_id")?.to_owned() };
            let mime = if is_image { SOME_IMAGE } else { "" };
            Media { source, mime: mime.to_owned(), name: None }
        }
        "text" if !is_image && only(&["media_type", "data"]) && text("media_type") == Some(PLAIN) => {
            Media::bytes(PLAIN, text("data")?.to_owned())
        }
        _ => return None,
    };
    if !is_image {
        media.name = match block.get("title") {
            None | Some(Value::Null) => None,
            Some(title) => Some(title.as_str()?.to_owned()),
        };
    }
    Some(media)
}
