//! A TOML file in a plugin folder: it says more about the file beside it, or is a plugin by itself.
use super::file::{self, Content, TABLE, What};
use super::manifest::{self, Read};
use super::scan::Entry;
use consort_settings::Problem;
use std::path::Path;

/// A TOML file, read.
#[derive(Debug)]
pub(super) struct Sidecar {
    pub(super) entry: Entry,
    pub(super) read: Read,
    /// Its text, for the fingerprint.
    pub(super) text: String,
    /// Whether it belongs to a file beside it.
    pub(super) used: bool,
}

impl Sidecar {
    pub(super) fn new(entry: Entry) -> Self {
        let (read, text) = table(&entry.path, &entry.what);
        Self { entry, read, text, used: false }
    }
}

/// Reads a TOML file as a manifest, and gives its text.
pub(super) fn table(path: &Path, what: &What) -> (Read, String) {
    match text(path, what) {
        Ok(text) => (manifest::of_file(path, &text), text),
        Err((why, meant)) => {
            let problem = Problem::new(path, why).help("a manifest is a small TOML file that you can read");
            (Read { problems: vec![problem], meant, ..Read::default() }, String::new())
        }
    }
}

/// The text, or why there is none and whether a manifest may have been meant.
fn text(path: &Path, what: &What) -> Result<String, (String, bool)> {
    match what {
        What::File(_) => {}
        What::Folder => return Err(("it is a folder, where a file is expected".to_owned(), true)),
        What::Special(what) => return Err((format!("it is {what}, where a file is expected"), true)),
        What::Unreadable(why) => return Err((why.clone(), true)),
        What::Gone => return Err(("it went away".to_owned(), false)),
    }
    match file::read(path) {
        Ok(Content::Text(bytes)) if bytes.len() <= TABLE => {
            String::from_utf8(bytes).map_err(|_| ("it is not UTF-8".to_owned(), true))
        }
        Ok(_) => Err(("it is no text, or too large".to_owned(), false)),
        Err(error) => Err((format!("it cannot be read: {error}"), true)),
    }
}
