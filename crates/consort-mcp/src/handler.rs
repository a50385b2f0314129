//! What a server asks and tells: refused clearly, or kept.
#![expect(deprecated, reason = "servers of the versions that are in use ask for roots and send logs")]
use consort_process::{LogRing, Writer};
use reqwest::Url;
use rmcp::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams,
    ElicitResult, ErrorCode, ErrorData, Implementation, ListRootsResult, LoggingMessageNotificationParam,
    ProgressNotificationParam, ProgressToken, ProtocolVersion, Root, RootsCapabilities,
};
use rmcp::service::{NotificationContext, RequestContext, RoleClient};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What the handler learns, shared with whoever calls.
#[derive(Debug, Default)]
pub(crate) struct News {
    changed: AtomicBool,
    calls: Mutex<HashMap<ProgressToken, Call>>,
}

/// A call that was not answered yet.
#[derive(Debug)]
struct Call {
    /// Rings when it made progress.
    bell: Arc<Notify>,
    patience: Patience,
    /// When it said something last: at its beginning, or by progress.
    heard: Instant,
}

/// How long a call may keep its server busy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For so long it may say nothing.
    pub(crate) quiet: Duration,
    /// Then its caller goes.
    pub(crate) deadline: Option<Instant>,
}

impl Patience {
    fn until(&self, heard: Instant) -> Option<Instant> {
        let silent = heard.checked_add(self.quiet);
        silent.into_iter().chain(self.deadline).min()
    }
}

impl News {
    /// Whether the server said that its tools changed, since this was asked last.
    pub(crate) fn took_change(&self) -> bool {
        self.changed.swap(false, Relaxed)
    }

    /// A call begins. Gives its bell.
    pub(crate) fn begin(&self, token: ProgressToken, patience: Patience) -> Arc<Notify> {
        let bell = Arc::<Notify>::default();
        let call = Call { bell: bell.clone(), patience, heard: Instant::now() };
        self.calls().insert(token, call);
        bell
    }

    pub(crate) fn forget(&self, token: &ProgressToken) {
        self.calls().remove(token);
    }

    /// Until when the server may do nothing but what it was called for.
    pub(crate) fn busy_until(&self) -> Option<Instant> {
        self.calls().values().filter_map(|call| call.patience.until(call.heard)).max()
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<ProgressToken, Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Handler {
    pub(crate) log: Arc<LogRing>,
    pub(crate) news: Arc<News>,
    /// The folder that the server may think it works in, as an address.
    root: Option<String>,
}

impl Handler {
    pub(crate) fn new(log: Arc<LogRing>, news: Arc<News>, folder: &Path) -> Self {
        let root = Url::from_directory_path(folder).ok().map(String::from);
        Self { log, news, root }
    }
}

fn refused(what: &str) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, what.to_owned(), None)
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.roots = Some(RootsCapabilities::default());
        ClientConfig::new(capabilities, Implementation::new("consort", env!("CARGO_PKG_VERSION")))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        Err(refused("this host lets no server ask its models (sampling)"))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Err(refused("this host lets no server ask its user (elicitation)"))
    }

    async fn list_roots(&self, _: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        Ok(ListRootsResult::new(self.root.iter().map(Root::new).collect()))
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.news.changed.store(true, Relaxed);
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        if let Some(message) = &progress.message {
            self.log.add(Writer::Stdout, &format!("progress: {message}"));
        }
        if let Some(call) = self.news.calls().get_mut(&progress.progress_token) {
            call.heard = Instant::now();
            call.bell.notify_one();
        }
    }

    async fn on_logging_message(
        &self,
        said: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let text = said.data.as_str().map_or_else(|| said.data.to_string(), str::to_owned);
        let level = serde_json::to_value(said.level).unwrap_or_default();
        let level = level.as_str().unwrap_or("log").to_owned();
        text.lines().for_each(|line| self.log.add(Writer::Stdout, &format!("{level}: {line}")));
    }
}
