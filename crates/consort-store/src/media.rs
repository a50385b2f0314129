//! Media by the hash of their bytes.
use consort_core::{Body, Media, MediaSource, Part};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The media of this hash in a part, or in the tool result that the part is.
pub(crate) fn hashed(part: &Part, hash: &str) -> Option<Media> {
    match &part.body {
        Body::Media(media) => Some(media).filter(|media| is(media, hash)).cloned(),
        Body::ToolResult(result) => result.content.iter().find_map(|part| hashed(part, hash)),
        _ => None,
    }
}

fn is(media: &Media, hash: &str) -> bool {
    matches!(&media.source, MediaSource::Bytes(bytes) if hex(&Sha256::digest(bytes)) == hash)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that hex stands for.
#[cfg(feature = "sqlite")]
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
