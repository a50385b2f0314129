//! When the user's files were changed last, so that who runs on follows them.
use crate::setup::Setup;
use std::path::PathBuf;
use std::time::SystemTime;

/// When each of the user's files was changed last.
#[derive(Debug, PartialEq)]
pub(crate) struct Stamps(Vec<(PathBuf, Option<SystemTime>)>);

impl Stamps {
    pub(crate) fn of(setup: &Setup) -> Self {
        let files =
            [setup.folders.settings_file(), PathBuf::from("consort.toml"), setup.keys.path().to_owned()];
        let stamp = |path: PathBuf| {
            let changed = std::fs::metadata(&path).and_then(|about| about.modified()).ok();
            (path, changed)
        };
        Self(files.into_iter().map(stamp).collect())
    }
}
