//! The type of a file: by its content, else by its name, else text if it is text.

/// Types by the end of a name, where content does not tell or tells too little.
const BY_NAME: [(&str, &str); 35] = [
    ("aac", "audio/aac"),
    ("avi", "video/x-msvideo"),
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("m4a", "audio/mp4"),
    ("md", "text/markdown"),
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("zip", "application/zip"),
];

/// The usual names of types that go by several.
const USUAL: [(&str, &str); 8] = [
    ("audio/x-wav", "audio/wav"),
    ("audio/x-flac", "audio/flac"),
    ("audio/m4a", "audio/mp4"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/x-aac", "audio/aac"),
    ("audio/opus", "audio/ogg"),
    ("text/xml", "text/plain"),
    ("text/x-shellscript", "text/plain"),
];

/// How much of a file is looked at for text that says what it is.
const HEAD: usize = 1024;

pub(super) fn of_content(bytes: &[u8], name: Option<&str>) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    if text.is_some_and(is_svg) {
        return Some("image/svg+xml".to_owned());
    }
    let named = name.and_then(of_name);
    if text.is_some() {
        // Words that begin like a known format are still words, but a PDF may be all ASCII.
        let known = infer::get(bytes).map(|kind| kind.mime_type()).filter(|mime| !mime.starts_with("text/"));
        let mime = known.or(named.filter(|mime| mime.starts_with("text/"))).unwrap_or("text/plain");
        return Some(usual(mime).to_owned());
    }
    let known = infer::get(bytes).map(|kind| usual(kind.mime_type()));
    match (known, named) {
        // Office files are archives: the name says more.
        (Some("application/zip"), Some(named)) => Some(named.to_owned()),
        (known, named) => known.or(named.filter(|mime| !mime.starts_with("text/"))).map(str::to_owned),
    }
}

/// The type of what a URL names, by the end of its path.
pub(super) fn of_url(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    of_name(path.rsplit('/').next()?)
}

/// Whether a text has the form of a MIME type.
pub(super) fn is_mime(text: &str) -> bool {
    let good = |half: &str| {
        !half.is_empty() && half.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.split_once('/').is_some_and(|(family, kind)| good(family) && good(kind))
}

fn of_name(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    let end = end.to_ascii_lowercase();
    BY_NAME.iter().find(|(known, _)| *known == end).map(|(_, mime)| *mime)
}

fn usual(mime: &str) -> &str {
    USUAL.iter().find(|(other, _)| *other == mime).map_or(mime, |(_, usual)| usual)
}

fn is_svg(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let head = text.get(..text.floor_char_boundary(HEAD)).unwrap_or(text);
    head.starts_with("<svg")
        || ((head.starts_with("<?xml") || head.starts_with("<!")) && head.contains("<svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], name: &str, mime: &str) {
        assert_eq!(of_content(bytes, Some(name)).as_deref(), Some(mime), "{name}");
    }

    #[test]
    fn content_says_the_type() {
        check(b"ID3\x03\0\0\0\0\0\0\xff\xfb", "x", "audio/mpeg");
        check(b"\xff\xfb\x90\x64\0\0\0\0", "x", "audio/mpeg");
        check(b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0", "song.mp3", "audio/wav");
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "photo.jpg", "image/png");
        check(b"\xff\xd8\xff\xe0\0\x10JFIF", "x", "image/jpeg");
        check(b"%PDF-1.7\n1 0 obj", "x", "application/pdf");
        check(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "x", "image/svg+xml");
        check(b"<?xml version='1.0'?>\n<svg/>", "x.xml", "image/svg+xml");
        check(b"fLaC\0\0\0\x22\xff", "x", "audio/flac");
    }

    #[test]
    fn names_and_text_are_the_fallback() {
        check(b"hello", "notes", "text/plain");
        check(b"fn main() {}", "main.rs", "text/plain");
        check(b"{\"a\": 1}", "a.json", "text/plain");
        check(b"#!/bin/sh\n", "run.sh", "text/plain");
        check("# Über".as_bytes(), "README.md", "text/markdown");
        check(b"a,b", "data.CSV", "text/csv");
        check(b"\xff\xf3\x00\x80\x80", "odd.mp3", "audio/mpeg");
        assert_eq!(of_content(b"\x80\x81\x82\0", Some("what.bin")), None);
        assert_eq!(of_content(b"\x80\x81\x82\0", Some("bad.txt")), None);
        assert_eq!(of_url("https://example.com/a/cat.JPG?size=2#top"), Some("image/jpeg"));
        assert_eq!(of_url("https://example.com/"), None);
    }

    #[test]
    fn mime_types_have_two_halves() {
        assert!(is_mime("image/svg+xml") && is_mime("text/plain; charset=utf-8"));
        assert!(!is_mime("png") && !is_mime("/png") && !is_mime("image/") && !is_mime("image/p ng"));
    }
}
