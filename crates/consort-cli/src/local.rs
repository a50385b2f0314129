//! Looks for servers on this machine, in the background of what the user does, and keeps what they list.
use consort_providers::HostedProvider;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

/// The servers that may run on this machine, and where it is noted when they were looked for last.
#[derive(Clone, Default)]
pub(crate) struct LocalServers {
    servers: Vec<Arc<HostedProvider>>,
    looked: PathBuf,
}

/// After so long it is worth another look.
const AGAIN: Duration = Duration::from_mins(10);

impl LocalServers {
    pub(crate) fn new(servers: &[Arc<HostedProvider>], looked: PathBuf) -> Self {
        Self { servers: servers.to_vec(), looked }
    }

    /// Whether this provider is one of them.
    pub(crate) fn has(&self, provider: &str) -> bool {
        self.servers.iter().any(|server| server.id() == provider)
    }

    /// Whether this provider is one of them, and at its usual place on this machine.
    pub(crate) fn has_here(&self, provider: &str) -> bool {
        self.servers.iter().any(|server| server.id() == provider && server.is_here())
    }

    /// Whether nobody looked lately.
    pub(crate) fn is_due(&self) -> bool {
        let looked = std::fs::metadata(&self.looked).and_then(|note| note.modified()).ok();
        // A note from the future is of a clock that was wrong.
        let age = looked.and_then(|then| SystemTime::now().duration_since(then).ok());
        age.is_none_or(|age| age > AGAIN)
    }

    /// Asks those that run for their lists, at once. That one does not run is no mistake.
    pub(crate) async fn look(self, limit: Duration) {
        // Noted at its start, so that of several questions in a row one looks. Without the note it is only looked
        // more often.
        let _ = std::fs::create_dir_all(self.looked.with_file_name(""))
            .and_then(|()| std::fs::write(&self.looked, ""));
        let mut looks: JoinSet<_> =
            self.servers.into_iter().map(|server| async move { server.look_here(limit).await }).collect();
        let all = async { while looks.join_next().await.is_some() {} };
        // Those that are late are left.
        let _ = tokio::time::timeout(limit, all).await;
    }
}
