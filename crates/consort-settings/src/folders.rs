//! Where the user's files are.
use crate::Env;
use std::path::{Path, PathBuf};

/// The two folders that Consort keeps: what the user writes, and what Consort writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    pub config: PathBuf,
    pub data: PathBuf,
}

impl Folders {
    /// `CONSORT_HOME` moves both. Without it: `XDG_CONFIG_HOME` and `XDG_DATA_HOME`, else `~/.config` and
    /// `~/.local/share`, on every Unix; `%APPDATA%` and `%LOCALAPPDATA%` on Windows.
    pub fn find(env: &Env) -> Self {
        if let Some(home) = env.get("CONSORT_HOME") {
            let home = absolute(home);
            return Self { data: home.join("data"), config: home };
        }
        let (config, data) = if cfg!(windows) {
            (base(env, "APPDATA", "AppData/Roaming"), base(env, "LOCALAPPDATA", "AppData/Local"))
        } else {
            (base(env, "XDG_CONFIG_HOME", ".config"), base(env, "XDG_DATA_HOME", ".local/share"))
        };
        Self { config: config.join("consort"), data: data.join("consort") }
    }

    /// The user's settings.
    pub fn settings_file(&self) -> PathBuf {
        self.config.join("consort.toml")
    }

    /// The stored keys.
    pub fn keys_file(&self) -> PathBuf {
        self.config.join("keys.json")
    }

    /// The user's own provider files.
    pub fn providers_dir(&self) -> PathBuf {
        self.config.join("providers")
    }

    /// Where plugins are dropped.
    pub fn plugins_dir(&self) -> PathBuf {
        self.data.join("plugins")
    }

    /// Where those who listen to events have their sockets: a folder of this machine and session, where there is one.
    pub fn events_dir(&self, env: &Env) -> PathBuf {
        let session = env.get("XDG_RUNTIME_DIR").map(Path::new).filter(|path| path.is_absolute());
        match session.filter(|_| env.get("CONSORT_HOME").is_none()) {
            Some(session) => session.join("consort/events"),
            None => self.data.join("events"),
        }
    }

    /// What is kept about plugins: whom the user trusts, what was learnt of each, and the folders that they work in.
    pub fn plugin_state_dir(&self) -> PathBuf {
        self.data.join("plugin-state")
    }
}

/// The folder that a variable names, if it names an absolute one, else a place below the home folder.
fn base(env: &Env, variable: &str, below_home: &str) -> PathBuf {
    let named = env.get(variable).map(Path::new).filter(|path| path.is_absolute());
    named.map_or_else(|| home(env).join(below_home), Path::to_owned)
}

/// The home folder; where there is none, files go below the folder that Consort is started in.
pub(crate) fn home(env: &Env) -> PathBuf {
    let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let named = env.get(variable).map(PathBuf::from);
    named.or_else(std::env::home_dir).unwrap_or_else(|| absolute("."))
}

fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn folders<const N: usize>(variables: [(&str, &str); N]) -> (String, String) {
        let found = Folders::find(&Env::of(variables));
        (found.config.display().to_string(), found.data.display().to_string())
    }

    #[test]
    fn one_variable_moves_both() {
        let found = folders([("CONSORT_HOME", "/srv/c"), ("HOME", "/home/ada")]);
        assert_eq!(found, ("/srv/c".into(), "/srv/c/data".into()));
    }

    #[test]
    fn the_usual_places() {
        let found = folders([("HOME", "/home/ada"), ("XDG_DATA_HOME", "/data"), ("CONSORT_HOME", "")]);
        assert_eq!(found, ("/home/ada/.config/consort".into(), "/data/consort".into()));
        let found = folders([("HOME", "/home/ada"), ("XDG_CONFIG_HOME", "relative/does/not/count")]);
        assert_eq!(found.0, "/home/ada/.config/consort");
    }
}
