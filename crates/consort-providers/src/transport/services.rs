//! What all hosted providers of one catalogue share.
use super::Http;
use crate::auth;
use crate::spec::{Auth, ProviderSpec};
use consort_core::ConfigKey;
use consort_settings::{Env, Folders, KeyStore};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The environment, the folders, the stored keys' names, and the HTTP client.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) env: Env,
    pub(crate) http: Http,
    data: PathBuf,
    keys: KeyStore,
    key_names: OnceLock<Vec<String>>,
}

impl Services {
    pub(crate) fn new(folders: &Folders, env: &Env) -> Self {
        Self {
            env: env.clone(),
            http: Http::default(),
            data: folders.data.clone(),
            keys: KeyStore::new(folders.keys_file()),
            key_names: OnceLock::new(),
        }
    }

    /// With the caller's own client.
    pub(crate) fn with_client(folders: &Folders, env: &Env, client: reqwest::Client) -> Self {
        Self { http: Http::supplied(client), ..Self::new(folders, env) }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The value of a placeholder: the environment's, or what the vendor's own files say.
    pub(crate) fn setting(&self, spec: &ProviderSpec, name: &str) -> Option<String> {
        self.env.get(name).map(str::to_owned).or_else(|| match &spec.auth {
            Auth::Sigv4(_) => auth::aws::setting(&self.env, name),
            Auth::Google => auth::google::setting(&self.env, name),
            _ => None,
        })
    }

    /// Whether a key can be found, as far as one sees without using it.
    pub(crate) fn has_key(&self, spec: &ProviderSpec, key: &ConfigKey) -> bool {
        // An unreadable file is told when a key is needed from it.
        let stored = self.key_names.get_or_init(|| self.keys.names().unwrap_or_default());
        stored.contains(&key.name)
            || key.env.iter().any(|name| self.env.get(name).is_some())
            || key.command.first().is_some_and(|program| self.on_path(program))
            || match &spec.auth {
                Auth::Sigv4(_) => auth::aws::is_set_up(&self.env),
                Auth::Google => auth::google::is_set_up(&self.env),
                _ => false,
            }
    }

    fn on_path(&self, program: &str) -> bool {
        if program.contains('/') {
            return Path::new(program).exists();
        }
        let path = self.env.get("PATH").unwrap_or_default();
        std::env::split_paths(path).any(|folder| folder.join(program).exists())
    }
}
