//! What a vendor's list of models said last, kept in a file, so that listing needs no network.
use consort_core::{Error, ErrorKind, ModelCard};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The kept list of one provider.
#[derive(Debug, Clone)]
pub(crate) struct Cache(PathBuf);

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Seconds since 1970.
    fetched: u64,
    models: Vec<ModelCard>,
}

impl Cache {
    pub(crate) fn new(data: &std::path::Path, provider: &str) -> Self {
        Self(data.join("models").join(format!("{provider}.json")))
    }

    /// The cards of the kept list. A list that is absent or cannot be read is empty: it is made anew.
    pub(crate) fn read(&self) -> Vec<ModelCard> {
        let kept = std::fs::read(&self.0).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        kept.map(|kept| kept.models).unwrap_or_default()
    }

    /// Keeps a list. Readers see the old file or the new one, never half of one.
    pub(crate) fn write(&self, models: Vec<ModelCard>) -> Result<(), Error> {
        let fetched = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let text = serde_json::to_vec(&Kept { fetched, models })
            .map_err(|error| Error::new(ErrorKind::Setup, format!("the list cannot be kept: {error}")))?;
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Setup, format!("{} cannot be written: {error}", self.0.display()))
        };
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let draft = self.0.with_extension(format!("{}.new", std::process::id()));
        std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &self.0)).map_err(failed)
    }
}
