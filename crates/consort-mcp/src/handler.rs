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
use tokio::sync::Notify;

/// What the handler learns, shared with whoever calls.
#[derive(Debug, Default)]
pub(crate) struct News {
    changed: AtomicBool,
    /// Rings when a call made progress.
    progress: Mutex<HashMap<ProgressToken, Arc<Notify>>>,
}

impl News {
    /// Whether the server said that its tools changed, since this was asked last.
    pub(crate) fn took_change(&self) -> bool {
        self.changed.swap(false, Relaxed)
    }

    /// The bell of one call.
    pub(crate) fn bell(&self, token: ProgressToken) -> Arc<Notify> {
        self.bells().entry(token).or_default().clone()
    }

    pub(crate) fn forget(&self, token: &ProgressToken) {
        self.bells().remove(token);
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<ProgressToken, Arc<Notify>>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
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
        if let Some(bell) = self.news.bells().get(&progress.progress_token) {
            bell.notify_one();
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
