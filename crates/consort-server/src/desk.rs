//! What the page itself keeps: pins, what was used last, saved prompts. One small file in the data folder.
use consort_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many models count as used lately.
const RECENT: usize = 8;

pub(crate) struct Desk {
    path: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    pub(crate) pins: Vec<String>,
    pub(crate) recent: Vec<String>,
    /// The system prompt of new conversations.
    pub(crate) system: String,
    /// Whether conversations get a title from their first message.
    pub(crate) titles: Option<bool>,
    pub(crate) prompts: Vec<Prompt>,
}

/// A saved prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prompt {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) updated: u64,
}

impl Desk {
    pub(crate) fn open(path: PathBuf) -> Self {
        let kept = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Self { path, kept: Mutex::new(kept.unwrap_or_default()) }
    }

    pub(crate) fn get(&self) -> Kept {
        self.lock().clone()
    }

    /// Changes it; what cannot be written is not changed.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> Result<T, Error> {
        let mut kept = self.lock();
        let mut new = kept.clone();
        let given = change(&mut new);
        if new != *kept {
            self.write(&new).map_err(|error| {
                Error::new(ErrorKind::Setup, format!("{} cannot be written: {error}", self.path.display()))
            })?;
            *kept = new;
        }
        Ok(given)
    }

    /// Notes that a model was used.
    pub(crate) fn used(&self, model: &str) {
        // That the order of a list is not kept is no reason to refuse an answer.
        let _ = self.change(|kept| {
            kept.recent.retain(|old| old != model);
            kept.recent.insert(0, model.to_owned());
            kept.recent.truncate(RECENT);
        });
    }

    fn write(&self, kept: &Kept) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = self.path.with_extension("new");
        std::fs::write(&new, serde_json::to_vec_pretty(kept)?)?;
        std::fs::rename(new, &self.path)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
