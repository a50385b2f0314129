//! Keeps one plugin running: starts it when it is needed, and again when it crashed, but not over and over.
use super::handshake::NoStart;
use super::{Connection, Launch, LogRing, Services};
use consort_core::{BoxFuture, Context, Error, ErrorKind, Object, Secret};
use consort_process::Crashes;
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use tokio::sync::Mutex;

/// What a process is started with. Made anew for each start: grants may have changed.
pub(crate) struct Start {
    pub(crate) launch: Launch,
    pub(crate) config: Value,
    pub(crate) services: Services,
    /// Values of its environment that no log may hold.
    pub(crate) hidden: Vec<Secret>,
}

pub(crate) type MakeStart = Box<dyn Fn() -> BoxFuture<'static, Result<Start, Error>> + Send + Sync>;

/// Whom a plugin that changed calls.
pub(crate) type OnChange = Arc<dyn Fn() + Send + Sync>;

/// One plugin's process, present or not.
pub(crate) struct Supervisor {
    plugin: String,
    make: MakeStart,
    /// Called when the plugin says that its models changed.
    on_change: OnChange,
    pub(crate) log: Arc<LogRing>,
    slot: Mutex<Slot>,
    /// For those who must not wait.
    current: StdMutex<Option<Arc<Connection>>>,
    /// Which keys each model needs.
    needs: StdMutex<Vec<(String, Vec<String>)>>,
}

#[derive(Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    crashes: Crashes,
    last: Option<Error>,
}

impl Supervisor {
    pub(crate) fn new(plugin: impl Into<String>, log: LogRing, make: MakeStart, on_change: OnChange) -> Self {
        Self {
            plugin: plugin.into(),
            make,
            on_change,
            log: Arc::new(log),
            slot: Mutex::default(),
            current: StdMutex::default(),
            needs: StdMutex::default(),
        }
    }

    /// The running process; it is started where there is none.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, Error> {
        self.start(false).await.map_err(|no| no.error)
    }

    /// The same, with what the plugin itself said where it did not start, and, with `inspect`, what it finds in itself then.
    pub(crate) async fn start(&self, inspect: bool) -> Result<Arc<Connection>, NoStart> {
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
        self.pause(&mut slot).await?;
        let made = (self.make)().await.map_err(|error| error.provider(&self.plugin))?;
        let Start { launch, config, services, hidden } = made;
        hidden.into_iter().for_each(|secret| self.log.hide(secret));
        let (services, log, on_change) = (Arc::new(services), self.log.clone(), self.on_change.clone());
        let started =
            Connection::start(&self.plugin, &launch, config, services, log, on_change, inspect).await;
        match started {
            Ok(connection) => {
                slot.connection = Some(connection.clone());
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
                // What it said before it could be found.
                if connection.has_changed() {
                    (self.on_change)();
                }
                Ok(connection)
            }
            Err(no) => {
                // One that says what it lacks did not crash.
                if no.failure.is_none() {
                    slot.crashes.note();
                }
                slot.last = Some(no.error.clone());
                Err(no)
            }
        }
    }

    /// Waits before a plugin that crashed is started again. The first time is free.
    async fn pause(&self, slot: &mut Slot) -> Result<(), Error> {
        let Err(wait) = slot.crashes.pause().await else { return Ok(()) };
        let why = slot.last.as_ref().map(|error| format!(" ({})", error.message())).unwrap_or_default();
        let what = format!("it crashed {} times{why}", slot.crashes.count());
        Err(Error::new(ErrorKind::PluginCrash, what)
            .provider(&self.plugin)
            .retry_in(Some(wait))
            .hint("mend the plugin; it is tried again after a minute, or when its file changes"))
    }

    /// Which keys the models need; told once they are listed.
    pub(crate) fn set_needs(&self, needs: Vec<(String, Vec<String>)>) {
        *self.needs.lock().unwrap_or_else(PoisonError::into_inner) = needs;
    }

    /// The granted keys that this model needs, and no others.
    pub(crate) async fn secrets_for(&self, model: &str, context: &Context) -> Result<Object, Error> {
        let needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((_, names)) = needs.into_iter().find(|(name, _)| name == model) else {
            return Ok(Object::new());
        };
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(connection) = current else { return Ok(Object::new()) };
        let mut secrets = Object::new();
        for name in names {
            if let Some(secret) = connection.services.key(&name, context).await? {
                self.log.hide(secret.clone());
                secrets.insert(name, secret.expose().into());
            }
        }
        Ok(secrets)
    }

    /// Ends the process in order. The next call starts another.
    pub(crate) fn stop(&self) {
        if let Some(connection) = self.current.lock().unwrap_or_else(PoisonError::into_inner).take() {
            connection.close();
        }
    }

    /// The process, if it runs now.
    pub(crate) fn running(&self) -> Option<Arc<Connection>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|connection| connection.is_alive()).cloned()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}
