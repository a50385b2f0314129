//! The stored keys: one flat JSON object in a file that only its owner can read.
use crate::files::{self, Readers};
use crate::{Folders, Problem};
use consort_core::{Error, Secret};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The stored keys, by name. Opening it reads nothing; every call looks at the file anew, so that a key that is
/// set while a program runs is found.
#[derive(Debug, Clone)]
pub struct KeyStore {
    path: PathBuf,
}

impl KeyStore {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn of(folders: &Folders) -> Self {
        Self::new(folders.keys_file())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key of this name. A file that cannot be read or understood is an error, not an absent key.
    pub fn get(&self, name: &str) -> Result<Option<Secret>, Error> {
        Ok(self.read()?.remove(name).map(Secret::new))
    }

    /// The names of all keys, in order.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        Ok(self.read()?.into_keys().collect())
    }

    /// Stores a key; an older one of the same name goes.
    pub fn set(&self, name: &str, key: &Secret) -> Result<(), Error> {
        self.change(|keys| {
            keys.insert(name.to_owned(), key.expose().to_owned());
        })
    }

    /// Forgets a key, and says whether there was one.
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        // Removing what is not there leaves no file behind.
        if !self.read()?.contains_key(name) {
            return Ok(false);
        }
        let mut found = false;
        self.change(|keys| found = keys.remove(name).is_some())?;
        Ok(found)
    }

    /// Takes away other people's access to the file, and says so if they had any.
    #[cfg(unix)]
    pub fn secure(&self) -> Option<Problem> {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&self.path).ok()?.permissions().mode() & 0o777;
        let others = mode & 0o077;
        if others == 0 {
            return None;
        }
        let problem = Problem::new(&self.path, format!("other people could read the keys (mode {mode:03o})"));
        Some(match std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o600)) {
            Ok(()) => problem.help("it is mode 600 now; replace the keys if others use this machine"),
            Err(error) => problem.help(format!("run `chmod 600` on it (it could not be changed: {error})")),
        })
    }

    /// Takes away other people's access to the file: a user's folders are private on this system.
    #[cfg(not(unix))]
    pub fn secure(&self) -> Option<Problem> {
        None
    }

    /// Why the keys cannot be read, if they cannot.
    pub fn problem(&self) -> Option<Problem> {
        self.read().err()
    }

    fn read(&self) -> Result<BTreeMap<String, String>, Problem> {
        let text = files::read(&self.path).map_err(|error| {
            Problem::new(&self.path, format!("cannot be read: {error}"))
                .help("make the file readable for you, or move it away")
        })?;
        self.parse(text.as_deref())
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Result<(), Error> {
        files::change(&self.path, Readers::OwnerOnly, |text| {
            let mut keys = self.parse(text.as_deref())?;
            change(&mut keys);
            let object = keys.into_iter().map(|(name, key)| (name, Value::String(key))).collect();
            Ok(format!("{:#}\n", Value::Object(object)))
        })
    }

    /// The keys in the file's text. No error names a value: it may be a key.
    fn parse(&self, text: Option<&str>) -> Result<BTreeMap<String, String>, Problem> {
        let text = text.unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(BTreeMap::new());
        }
        let wrong = |what: String| {
            Problem::new(&self.path, what)
                .help("mend the file by hand, or move it away and store the keys again; it was left as it is")
        };
        let entries: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|error| {
            let what = match error.classify() {
                serde_json::error::Category::Eof => "the file ends too early",
                serde_json::error::Category::Data => "it must be one JSON object of names and keys",
                _ => "this is not JSON",
            };
            wrong(what.to_owned()).at_line(error.line())
        })?;
        let mut keys = BTreeMap::new();
        for (name, value) in entries {
            match value {
                Value::String(key) => keys.insert(name, key),
                _ => return Err(wrong(format!("the key `{name}` is not a text"))),
            };
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, KeyStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore::new(folder.path().join("deep/keys.json"));
        (folder, store)
    }

    #[test]
    fn keys_come_and_go() {
        let (_folder, store) = store();
        assert!(store.names().unwrap().is_empty());
        assert!(!store.remove("acme").unwrap());
        assert!(!store.path().exists());
        store.set("acme", &Secret::new("one")).unwrap();
        store.set("acme", &Secret::new("two")).unwrap();
        store.set("other", &Secret::new("three")).unwrap();
        assert_eq!(store.get("acme").unwrap().unwrap().expose(), "two");
        assert!(store.remove("acme").unwrap());
        assert_eq!(store.names().unwrap(), ["other"]);
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let (_folder, store) = store();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let store = &store;
                scope.spawn(move || store.set(&format!("k{number}"), &Secret::new("v")).unwrap());
            }
        });
        assert_eq!(store.names().unwrap().len(), 8);
    }

    #[test]
    fn a_broken_file_is_named_and_kept() {
        let (_folder, store) = store();
        std::fs::create_dir_all(store.path().parent().unwrap()).unwrap();
        for (text, said) in [
            ("{\n \"acme\": \"sk-1\",\n oops }", "keys.json:3: this is not JSON"),
            ("{\"acme\": \"sk-1\"", "the file ends too early"),
            ("[\"sk-1\"]", "one JSON object"),
            ("{\"acme\": {\"key\": \"sk-1\"}}", "`acme` is not a text"),
        ] {
            std::fs::write(store.path(), text).unwrap();
            let error = store.set("new", &Secret::new("x")).unwrap_err();
            assert!(error.message().contains(said), "{error}");
            assert!(!format!("{error} {:?}", error.hints()).contains("sk-1"));
            assert_eq!(std::fs::read_to_string(store.path()).unwrap(), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, store) = store();
        store.set("acme", &Secret::new("one")).unwrap();
        let mode = || std::fs::metadata(store.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        assert_eq!(store.secure(), None);
        std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let problem = store.secure().unwrap();
        assert!(problem.message.contains("mode 644"), "{problem}");
        assert_eq!(mode(), 0o600);
    }
}
