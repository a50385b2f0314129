//! Files in which large media are handed to plugins. Each is gone when its request is over; what a host that was killed
//! left is gone when the next one starts a plugin.
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Where this program's files are: a folder of its own for each, beside those of others that run at the same time.
#[derive(Debug)]
pub(crate) struct MediaFolder {
    all: PathBuf,
    own: Mutex<Option<Own>>,
    next: AtomicU64,
}

/// The folder of a program that runs. The lock says that it does: the system lets go of it when the program ends, however
/// it ends.
#[derive(Debug)]
struct Own {
    folder: PathBuf,
    lock: PathBuf,
    _locked: File,
}

impl MediaFolder {
    pub(crate) fn new(all: PathBuf) -> Self {
        Self { all, own: Mutex::default(), next: AtomicU64::new(0) }
    }

    /// Writes a file of its own for a request: another with the same content may end first.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<PathBuf> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = match &mut *own {
            Some(own) => own.folder.clone(),
            none => none.insert(Own::below(&self.all)?).folder.clone(),
        };
        let file = folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        fs::write(&file, bytes)?;
        Ok(file)
    }

    /// Removes what programs left that were killed.
    pub(crate) fn sweep(&self) {
        for entry in fs::read_dir(&self.all).into_iter().flatten().flatten() {
            let lock = entry.path();
            if lock.extension().is_some_and(|ending| ending == "lock")
                && File::open(&lock).is_ok_and(|file| file.try_lock().is_ok())
            {
                remove(&lock.with_extension(""), &lock);
            }
        }
    }
}

impl Own {
    fn below(all: &Path) -> io::Result<Self> {
        fs::create_dir_all(all)?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let folder = all.join(format!("{}-{}", std::process::id(), now.as_nanos()));
        let lock = folder.with_extension("lock");
        // Locked before the folder is there: what has no lock, or one that nobody holds, is swept.
        let file = File::create_new(&lock)?;
        file.try_lock()?;
        fs::create_dir(&folder)?;
        Ok(Self { folder, lock, _locked: file })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        remove(&self.folder, &self.lock);
    }
}

/// What cannot be removed now is swept at another start.
fn remove(folder: &Path, lock: &Path) {
    if fs::remove_dir_all(folder).is_ok() || !folder.exists() {
        let _ = fs::remove_file(lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (MediaFolder::new(place.path().into()), MediaFolder::new(place.path().into()));
        let file = one.write(b"picture").unwrap();
        assert_ne!(file, one.write(b"picture").unwrap());
        // One that was killed: its folder and its lock, which nobody holds.
        fs::create_dir(place.path().join("7-7")).unwrap();
        fs::write(place.path().join("7-7/0"), "old").unwrap();
        fs::write(place.path().join("7-7.lock"), "").unwrap();
        two.sweep();
        assert!(!place.path().join("7-7").exists() && !place.path().join("7-7.lock").exists());
        assert_eq!(fs::read(&file).unwrap(), b"picture");
        drop(one);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
