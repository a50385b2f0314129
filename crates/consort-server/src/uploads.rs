//! Attachments on their way into a conversation: files by content hash, kept for a day or until a turn holds them.
use crate::shape::hash;
use bytes::Bytes;
use consort_core::{Error, ErrorKind, Media};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::{Duration, SystemTime};

/// The largest attachment.
pub(crate) const LIMIT: u64 = 32 << 20;

/// How many one message may have.
pub(crate) const MOST: usize = 16;

const KEPT: Duration = Duration::from_hours(24);

/// How often it is looked for what is older.
const SWEEP: Duration = Duration::from_hours(1);

pub(crate) struct Uploads(PathBuf);

/// What is known of an attachment beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) id: String,
    pub(crate) mime: String,
    pub(crate) name: Option<String>,
    pub(crate) bytes: u64,
}

impl Uploads {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Keeps some bytes under their hash, for a day from now on.
    pub(crate) async fn keep(
        &self,
        bytes: Bytes,
        mime: String,
        name: Option<String>,
    ) -> Result<About, Error> {
        let about = About { id: hash(&bytes), mime, name, bytes: bytes.len() as u64 };
        let path = self.0.join(&about.id);
        tokio::fs::create_dir_all(&self.0).await.map_err(|error| refused(&self.0, &error))?;
        let written = async {
            // What is known of it stands first, so that bytes which are there can be used.
            self.put(&path.with_extension("json"), &serde_json::to_vec(&about)?).await?;
            self.put(&path, &bytes).await
        };
        written.await.map_err(|error| refused(&self.0, &error))?;
        Ok(about)
    }

    /// Whole under its name or not at all: a file that is half written has another name.
    async fn put(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let partial = self.0.join(format!("{}.part", uuid::Uuid::new_v4()));
        let written = async {
            tokio::fs::write(&partial, bytes).await?;
            tokio::fs::rename(&partial, path).await
        };
        let written = written.await;
        if written.is_err() {
            let _ = tokio::fs::remove_file(&partial).await;
        }
        written
    }

    /// The bytes and the type of an attachment.
    pub(crate) async fn find(&self, id: &str) -> Option<(Bytes, About)> {
        // Nothing but a hash is a name here, so that no path leads out of the folder.
        if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let path = self.0.join(id);
        let bytes = tokio::fs::read(&path).await.ok()?;
        let about = tokio::fs::read(path.with_extension("json")).await.ok()?;
        Some((bytes.into(), serde_json::from_slice(&about).ok()?))
    }

    /// The attachment as a message carries it.
    pub(crate) async fn media(&self, id: &str, named: Option<String>) -> Option<Media> {
        let (bytes, about) = self.find(id).await?;
        let mut media = Media::bytes(about.mime, bytes);
        media.name = named.or(about.name);
        Some(media)
    }

    /// Removes what is older than a day: a conversation that has it keeps it itself.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return };
        for entry in entries.flatten() {
            let old = entry.metadata().and_then(|about| about.modified()).is_ok_and(is_old);
            if old {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Sweeps now and every hour, as long as there are uploads to keep.
pub(crate) async fn keep_swept(uploads: Weak<Uploads>) {
    let mut hours = tokio::time::interval(SWEEP);
    loop {
        hours.tick().await;
        let Some(uploads) = uploads.upgrade() else { return };
        // A sweep that broke off is done again.
        let _ = tokio::task::spawn_blocking(move || uploads.sweep()).await;
    }
}

fn is_old(time: SystemTime) -> bool {
    time.elapsed().is_ok_and(|age| age > KEPT)
}

fn refused(folder: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Setup, format!("the attachment cannot be kept in {}: {error}", folder.display()))
        .hint("see whether the disk is full or the folder may not be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_a_day_goes_within_the_hour() {
        let folder = tempfile::TempDir::new().unwrap();
        let uploads = Arc::new(Uploads::new(folder.path().to_owned()));
        let sweeping = tokio::spawn(keep_swept(Arc::downgrade(&uploads)));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let old = uploads.keep("old".into(), "text/plain".into(), None).await.unwrap();
        let new = uploads.keep("new".into(), "text/plain".into(), None).await.unwrap();
        for name in [old.id.clone(), format!("{}.json", old.id)] {
            let file = std::fs::File::options().write(true).open(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - KEPT - SWEEP).unwrap();
        }
        tokio::time::sleep(SWEEP + Duration::from_secs(1)).await;
        assert_eq!(uploads.find(&old.id).await, None);
        assert!(uploads.find(&new.id).await.is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        drop(uploads);
        tokio::time::timeout(SWEEP * 2, sweeping).await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_reads_while_it_is_kept_again_finds_it_whole() {
        let folder = tempfile::TempDir::new().unwrap();
        let uploads = Arc::new(Uploads::new(folder.path().to_owned()));
        let keep = |uploads: Arc<Uploads>| async move {
            uploads.keep("same".into(), "text/plain".into(), Some("name ".repeat(20_000))).await.unwrap()
        };
        let about = keep(uploads.clone()).await;
        let writing = tokio::spawn({
            let uploads = uploads.clone();
            async move {
                for _ in 0..200 {
                    keep(uploads.clone()).await;
                }
            }
        });
        let mut read = 0;
        while !writing.is_finished() {
            assert!(uploads.find(&about.id).await.is_some(), "after {read} times");
            read += 1;
        }
        writing.await.unwrap();
    }
}
