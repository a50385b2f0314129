//! Files that are written whole or not at all.
use consort_core::{Error, ErrorKind};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Who may read a file that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    Anyone,
    OwnerOnly,
}

/// A file's text; nothing when there is no such file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lets `change` see a file's text and puts what it returns in its place: readers see the old text or the new,
/// and two programs that change the file at once do so one after the other.
pub fn change(
    path: &Path,
    readers: Readers,
    change: impl FnOnce(Option<String>) -> Result<String, Error>,
) -> Result<(), Error> {
    let failed = |error: io::Error| {
        let path = path.display();
        Error::new(ErrorKind::Setup, format!("{path} cannot be written: {error}"))
            .hint("set CONSORT_HOME to a folder that can be written")
    };
    // A link stays a link: what it points to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let _lock = lock(&sibling(&target, ".lock")).map_err(failed)?;
    let text = change(read(&target).map_err(failed)?)?;
    replace(&target, &text, readers).map_err(failed)
}

/// Held until it is dropped.
fn lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.lock()?;
    Ok(file)
}

fn replace(target: &Path, text: &str, readers: Readers) -> io::Result<()> {
    let draft = sibling(target, ".new");
    let written = write_new(&draft, text, readers).and_then(|()| std::fs::rename(&draft, target));
    if written.is_err() {
        // Best effort: the error that matters is the one before.
        let _ = std::fs::remove_file(&draft);
    }
    written
}

fn write_new(draft: &Path, text: &str, readers: Readers) -> io::Result<()> {
    // A draft that a crash left behind may have a wider mode.
    match std::fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::OwnerOnly {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers; // The user's own folders are private there.
    let mut file = options.open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A hidden file beside the target: the same file system, so that a rename is one step.
fn sibling(target: &Path, ending: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}{ending}"))
}
