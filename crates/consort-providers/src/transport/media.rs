//! Reads media that are given by path, before a request is written.
use crate::aside::aside;
use bytes::Bytes;
use consort_core::{Body, Error, ErrorKind, Media, MediaSource, Part, Request};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// No vendor takes more in one request.
const LARGEST: u64 = 100 * 1024 * 1024;

/// The request with all files read into it.
pub(crate) async fn load_media(request: Arc<Request>) -> Result<Arc<Request>, Error> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    if !parts.chain(&request.instructions).any(has_path) {
        return Ok(request);
    }
    let loading = aside(move || {
        let mut request = Arc::unwrap_or_clone(request);
        let messages = request.messages.iter_mut().flat_map(|message| &mut message.parts);
        messages.chain(&mut request.instructions).try_for_each(load)?;
        Ok(Arc::new(request))
    });
    loading.await.unwrap_or_else(|| Err(Error::cancelled()))
}

fn has_path(part: &Part) -> bool {
    match &part.body {
        Body::Media(media) => matches!(media.source, MediaSource::Path(_)),
        Body::ToolResult(result) => result.content.iter().any(has_path),
        _ => false,
    }
}

fn load(part: &mut Part) -> Result<(), Error> {
    match &mut part.body {
        Body::Media(media) => load_one(media),
        Body::ToolResult(result) => result.content.iter_mut().try_for_each(load),
        _ => Ok(()),
    }
}

fn load_one(media: &mut Media) -> Result<(), Error> {
    let MediaSource::Path(path) = &media.source else { return Ok(()) };
    let bytes = read(path)?;
    if media.name.is_none() {
        media.name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    }
    media.source = MediaSource::Bytes(bytes);
    Ok(())
}

fn read(path: &Path) -> Result<Bytes, Error> {
    let wrong = |what: String| Error::new(ErrorKind::InvalidRequest, format!("{}: {what}", path.display()));
    let unreadable = |error: std::io::Error| {
        let what = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "this file may not be read".to_owned(),
            _ => format!("this file cannot be read: {error}"),
        };
        wrong(what).hint("check the attachment's path and its permissions")
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(wrong("this is a folder, not a file".into()));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells that there is more; a pipe does not say its size.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(format!("the file is over {} MB", LARGEST / 1024 / 1024))
            .hint("send a smaller file, or a URL that the vendor can fetch"));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_read_or_named() {
        let request = |path: &str| {
            let mut request = Request::ask("look");
            request.messages[0].parts.push(Part::media(Media::path("text/plain", path)));
            Arc::new(request)
        };
        let loaded = load_media(request(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).await.unwrap();
        let Body::Media(media) = &loaded.messages[0].parts[1].body else { panic!() };
        assert!(matches!(&media.source, MediaSource::Bytes(bytes) if bytes.starts_with(b"[package]")));
        assert_eq!(media.name.as_deref(), Some("Cargo.toml"));
        let check = |error: Error, said: &str| assert!(error.message().contains(said), "{error}");
        check(load_media(request("/no/such/file")).await.unwrap_err(), "there is no such file");
        check(load_media(request("/")).await.unwrap_err(), "folder");
    }
}
