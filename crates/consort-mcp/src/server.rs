//! One server: opened when it is needed, and again when it is gone, but not over and over.
use crate::cache::{Cache, Kept};
use crate::connection::{Connection, Way};
use crate::expand::fill;
use crate::listing::Listed;
use crate::names;
use consort_core::{Error, ErrorKind, Secret};
use consort_process::{Crashes, Launch, Limits, LogRing};
use consort_providers::Http;
use consort_settings::{Env, KeyStore, McpReach, McpServer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use tokio::sync::Mutex;

/// Shorter values are words of their own: a log without them could not be read.
const SHORTEST_SECRET: usize = 6;

/// What all servers of one program share.
pub(crate) struct Shared {
    pub(crate) env: Env,
    pub(crate) keys: KeyStore,
    pub(crate) http: Http,
    /// Where programs are started, and the root that servers are told.
    pub(crate) folder: PathBuf,
    pub(crate) cache: Cache,
}

/// One server, open or not.
pub(crate) struct Server {
    pub(crate) config: McpServer,
    pub(crate) prefix: String,
    shared: Arc<Shared>,
    log: Arc<LogRing>,
    slot: Mutex<Slot>,
    /// For those who must not wait.
    current: StdMutex<Option<Arc<Connection>>>,
}

#[derive(Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    crashes: Crashes,
    last: Option<Error>,
}

impl Server {
    pub(crate) fn new(config: McpServer, shared: Arc<Shared>) -> Self {
        let prefix = names::prefix(&config.name);
        let log = Arc::new(LogRing::kept_in(shared.cache.logs(&prefix)));
        Self { config, prefix, shared, log, slot: Mutex::default(), current: StdMutex::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// The open session; one is opened where there is none.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, Error> {
        let mut slot = self.slot.lock().await;
        if let Some(connection) = &slot.connection {
            if connection.is_alive() {
                return Ok(connection.clone());
            }
            if connection.crashed() {
                slot.crashes.note();
            }
            slot.connection = None;
        }
        let opened = match slot.crashes.pause().await {
            Ok(()) => self.open().await,
            Err(wait) => {
                let why = slot.last.as_ref().map(|error| format!(" ({})", error.message()));
                let what = format!("it crashed {} times{}", slot.crashes.count(), why.unwrap_or_default());
                Err(Error::new(ErrorKind::PluginCrash, what)
                    .retry_in(Some(wait))
                    .hint("it is tried again after a minute"))
            }
        };
        match opened {
            Ok(connection) => {
                let connection = Arc::new(connection);
                slot.connection = Some(connection.clone());
                *self.lock_current() = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                let error = error.map_message(|message| self.log.masked(&message)).provider(self.name());
                if error.kind() == ErrorKind::PluginCrash && error.retry_after().is_none() {
                    slot.crashes.note();
                    slot.last = Some(error.clone());
                }
                self.shared.cache.write(&self.prefix, &self.config, Err(error.message().to_owned()));
                Err(error)
            }
        }
    }

    async fn open(&self) -> Result<Connection, Error> {
        let way = self.way()?;
        let shared = &self.shared;
        Connection::open(self.name(), &way, &shared.http, &self.log, &shared.folder).await
    }

    /// Its tools, those that are wanted; the server is opened for it.
    pub(crate) async fn tools(&self) -> Result<(Arc<Connection>, Arc<Listed>), Error> {
        let connection = self.connection().await?;
        let listed = connection.tools().await?;
        let counted = listed.tools.iter().filter(|tool| self.wants(&tool.name)).count();
        self.shared.cache.write(&self.prefix, &self.config, Ok(counted));
        Ok((connection, listed))
    }

    /// Whether the user wants this tool of it.
    pub(crate) fn wants(&self, tool: &str) -> bool {
        self.config.tools.as_ref().is_none_or(|wanted| wanted.iter().any(|name| name == tool))
    }

    /// How it is reached, with all keys and variables filled in.
    pub(crate) fn way(&self) -> Result<Way, Error> {
        match &self.config.reach {
            McpReach::Url { url, headers } => {
                let url = self.filled(url, false)?;
                let headers = self.all_filled(headers, |_| true)?;
                Ok(Way::Address { url, headers })
            }
            McpReach::Command { command, args, env } => {
                let args: Result<Vec<String>, Error> =
                    args.iter().map(|word| self.filled(word, false)).collect();
                let mut all = self.plain_env();
                all.extend(self.all_filled(env, names_a_secret)?);
                let path = all.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_str());
                let launch = Launch {
                    program: self.program(command, path)?,
                    arguments: args?.into_iter().map(Into::into).collect(),
                    env: all.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
                    folder: self.shared.folder.clone(),
                    limits: Limits::default(),
                };
                Ok(Way::Process(Box::new(launch)))
            }
        }
    }

    /// The text filled in. What was filled in, and a text that is a secret itself, no log may hold.
    fn filled(&self, text: &str, is_secret: bool) -> Result<String, Error> {
        let (filled, used) = fill(text, &self.shared.env, &self.shared.keys)?;
        let own = is_secret.then(|| Secret::new(filled.as_str()));
        let hidden = used.into_iter().chain(own).filter(|secret| secret.expose().len() >= SHORTEST_SECRET);
        hidden.for_each(|secret| self.log.hide(secret));
        Ok(filled)
    }

    fn all_filled(
        &self,
        pairs: &BTreeMap<String, String>,
        is_secret: impl Fn(&str) -> bool,
    ) -> Result<Vec<(String, String)>, Error> {
        pairs.iter().map(|(name, value)| Ok((name.clone(), self.filled(value, is_secret(name))?))).collect()
    }

    /// What a program sees of the environment beside what it is given: where things are, and no key.
    fn plain_env(&self) -> Vec<(String, String)> {
        const NAMES: [&str; 21] = [
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "TERM",
            "LANG",
            "TZ",
            "TMPDIR",
            "SystemRoot",
            "APPDATA",
            "LOCALAPPDATA",
            "USERPROFILE",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "NODE_EXTRA_CA_CERTS",
            "REQUESTS_CA_BUNDLE",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
        ];
        let fits = |name: &str| {
            ["LC_", "XDG_"].iter().any(|start| name.starts_with(start))
                || NAMES.iter().any(|known| {
                    *known == name || (name.ends_with("_proxy") && known.eq_ignore_ascii_case(name))
                })
        };
        // A password in a proxy's address is a secret.
        let secret = |value: &str| value.contains("://") && value.contains('@');
        let all = self.shared.env.iter().filter(|(name, value)| fits(name) && !secret(value));
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn program(&self, command: &str, path: Option<&str>) -> Result<PathBuf, Error> {
        if let Some(below) = command.strip_prefix("~/") {
            return Ok(Path::new(self.shared.env.get("HOME").unwrap_or_default()).join(below));
        }
        if command.contains(std::path::is_separator) {
            return Ok(self.shared.folder.join(command));
        }
        let found = std::env::split_paths(path.unwrap_or_default())
            .flat_map(|folder| [folder.join(command), folder.join(format!("{command}.exe"))])
            .find(|file| file.is_file());
        found.ok_or_else(|| {
            Error::new(ErrorKind::Setup, format!("`{command}` is not on this machine"))
                .hint(format!("install {command}, or name another `command`"))
        })
    }

    /// Ends it in order. Gives what was open.
    pub(crate) fn stop(&self) -> Option<Arc<Connection>> {
        let connection = self.lock_current().take()?;
        connection.close();
        Some(connection)
    }

    /// What was learnt when it ran last.
    pub(crate) fn kept(&self) -> Option<Kept> {
        self.shared.cache.read(&self.prefix, &self.config)
    }

    pub(crate) fn kept_log(&self) -> Vec<String> {
        LogRing::kept(&self.shared.cache.logs(&self.prefix)).into_iter().map(|line| line.text).collect()
    }

    pub(crate) fn log(&self) -> &LogRing {
        &self.log
    }

    fn lock_current(&self) -> std::sync::MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a variable of this name holds a secret, most likely.
fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASS", "AUTH", "CREDENTIAL"].iter().any(|word| name.contains(word))
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.name()).finish_non_exhaustive()
    }
}
