//! Attachments on their way into a conversation: files by content hash, kept for a day or until a turn holds them.
use crate::shape::hash;
use bytes::Bytes;
use consort_core::{Error, ErrorKind, Media};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The largest attachment.
pub(crate) const LIMIT: u64 = 32 << 20;

/// How many one message may have.
pub(crate) const MOST: usize = 16;

const KEPT: Duration = Duration::from_hours(24);

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

    /// Keeps some bytes under their hash. What is there already is not written again.
    pub(crate) async fn keep(
        &self,
        bytes: Bytes,
        mime: String,
        name: Option<String>,
    ) -> Result<About, Error> {
        let about = About { id: hash(&bytes), mime, name, bytes: bytes.len() as u64 };
        let path = self.0.join(&about.id);
        tokio::fs::create_dir_all(&self.0).await.map_err(|error| refused(&self.0, &error))?;
        // Whole under its name or not at all: a file that is half written has another name.
        let partial = self.0.join(format!("{}.{}", about.id, uuid::Uuid::new_v4()));
        let write = async {
            tokio::fs::write(&partial, &bytes).await?;
            tokio::fs::rename(&partial, &path).await?;
            tokio::fs::write(path.with_extension("json"), serde_json::to_vec(&about)?).await
        };
        let written = write.await;
        if let Err(error) = written {
            let _ = tokio::fs::remove_file(&partial).await;
            return Err(refused(&self.0, &error));
        }
        Ok(about)
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
    pub(crate) fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return };
        for entry in entries.flatten() {
            let old = entry.metadata().and_then(|about| about.modified()).is_ok_and(is_old);
            if old {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn is_old(time: SystemTime) -> bool {
    time.elapsed().is_ok_and(|age| age > KEPT)
}

fn refused(folder: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Setup, format!("the attachment cannot be kept in {}: {error}", folder.display()))
        .hint("see whether the disk is full or the folder may not be written")
}
