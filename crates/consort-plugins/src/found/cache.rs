//! What the last check of a plugin learnt, kept so that a listing starts no process.
use super::fingerprint;
use super::row::Found;
use crate::learnt::Learnt;
use consort_core::{Error, ErrorKind};
use consort_settings::Folders;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder in which it is kept, one file per plugin.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    id: String,
    file: PathBuf,
    fingerprint: String,
    learnt: Learnt,
}

impl Cache {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub fn of(folders: &Folders) -> Self {
        Self::new(folders.plugin_state_dir().join("cache"))
    }

    /// What was learnt of this very version of a plugin.
    pub fn read(&self, found: &Found) -> Option<Learnt> {
        if found.fingerprint.is_empty() {
            return None;
        }
        let kept = read(&self.path(found))?;
        let same = kept.fingerprint == found.fingerprint && kept.id == found.id && kept.file == found.file;
        same.then_some(kept.learnt)
    }

    /// Keeps what was learnt. Readers see the old file or the new one, never half of one.
    pub fn write(&self, found: &Found, learnt: &Learnt) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| {
            let folder = self.folder.display();
            Error::new(
                ErrorKind::Setup,
                format!("what was learnt of a plugin cannot be kept in {folder}: {error}"),
            )
            .hint("set CONSORT_HOME to a folder that can be written")
        };
        let (id, file) = (found.id.clone(), found.file.clone());
        let kept = Kept { id, file, fingerprint: found.fingerprint.clone(), learnt: learnt.clone() };
        let text = serde_json::to_vec(&kept).map_err(|error| failed(&error))?;
        std::fs::create_dir_all(&self.folder).map_err(|error| failed(&error))?;
        let target = self.path(found);
        let draft = target.with_extension(format!("{}.{}.new", std::process::id(), draft_number()));
        let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &target));
        written.map_err(|error| {
            // Best effort: the error that matters is the one before.
            let _ = std::fs::remove_file(&draft);
            failed(&error)
        })
    }

    /// Forgets what was learnt of a plugin.
    pub fn forget(&self, found: &Found) {
        // What is not there need not be removed; what cannot be removed is still checked by its fingerprint.
        let _ = std::fs::remove_file(self.path(found));
    }

    /// Removes what was kept of plugins whose files are gone, what is spoiled, and what crashes left behind. Says how
    /// many files that were.
    pub fn sweep(&self) -> usize {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let stale = entries.map(|entry| entry.path()).filter(|path| match path.extension() {
            Some(ending) if ending == "json" => {
                read(path).is_none_or(|kept| kept.file.symlink_metadata().is_err_and(|error| is_gone(&error)))
            }
            Some(ending) if ending == "new" => is_old(path),
            _ => false,
        });
        stale.filter(|path| std::fs::remove_file(path).is_ok()).count()
    }

    fn path(&self, found: &Found) -> PathBuf {
        let file = found.file.as_os_str().as_encoded_bytes();
        self.folder.join(fingerprint::of([found.id.as_bytes(), file])).with_extension("json")
    }
}

/// A kept file; nothing where it is absent or spoiled.
fn read(path: &Path) -> Option<Kept> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// A draft that no living writer can still be at.
fn is_old(path: &Path) -> bool {
    const HOUR: u64 = 3600;
    let changed = path.metadata().and_then(|found| found.modified()).ok();
    changed.and_then(|time| time.elapsed().ok()).is_some_and(|age| age.as_secs() > HOUR)
}

/// Two threads that keep the same plugin's state at once write two drafts.
fn draft_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::super::folders::{Folder, Origin};
    use super::*;
    use crate::learnt::Outcome;

    struct Place {
        root: tempfile::TempDir,
        cache: Cache,
    }

    impl Place {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let cache = Cache::new(root.path().join("cache"));
            Self { root, cache }
        }

        fn plugin(&self, id: &str) -> Found {
            let file = self.root.path().join(format!("{id}.py"));
            std::fs::write(&file, "").unwrap();
            let folder = Folder { path: self.root.path().into(), origin: Origin::Data, trusted: true };
            let mut found = Found::new(&folder, id.to_owned(), file);
            found.fingerprint = "one".to_owned();
            found
        }
    }

    fn learnt() -> Learnt {
        let help = Some("consort plugins grant acme ACME_KEY".to_owned());
        Learnt::of(Outcome::NeedsSetup { missing: "ACME_KEY".into(), at: None, help })
    }

    #[test]
    fn it_counts_for_one_version_of_one_file() {
        let place = Place::new();
        let mut found = place.plugin("acme");
        assert_eq!(place.cache.read(&found), None);
        place.cache.write(&found, &learnt()).unwrap();
        assert_eq!(place.cache.read(&found).unwrap().outcome, learnt().outcome);
        assert_eq!(place.cache.read(&place.plugin("other")), None);
        found.depends_on("python 3.12");
        assert_eq!(place.cache.read(&found), None);
        found.fingerprint.clear();
        place.cache.write(&found, &learnt()).unwrap();
        assert_eq!(place.cache.read(&found), None);
    }

    #[test]
    fn a_spoiled_file_is_ignored() {
        let place = Place::new();
        let found = place.plugin("acme");
        place.cache.write(&found, &learnt()).unwrap();
        for text in ["", "{", "[]", "{\"id\":7}"] {
            std::fs::write(place.cache.path(&found), text).unwrap();
            assert_eq!(place.cache.read(&found), None);
        }
        place.cache.write(&found, &learnt()).unwrap();
        assert!(place.cache.read(&found).is_some());
    }

    #[test]
    fn what_is_gone_is_swept() {
        let place = Place::new();
        assert_eq!(place.cache.sweep(), 0);
        let (stays, goes, spoiled) = (place.plugin("stays"), place.plugin("goes"), place.plugin("spoiled"));
        for found in [&stays, &goes, &spoiled] {
            place.cache.write(found, &learnt()).unwrap();
        }
        std::fs::write(place.cache.path(&spoiled), "{").unwrap();
        std::fs::remove_file(&goes.file).unwrap();
        assert_eq!(place.cache.sweep(), 2);
        assert!(place.cache.read(&stays).is_some());
        place.cache.forget(&stays);
        assert_eq!(place.cache.read(&stays), None);
    }

    #[test]
    fn writers_at_once_leave_a_whole_file() {
        let place = Place::new();
        let found = place.plugin("acme");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| place.cache.write(&found, &learnt()).unwrap());
            }
        });
        assert!(place.cache.read(&found).is_some());
        assert_eq!(std::fs::read_dir(&place.cache.folder).unwrap().count(), 1);
    }
}
