//! Trust in the plugin folders that projects bring.
use super::state::{Allowed, StateFile, not_unicode, real};
use consort_core::Error;
use std::path::Path;

impl Allowed {
    /// Whether the plugins of this folder may be run.
    pub fn is_trusted(&self, folder: &Path) -> bool {
        !self.trusted.is_empty() && real(folder).is_some_and(|folder| self.trusted.contains(&folder))
    }

    /// The folders that are trusted.
    pub fn trusted(&self) -> impl Iterator<Item = &str> {
        self.trusted.iter().map(String::as_str)
    }
}

impl StateFile {
    /// From now on the plugins of this folder may be run. Says whether that is new.
    pub fn trust(&self, folder: &Path) -> Result<bool, Error> {
        let folder = real(folder).ok_or_else(|| not_unicode(folder))?;
        let mut new = false;
        self.change(|allowed| new = allowed.trusted.insert(folder))?;
        Ok(new)
    }

    /// Takes it back. Says whether there was something to take back.
    pub fn untrust(&self, folder: &Path) -> Result<bool, Error> {
        let (allowed, problem) = self.read();
        if let Some(problem) = problem {
            return Err(problem.into());
        }
        // Removing what is not there leaves no file behind.
        let Some(folder) = real(folder).filter(|folder| allowed.trusted.contains(folder)) else {
            return Ok(false);
        };
        let mut found = false;
        self.change(|allowed| found = allowed.trusted.remove(&folder))?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_comes_and_goes() {
        let root = tempfile::tempdir().unwrap();
        let file = StateFile::new(root.path().join("state/plugins.toml"));
        let folder = root.path().join("llm_plugins");
        std::fs::create_dir(&folder).unwrap();
        let trusted = || file.read().0.is_trusted(&folder);
        assert!(!trusted());
        assert!(!file.untrust(&folder).unwrap());
        assert!(!file.path().exists());
        assert!(file.trust(&folder).unwrap());
        assert!(!file.trust(&folder).unwrap());
        assert!(trusted());
        assert!(!file.read().0.is_trusted(root.path()));
        assert!(file.untrust(&folder).unwrap());
        assert!(!trusted());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_was_exchanged_is_another_folder() {
        let root = tempfile::tempdir().unwrap();
        let file = StateFile::new(root.path().join("plugins.toml"));
        let link = root.path().join("link");
        for name in ["one", "two"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink("one", &link).unwrap();
        file.trust(&link).unwrap();
        assert!(file.read().0.is_trusted(&root.path().join("one")));
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("two", &link).unwrap();
        assert!(!file.read().0.is_trusted(&link));
    }
}
