//! What a path is, and what a file holds. Nothing is opened that could block, run or never end.
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Where a manifest must begin; a file whose head holds a zero byte is no text.
pub(super) const HEAD: usize = 8 * 1024;

/// The size of a manifest. A larger one is some other file, or was made to take our time.
pub(super) const TABLE: usize = 64 * 1024;

/// The size to which a text is read.
pub(super) const LIMIT: u64 = 2 * 1024 * 1024;

/// What stands at a path, links followed.
#[derive(Debug)]
pub(super) enum What {
    File(Metadata),
    Folder,
    /// A pipe, a socket, a device. Opening one may block or do something.
    Special(&'static str),
    /// A link that leads nowhere, or something that may not be looked at.
    Unreadable(String),
    /// It went away since it was listed.
    Gone,
}

impl What {
    pub(super) fn at(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => Self::File(found),
            Ok(found) if found.is_dir() => Self::Folder,
            Ok(found) => Self::Special(special(&found)),
            Err(error) => Self::missing(path, &error),
        }
    }

    fn missing(path: &Path, error: &io::Error) -> Self {
        let link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        match error.kind() {
            io::ErrorKind::NotFound if link => Self::Unreadable("it is a link to nothing".to_owned()),
            io::ErrorKind::NotFound => Self::Gone,
            _ if is_loop(error) => Self::Unreadable("it is a link that leads to itself".to_owned()),
            _ => Self::Unreadable(format!("it cannot be looked at: {error}")),
        }
    }
}

#[cfg(unix)]
fn special(found: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = found.file_type();
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: &Metadata) -> &'static str {
    "a device"
}

#[cfg(unix)]
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

#[cfg(not(unix))]
fn is_loop(_: &io::Error) -> bool {
    false
}

/// Whether the user marked a file as a program.
#[cfg(unix)]
pub(super) fn is_executable(found: &Metadata, _ending: &str) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0
}

/// There is no such mark here: the ending says it.
#[cfg(not(unix))]
pub(super) fn is_executable(_: &Metadata, ending: &str) -> bool {
    ending == "exe"
}

/// What was read of a file.
#[derive(Debug)]
pub(super) enum Content {
    /// All of it, and no zero byte in its head.
    Text(Vec<u8>),
    /// Its head: it is no text, or a text over the limit.
    Head { head: Vec<u8>, binary: bool },
}

impl Content {
    /// The bytes that a manifest may stand in.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::Head { head, .. } => head,
        }
    }
}

/// Reads a file once. Of what is no text, or too large, only the head.
pub(super) fn read(path: &Path) -> io::Result<Content> {
    let mut file = open(path)?;
    // A file that is exchanged for something else since it was looked at ends here, unread.
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let expected = found.len().min(LIMIT) as usize;
    let mut bytes = Vec::with_capacity(if found.len() > LIMIT { HEAD } else { expected + 1 });
    if found.len() > HEAD as u64 {
        file.by_ref().take(HEAD as u64).read_to_end(&mut bytes)?;
        let binary = bytes.contains(&0);
        if binary || found.len() > LIMIT {
            return Ok(Content::Head { head: bytes, binary });
        }
    }
    file.by_ref().take(LIMIT + 1).read_to_end(&mut bytes)?;
    let head = bytes.len().min(HEAD);
    let binary = bytes[..head].contains(&0);
    if binary || bytes.len() as u64 > LIMIT {
        bytes.truncate(HEAD);
        return Ok(Content::Head { head: bytes, binary });
    }
    Ok(Content::Text(bytes))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Should the file have become a pipe or a terminal meanwhile, opening it neither waits nor takes it over.
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}
