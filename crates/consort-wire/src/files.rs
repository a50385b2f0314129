//! Files must be read before a request is written: a wire reads none.
use consort_core::{Body, Error, ErrorKind, Media, MediaSource, Part};
use std::path::Path;

/// An error where a part still names a file of this machine.
pub(crate) fn check(part: &Part) -> Result<(), Error> {
    match &part.body {
        Body::Media(Media { source: MediaSource::Path(path), .. }) => Err(unread(path)),
        Body::ToolResult(result) => result.content.iter().try_for_each(check),
        _ => Ok(()),
    }
}

/// The error of a file that nobody read.
pub(crate) fn unread(path: &Path) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("the file {} was not read before the request was written", path.display()),
    )
}
