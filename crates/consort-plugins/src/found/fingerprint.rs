//! Fingerprints: a text that changes when a plugin does.
use sha2::{Digest, Sha256};
use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// One fingerprint of several pieces, each with its length, so that no two lists of pieces are alike.
pub(super) fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update((piece.len() as u64).to_le_bytes());
        hash.update(piece);
    }
    format!("{:x}", hash.finalize())
}

/// A short text that stands for a place on the disk.
pub(crate) fn place_mark(path: &Path) -> String {
    of([path.as_os_str().as_encoded_bytes()])[..16].to_owned()
}

/// What stands for a file that is not read: its size, the time of its last change, and its place on the disk.
pub(super) fn mark(found: &Metadata) -> String {
    let changed = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    format!("{} {} {}", found.len(), changed.unwrap_or_default().as_nanos(), inode(found))
}

#[cfg(unix)]
fn inode(found: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// The marks of the files that a command names by their whole path.
pub(super) fn of_command(run: &[String]) -> Vec<String> {
    let paths = run.iter().map(Path::new).filter(|path| path.is_absolute());
    paths.filter_map(|path| std::fs::metadata(path).ok()).map(|found| mark(&found)).collect()
}

/// The marks of the files that stand right in a folder: a plugin that is a folder changes with them.
pub(super) fn of_folder(folder: &Path) -> Vec<String> {
    const ENOUGH: usize = 256;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(ENOUGH);
    let files = entries.filter_map(|entry| {
        let found = entry.metadata().ok().filter(Metadata::is_file)?;
        Some(format!("{} {}", entry.file_name().to_string_lossy(), mark(&found)))
    });
    let mut marks: Vec<String> = files.collect();
    marks.sort_unstable();
    marks
}
