//! The worker's files, which the program carries, put where Python can read them.
use consort_core::{Error, ErrorKind};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/worker.rs"));

/// Held by whoever puts the files there.
static WRITING: Mutex<()> = Mutex::new(());

/// A text that changes when the worker does.
pub(crate) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hash = Sha256::new();
        for (name, text) in FILES {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(text.as_bytes());
            hash.update([0]);
        }
        let mut name = String::new();
        for byte in hash.finalize().iter().take(8) {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    })
}

/// The folder of this version's worker below `state`. It is written once, by whoever comes first.
pub(crate) fn place_worker(state: &Path) -> Result<PathBuf, Error> {
    let folder = state.join("worker").join(version());
    let package = folder.join("consort_worker");
    // Plugins that start at once would write one draft together, and move it away under each other.
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if is_whole(&package) {
        return Ok(package);
    }
    // What a full disk left, or somebody changed, would break every plugin for ever.
    let _ = std::fs::remove_dir_all(&folder);
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Setup, format!("{} cannot be written: {error}", folder.display()))
            .hint("CONSORT_HOME names a folder that can")
    };
    let draft = folder.with_extension(format!("{}.new", std::process::id()));
    write_all(&draft.join("consort_worker")).map_err(failed)?;
    if let Err(error) = std::fs::rename(&draft, &folder) {
        let _ = std::fs::remove_dir_all(&draft);
        // Another process may have been quicker.
        if !is_whole(&package) {
            return Err(failed(error));
        }
    }
    Ok(package)
}

/// Whether each file is as it was written.
fn is_whole(package: &Path) -> bool {
    FILES
        .iter()
        .all(|(name, text)| std::fs::read(package.join(name)).is_ok_and(|read| read == text.as_bytes()))
}

fn write_all(package: &Path) -> std::io::Result<()> {
    for (name, text) in FILES {
        let file = package.join(name);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_who_start_at_once_find_it_whole() {
        let state = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| assert!(place_worker(state.path()).unwrap().join("__main__.py").exists()));
            }
        });
    }

    #[test]
    fn what_was_spoiled_is_written_anew() {
        let state = tempfile::tempdir().unwrap();
        let file = place_worker(state.path()).unwrap().join("worker.py");
        let good = std::fs::read(&file).unwrap();
        for spoiled in [&good[..good.len() / 2], b""] {
            std::fs::write(&file, spoiled).unwrap();
            place_worker(state.path()).unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), good);
        }
    }

    #[test]
    fn the_worker_is_written_once() {
        let state = tempfile::tempdir().unwrap();
        let package = place_worker(state.path()).unwrap();
        std::fs::write(package.join("mark"), "").unwrap();
        assert_eq!(place_worker(state.path()).unwrap(), package);
        assert!(package.join("mark").exists());
    }
}
