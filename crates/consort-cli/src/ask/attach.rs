//! Attachments: files, URLs and stdin, each with its type. They are read whole before anything is sent.
use super::kind;
use crate::args::Ask;
use crate::exit;
use consort_core::{Error, Media, MediaSource};
use std::io::{self, IsTerminal, Read};
use std::path::Path;

pub(super) fn read(ask: &Ask) -> Result<Vec<Media>, Error> {
    let places = ask.attachments();
    if places.iter().filter(|(place, _)| *place == "-").count() > 1 {
        return Err(exit::usage("stdin can be attached only once"));
    }
    places.into_iter().map(|(place, mime)| one(place, mime)).collect()
}

pub(crate) fn one(place: &str, mime: Option<&str>) -> Result<Media, Error> {
    if let Some(mime) = mime.filter(|mime| !kind::is_mime(mime)) {
        return Err(exit::usage(format!("`{mime}` is not a MIME type"))
            .hint("for instance: --attachment-type notes.bin text/plain"));
    }
    if place.starts_with("data:") {
        let media = Media::from_url(place);
        let inside = matches!(media.source, MediaSource::Bytes(_));
        return if inside {
            Ok(media)
        } else {
            Err(exit::usage("the data URL cannot be read: it must be base64"))
        };
    }
    if place.starts_with("http://") || place.starts_with("https://") {
        return Ok(Media::url(mime.or_else(|| kind::of_url(place)).unwrap_or_default(), place));
    }
    let (bytes, name) = if place == "-" { (stdin()?, None) } else { (file(place)?, file_name(place)) };
    if bytes.is_empty() {
        return Err(
            exit::usage(format!("{} is empty", shown(place))).hint("attach a file with something in it")
        );
    }
    let mime = match mime {
        Some(mime) => mime.to_owned(),
        None => kind::of_content(&bytes, name.as_deref()).ok_or_else(|| {
            exit::usage(format!("the type of {} is not known", shown(place))).hint(format!(
                "say it: --attachment-type {place} MIME, for instance application/octet-stream"
            ))
        })?,
    };
    let media = Media::bytes(mime, bytes);
    Ok(match name {
        Some(name) => media.named(name),
        None => media,
    })
}

fn shown(place: &str) -> String {
    if place == "-" { "stdin".to_owned() } else { format!("`{place}`") }
}

fn file_name(place: &str) -> Option<String> {
    Some(Path::new(place).file_name()?.to_string_lossy().into_owned())
}

fn file(place: &str) -> Result<Vec<u8>, Error> {
    if Path::new(place).is_dir() {
        return Err(exit::usage(format!("`{place}` is a folder"))
            .hint("attach its files one by one: -a FILE -a FILE"));
    }
    std::fs::read(place).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path; it counts from the folder that you are in",
            io::ErrorKind::PermissionDenied => "make the file readable for you",
            _ => "check that the file can be opened",
        };
        exit::usage(format!("cannot read the attachment `{place}`: {}", reason(&error))).hint(hint)
    })
}

fn stdin() -> Result<Vec<u8>, Error> {
    if io::stdin().is_terminal() {
        return Err(exit::usage("`-a -` attaches what is piped in, and nothing is")
            .hint("cat FILE | consort -a - \"...\""));
    }
    let mut bytes = Vec::new();
    io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| exit::usage(format!("stdin cannot be read: {}", reason(&error))))?;
    Ok(bytes)
}

/// What the system says, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
