//! One thing that was found in a plugin folder.
use super::folders::{Folder, Origin};
use super::manifest::{Dialect, Manifest};
use consort_settings::Problem;
use std::path::PathBuf;

/// A plugin, or what was meant to be one.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The file's name without its ending, or the folder's name, as it is. Only one row of an id has no problem.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The file; for a folder that is a plugin, its `plugin.toml`.
    pub file: PathBuf,
    /// The plugin folder that it is in.
    pub folder: PathBuf,
    pub origin: Origin,
    pub kind: Kind,
    pub manifest: Manifest,
    /// The packages that a Python file's PEP 723 block asks for.
    pub dependencies: Vec<String>,
    /// The Python that it asks for, as in `>=3.11`.
    pub requires_python: Option<String>,
    /// The modules that a Python file imports at its top.
    pub imports: Vec<String>,
    /// The files and folders beside a Python file that it imports, by name.
    pub beside: Vec<String>,
    /// The environment variables that a Python file reads.
    pub env: Vec<String>,
    /// The keys that it may ask for: those of its manifest, and what a Python file's models name in `needs_key`.
    pub secrets: Vec<String>,
    /// The variables in which those models look for their keys.
    pub key_env: Vec<String>,
    /// Changes when the plugin does. Empty where nothing could be read.
    pub fingerprint: String,
    /// Why it cannot be used.
    pub problem: Option<Problem>,
    /// It is in a folder that the user has not said to trust, and must not be run.
    pub untrusted: bool,
}

/// How a plugin is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A program that speaks the plugin protocol: its name or path, and its arguments.
    Process { run: Vec<String> },
    /// A Python file that a worker loads.
    Python { dialect: Dialect },
    /// An installed package that a worker loads.
    Package { name: String },
    /// Nobody can tell; the row has a problem.
    Unknown,
}

impl Found {
    /// A row of which only its place is known.
    pub(super) fn new(folder: &Folder, id: String, file: PathBuf) -> Self {
        Self {
            name: id.clone(),
            id,
            file,
            folder: folder.path.clone(),
            origin: folder.origin,
            kind: Kind::Unknown,
            manifest: Manifest::default(),
            dependencies: Vec::new(),
            requires_python: None,
            imports: Vec::new(),
            beside: Vec::new(),
            env: Vec::new(),
            secrets: Vec::new(),
            key_env: Vec::new(),
            fingerprint: String::new(),
            problem: None,
            untrusted: !folder.trusted,
        }
    }

    /// Notes what is wrong with it, unless something was noted before.
    pub(super) fn broken(&mut self, message: impl Into<String>, help: impl Into<String>) {
        let file = &self.file;
        self.problem.get_or_insert_with(|| Problem::new(file, message).help(help));
    }

    /// The first of these problems, unless something was noted before.
    pub(super) fn troubled(&mut self, problems: Vec<Problem>) {
        if self.problem.is_none() {
            self.problem = problems.into_iter().next();
        }
    }

    /// Makes the fingerprint depend on something more, such as the interpreter or a package's version.
    pub fn depends_on(&mut self, more: &str) {
        if !self.fingerprint.is_empty() {
            self.fingerprint = super::fingerprint::of([self.fingerprint.as_bytes(), more.as_bytes()]);
        }
    }
}
