//! Which keys and environment variables each plugin was granted.
use super::row::Found;
use super::state::{Allowed, StateFile, not_unicode, real};
use consort_core::{Error, ErrorKind};
use std::collections::BTreeSet;
use std::path::Path;

impl Allowed {
    /// The keys and environment variables that the plugin in this file may have. A new version of the file may have
    /// them too; the same file in another folder may not.
    pub fn granted(&self, file: &Path) -> BTreeSet<String> {
        if self.grants.is_empty() {
            return BTreeSet::new();
        }
        let grant = real(file).and_then(|file| self.grants.get(&file));
        grant.map(|grant| grant.names.clone()).unwrap_or_default()
    }

    /// Every grant: the plugin's id, its file, and the names.
    pub fn grants(&self) -> impl Iterator<Item = (&str, &Path, &BTreeSet<String>)> {
        self.grants.iter().map(|(file, grant)| (grant.id.as_str(), Path::new(file.as_str()), &grant.names))
    }
}

impl StateFile {
    /// Lets a plugin have a key or an environment variable. Says whether that is new.
    pub fn grant(&self, plugin: &Found, name: &str) -> Result<bool, Error> {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(Error::new(ErrorKind::InvalidRequest, "this cannot be the name of a key")
                .hint("`consort keys list` shows the names of the keys"));
        }
        let file = real(&plugin.file).ok_or_else(|| not_unicode(&plugin.file))?;
        let mut new = false;
        self.change(|allowed| {
            let grant = allowed.grants.entry(file).or_default();
            grant.id.clone_from(&plugin.id);
            new = grant.names.insert(name.to_owned());
        })?;
        Ok(new)
    }

    /// Takes a key or an environment variable away again. Says whether there was something to take away.
    pub fn revoke(&self, plugin: &Found, name: &str) -> Result<bool, Error> {
        let (allowed, problem) = self.read();
        if let Some(problem) = problem {
            return Err(problem.into());
        }
        let Some(file) = real(&plugin.file) else { return Ok(false) };
        // Removing what is not there leaves no file behind.
        if !allowed.grants.get(&file).is_some_and(|grant| grant.names.contains(name)) {
            return Ok(false);
        }
        let mut found = false;
        self.change(|allowed| {
            if let Some(grant) = allowed.grants.get_mut(&file) {
                found = grant.names.remove(name);
                if grant.names.is_empty() {
                    allowed.grants.remove(&file);
                }
            }
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::folders::{Folder, Origin};
    use super::*;

    fn plugin(root: &Path, folder: &str) -> Found {
        let path = root.join(folder);
        std::fs::create_dir_all(&path).unwrap();
        let file = path.join("acme.js");
        std::fs::write(&file, "").unwrap();
        Found::new(&Folder { path, origin: Origin::Data, trusted: true }, "acme".to_owned(), file)
    }

    #[test]
    fn grants_come_and_go_and_belong_to_one_file() {
        let root = tempfile::tempdir().unwrap();
        let file = StateFile::new(root.path().join("plugins.toml"));
        let (one, two) = (plugin(root.path(), "one"), plugin(root.path(), "two"));
        let granted = |plugin: &Found| file.read().0.granted(&plugin.file).into_iter().collect::<Vec<_>>();
        assert!(!file.revoke(&one, "acme").unwrap());
        assert!(!file.path().exists());
        assert!(file.grant(&one, "acme").unwrap());
        assert!(!file.grant(&one, "acme").unwrap());
        assert!(file.grant(&one, "ACME_API_KEY").unwrap());
        std::fs::write(&one.file, "a new version").unwrap();
        assert_eq!(granted(&one), ["ACME_API_KEY", "acme"]);
        assert!(granted(&two).is_empty());
        assert!(file.revoke(&one, "acme").unwrap());
        assert!(!file.revoke(&one, "acme").unwrap());
        assert_eq!(granted(&one), ["ACME_API_KEY"]);
        assert_eq!(file.read().0.grants().next().unwrap().0, "acme");
        assert!(file.grant(&one, "a\nb").is_err());
    }

    #[test]
    fn a_spoiled_file_grants_nothing_and_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let file = StateFile::new(root.path().join("plugins.toml"));
        let one = plugin(root.path(), "one");
        for text in [&b"trusted = [\n"[..], b"\n\ntrusted = 7\n", b"[grants]\nx = 'y'\n", b"\xff\xfe"] {
            std::fs::write(file.path(), text).unwrap();
            let (allowed, problem) = file.read();
            assert_eq!(allowed, Allowed::default());
            assert!(problem.unwrap().help.is_some());
            assert!(file.grant(&one, "acme").is_err());
            assert!(file.revoke(&one, "acme").is_err());
            assert!(file.trust(root.path()).is_err());
            assert!(file.untrust(root.path()).is_err());
            assert_eq!(std::fs::read(file.path()).unwrap(), text);
        }
        std::fs::write(file.path(), "\n\ntrusted = 7\n").unwrap();
        assert_eq!(file.read().1.unwrap().line, Some(3));
    }

    #[test]
    fn what_a_later_version_wrote_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let file = StateFile::new(root.path().join("plugins.toml"));
        std::fs::write(file.path(), "newer = 1\n[grants.\"/x/y.py\"]\nid = 'y'\nuntil = 'noon'\n").unwrap();
        file.grant(&plugin(root.path(), "one"), "acme").unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("newer = 1") && text.contains("until = \"noon\""), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let file = StateFile::new(root.path().join("plugins.toml"));
        file.grant(&plugin(root.path(), "one"), "acme").unwrap();
        assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
