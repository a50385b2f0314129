//! What all plugins of one program share: the environment, folders, keys, what the user granted.
use crate::found::{Cache, Found, StateFile, place_mark};
use crate::media::MediaFolder;
use crate::process::{Kept, Remembered};
use consort_core::{Context, Error, Memory, Secret};
use consort_providers::{Http, KeyChain, TokioClock};
use consort_settings::{Env, Folders, KeyStore};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What plugins live in.
pub struct Home {
    pub(crate) env: Env,
    /// Where their environments, working folders and caches are.
    pub(crate) state: PathBuf,
    pub(crate) keys: KeyStore,
    pub(crate) http: Arc<Http>,
    pub(crate) media: MediaFolder,
    pub(crate) allowed: StateFile,
    /// Keys that belong to a provider, and the variables that hold them: a plugin gets none of them unasked.
    pub(crate) owned: BTreeSet<String>,
    /// Names of providers: a plugin takes none of them over.
    pub(crate) taken: BTreeSet<String>,
    /// Where plugins may keep conversations of their own, opened by the first that does.
    pub(crate) memory: Option<OpenMemory>,
    /// How much each of them has kept there, by the name that its conversations begin with.
    kept: Mutex<HashMap<String, Kept>>,
    /// Rings at each change of a plugin's row: a counter.
    pub(crate) changes: tokio::sync::watch::Sender<u64>,
    /// The usual folder of plugins: there a name is one plugin's.
    plugins: PathBuf,
}

/// Opens a memory, or gives the one that is open.
pub(crate) type OpenMemory = Arc<dyn Fn() -> Result<Arc<dyn Memory>, Error> + Send + Sync>;

impl Home {
    /// `owned` names the keys of the hosted providers, and their variables.
    pub fn new(folders: &Folders, env: &Env, owned: impl IntoIterator<Item = String>) -> Self {
        let state = folders.plugin_state_dir();
        Self {
            env: env.clone(),
            allowed: StateFile::of(folders),
            media: MediaFolder::new(state.join("media")),
            state,
            keys: KeyStore::of(folders),
            http: Arc::default(),
            owned: owned.into_iter().collect(),
            taken: BTreeSet::new(),
            memory: None,
            kept: Mutex::default(),
            changes: tokio::sync::watch::Sender::new(0),
            plugins: folders.plugins_dir(),
        }
    }

    /// Names the providers that are there beside the plugins.
    #[must_use]
    pub fn beside(mut self, providers: impl IntoIterator<Item = String>) -> Self {
        self.taken.extend(providers);
        self
    }

    /// Lets plugins keep conversations of their own in a memory, which the first that keeps one opens.
    #[must_use]
    pub fn remembering(
        mut self,
        open: impl Fn() -> Result<Arc<dyn Memory>, Error> + Send + Sync + 'static,
    ) -> Self {
        let opened = Mutex::new(None);
        self.memory = Some(Arc::new(move || {
            let mut opened: MutexGuard<'_, Option<Arc<dyn Memory>>> =
                opened.lock().unwrap_or_else(PoisonError::into_inner);
            // One that could not be opened is tried again: the disk may have room by then.
            let memory = opened.take().map_or_else(&open, Ok)?;
            Ok(opened.insert(memory).clone())
        }));
        self
    }

    /// What a plugin keeps of its own. One of a folder that is not the usual is known by its place too: its name may be anybody's.
    pub(crate) fn remembered(&self, found: &Found) -> Option<Remembered> {
        let open = self.memory.clone()?;
        let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = if whole(&found.folder) == whole(&self.plugins) {
            found.id.clone()
        } else {
            // No name of the others begins with a slash.
            format!("/{}/{}", place_mark(&whole(&found.file)), found.id)
        };
        let kept =
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().clone();
        Some(Remembered::new(name, open, kept))
    }

    /// The keys and variables that the plugin in this file may have.
    pub(crate) fn granted(&self, file: &Path) -> BTreeSet<String> {
        self.allowed.read().0.granted(file)
    }

    pub(crate) fn cache(&self) -> Cache {
        Cache::new(self.state.join("cache"))
    }

    /// Where the last words of a plugin are kept.
    pub(crate) fn logs(&self, plugin: &str) -> PathBuf {
        self.state.join("logs").join(plugin)
    }

    /// What else decides how a plugin runs, beside its own files: the host's and the worker's version, and which Python
    /// there is.
    pub(crate) fn salt(&self) -> String {
        let python = crate::python::mark(&self.env);
        format!("{}/{}/{python}", env!("CARGO_PKG_VERSION"), crate::python::worker_version())
    }

    /// The context of what is done in the background: with the user's stored keys.
    pub(crate) fn context(&self, key: Option<Secret>) -> Context {
        let chain = KeyChain::new(key, self.keys.clone(), self.env.clone());
        Context::new(Arc::new(TokioClock), Arc::new(chain))
    }

    /// What a plugin's process sees of the environment before anything is granted: where programs, time zone and
    /// proxies are, and where local servers are, but no secret.
    pub(crate) fn plain_env(&self) -> Vec<(String, String)> {
        const NAMES: [&str; 20] = [
            "PATH",
            "LANG",
            "LC_ALL",
            "LC_CTYPE",
            "TZ",
            "TERM",
            "SystemRoot",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "no_proxy",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "REQUESTS_CA_BUNDLE",
            "NODE_EXTRA_CA_CERTS",
            "LLM_RAISE_ERRORS",
        ];
        /// Variables that say where a server is. One with a password in it is a secret.
        const PLACES: [&str; 5] = ["_BASE_URL", "_API_BASE", "_HOST", "_ENDPOINT", "_BASE"];
        let is_place = |name: &str| PLACES.iter().any(|end| name.ends_with(end));
        // A password in an address, or a token in its query, is a secret: such a variable needs a grant.
        let secret = |value: &str| value.contains("://") && value.contains(['@', '?']);
        let all = self
            .env
            .iter()
            .filter(|(name, value)| (NAMES.contains(name) || is_place(name)) && !secret(value));
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::ErrorKind;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_memory_that_could_not_be_opened_is_tried_again() {
        let tries = Arc::new(AtomicUsize::new(0));
        let count = tries.clone();
        let folder = tempfile::TempDir::new().unwrap();
        let env = Env::of([("CONSORT_HOME", folder.path().to_string_lossy())]);
        let home = Home::new(&Folders::find(&env), &env, []).remembering(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Err(Error::new(ErrorKind::Setup, "no room"))
        });
        let open = home.memory.unwrap();
        assert!(open().is_err() && open().is_err());
        assert_eq!(tries.load(Ordering::SeqCst), 2);
    }
}
