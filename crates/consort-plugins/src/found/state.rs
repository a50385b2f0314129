//! `plugins.toml`: whom the user trusts, and what each plugin was granted.
use consort_core::Error;
use consort_settings::files::{self, Readers};
use consort_settings::{Folders, Problem};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The file. It is read anew by every call, and only ever changed as a whole.
#[derive(Debug, Clone)]
pub struct StateFile {
    path: PathBuf,
}

/// What stood in the file when it was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allowed {
    /// The projects' plugin folders that may be run, by their real paths.
    pub(super) trusted: BTreeSet<String>,
    /// What plugins were granted, by the real paths of their files: a plugin of the same name in another folder is
    /// another plugin.
    pub(super) grants: BTreeMap<String, Grant>,
    /// What a later version may write here.
    #[serde(flatten)]
    rest: toml::Table,
}

/// What one plugin was granted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Grant {
    /// The plugin, for those who read the file.
    pub(super) id: String,
    /// Keys and environment variables.
    pub(super) names: BTreeSet<String>,
    #[serde(flatten)]
    rest: toml::Table,
}

/// The file's first lines.
const TITLE: &str =
    "# Whom you trust, and what you granted. `consort plugins` trust, grant and revoke write this.\n\n";

impl StateFile {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn of(folders: &Folders) -> Self {
        Self::new(folders.plugin_state_dir().join("plugins.toml"))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is allowed. Where the file cannot be understood, that is nothing.
    pub fn read(&self) -> (Allowed, Option<Problem>) {
        let text = files::read(&self.path).map_err(|error| {
            Problem::new(&self.path, format!("cannot be read: {error}")).help(
                "make it a text that you can read, or move it away; until then nothing is trusted or granted",
            )
        });
        match text.and_then(|text| self.parse(text.as_deref())) {
            Ok(allowed) => (allowed, None),
            Err(problem) => (Allowed::default(), Some(problem)),
        }
    }

    /// Changes what is allowed. A file that cannot be understood is left as it is.
    pub(super) fn change(&self, change: impl FnOnce(&mut Allowed)) -> Result<(), Error> {
        files::change(&self.path, Readers::OwnerOnly, |text| {
            let mut allowed = self.parse(text.as_deref())?;
            change(&mut allowed);
            let text = toml::to_string(&allowed).map_err(|error| {
                Problem::new(&self.path, format!("cannot be written: {error}")).help("nothing was changed")
            })?;
            Ok(format!("{TITLE}{text}"))
        })
    }

    fn parse(&self, text: Option<&str>) -> Result<Allowed, Problem> {
        let text = text.unwrap_or_default();
        toml::from_str(text).map_err(|error| {
            Problem::of_toml(&self.path, text, &error)
                .help("mend this line, or move the file away; until then nothing is trusted or granted")
        })
    }
}

/// A file's or folder's real path as the text that it is kept under. Links are followed: whom a link leads to is
/// trusted, not the link.
pub(super) fn real(path: &Path) -> Option<String> {
    let real = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok()?;
    real.into_os_string().into_string().ok()
}

/// For a path that cannot be written into a TOML file.
pub(super) fn not_unicode(path: &Path) -> Problem {
    Problem::new(path, "the path is not Unicode, so that it cannot be kept").help("give it another name")
}
