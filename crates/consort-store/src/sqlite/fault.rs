//! What can go wrong with a database, in words for people.
use consort_core::{Error, ErrorKind};
use rusqlite::ErrorCode;
use std::path::Path;

/// What went wrong with a statement, before it is said which file it was about.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    /// Something that is kept cannot be read.
    Unreadable(String),
    /// What was asked for is refused.
    Said(Error),
}

pub(super) type Done<T> = Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl Fault {
    pub(super) fn of(self, path: &Path) -> Error {
        match self {
            Self::Said(error) => error,
            Self::Unreadable(what) => damaged(path, &what),
            Self::Sql(error) => explain(path, &error),
        }
    }
}

fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    let file = path.display();
    let setup = |message: String| Error::new(ErrorKind::Setup, message);
    let read_only = || {
        setup(format!("{file} may not be written"))
            .hint("check who may write the file and its folder: the database needs both")
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => not_ours(path),
        Some(ErrorCode::DatabaseCorrupt) => damaged(path, &error.to_string()),
        Some(ErrorCode::DiskFull) => setup(format!("there is no room left to write {file}"))
            .hint("free some space, or keep the conversations elsewhere; nothing that was kept is lost"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(
            ErrorKind::Server,
            format!("another program holds {file}, and did not let go of it in time"),
        )
        .hint("close the program that has it open, and try again"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => read_only(),
        // What cannot be opened is a file beside it.
        Some(ErrorCode::CannotOpen) if std::fs::File::open(path).is_ok() => read_only(),
        Some(ErrorCode::CannotOpen) => setup(format!("{file} cannot be opened"))
            .hint("check that its folder exists, and who may read and write there"),
        Some(ErrorCode::TooBig) => {
            Error::new(ErrorKind::InvalidRequest, "one part is too large to be kept: the limit is a gigabyte")
        }
        Some(ErrorCode::SystemIoFailure) => {
            Error::new(ErrorKind::Server, format!("{file} could not be read or written: {error}"))
                .hint("the disk may be full, failing or gone")
        }
        Some(_) => Error::new(ErrorKind::Server, format!("{file}: {error}")),
        None => damaged(path, &error.to_string()),
    }
}

pub(super) fn damaged(path: &Path, what: &str) -> Error {
    let file = path.display();
    Error::new(ErrorKind::Setup, format!("{file} is damaged ({what})"))
        .hint("put a copy in its place, or move it away to begin anew; nothing was written to it")
        .hint(format!("`sqlite3 '{file}' .recover` prints what can still be read"))
}

pub(super) fn not_ours(path: &Path) -> Error {
    Error::new(ErrorKind::Setup, format!("{} is no database of Consort", path.display()))
        .hint("move it away, or name another file; nothing was written to it")
}

pub(super) fn newer(path: &Path, version: i64) -> Error {
    let message = format!("{} was written by a newer version of Consort (format {version})", path.display());
    Error::new(ErrorKind::Setup, message)
        .hint("use that version, or name another file; nothing was written to it")
}

/// What the file system says of a path.
pub(super) fn file(path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Setup, format!("{} cannot be used: {error}", path.display()))
        .hint("check that its folder exists, and who may read and write there")
}
