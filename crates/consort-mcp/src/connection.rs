//! One open session with a server, by a process or an address.
use crate::failure;
use crate::handler::{Handler, News};
use crate::http;
use crate::listing::Listed;
use crate::process::Process;
use consort_core::{Error, ErrorKind, Phase};
use consort_process::{Launch, LogRing};
use consort_providers::Http;
use rmcp::model::ServerPeerInfo;
use rmcp::service::{ClientInitializeError, Peer, RoleClient, RunningService};
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// A program may fetch itself first: `npx` and `uvx` do.
const START: Duration = Duration::from_secs(90);
/// How long a process that closed its end may take to be gone.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How a server is reached, everything filled in.
pub(crate) enum Way {
    Process(Box<Launch>),
    Address { url: String, headers: Vec<(String, String)> },
}

pub(crate) struct Connection {
    pub(crate) server: String,
    service: RunningService<RoleClient, Handler>,
    pub(crate) process: Option<Process>,
    pub(crate) news: Arc<News>,
    pub(crate) listed: Mutex<Option<Arc<Listed>>>,
    pub(crate) log: Arc<LogRing>,
}

type Opened = Result<RunningService<RoleClient, Handler>, ClientInitializeError>;

impl Connection {
    /// Opens a session. Whoever stops waiting leaves nothing running.
    pub(crate) async fn open(
        server: &str,
        way: &Way,
        http: &Http,
        log: &Arc<LogRing>,
        folder: &Path,
    ) -> Result<Self, Error> {
        let news = Arc::<News>::default();
        let handler = Handler::new(log.clone(), news.clone(), folder);
        let mode = ClientLifecycleMode::Initialize;
        let (process, opened) = match way {
            Way::Process(launch) => {
                let (process, pipe) = Process::start(server, launch, log).await?;
                let opening = handler.serve_with_lifecycle(pipe, mode);
                (Some(process), tokio::time::timeout(START, opening).await)
            }
            Way::Address { url, headers } => {
                let transport = http::transport(http, url, headers)?;
                let opening = handler.serve_with_lifecycle(transport, mode);
                (None, tokio::time::timeout(START, opening).await)
            }
        };
        let Ok(opened): Result<Opened, _> = opened else {
            if let Some(process) = &process {
                process.wish.kill("it did not begin");
            }
            let what = format!("it did not begin within {} s", START.as_secs());
            return Err(Error::timeout(Phase::Connect, what));
        };
        match opened {
            Ok(service) => {
                let (server, log) = (server.to_owned(), log.clone());
                Ok(Self { server, service, process, news, listed: Mutex::default(), log })
            }
            Err(error) => Err(ended(process.as_ref(), failure::opening(&error)).await),
        }
    }

    pub(crate) fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
    }

    /// What the server said of itself.
    pub(crate) fn hello(&self) -> Option<Arc<ServerPeerInfo>> {
        self.peer().peer_info()
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.peer().is_transport_closed() && self.process.as_ref().is_none_or(|p| p.ended().is_none())
    }

    /// Whether its process ended without being told to.
    pub(crate) fn crashed(&self) -> bool {
        self.process.as_ref().and_then(Process::ended).is_some_and(|(_, crashed)| *crashed)
    }

    /// An error with all that is known by now: the server's name, and how it ended where it did.
    pub(crate) async fn explained(&self, error: Error) -> Error {
        let error = ended(self.process.as_ref(), error).await;
        error.map_message(|message| self.log.masked(&message)).provider(&self.server)
    }

    pub(crate) fn close(&self) {
        self.service.cancellation_token().cancel();
        if let Some(process) = &self.process {
            process.close();
        }
    }
}

/// The process's own end, where that is what happened.
async fn ended(process: Option<&Process>, error: Error) -> Error {
    match process {
        Some(process) if error.kind() == ErrorKind::PluginCrash => {
            tokio::time::timeout(LAST_WORDS, process.gone()).await.unwrap_or(error)
        }
        _ => error,
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}
