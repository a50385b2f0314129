//! The process of one server: watched until it is gone, and ended with everything it started.
use crate::pipe::Pipe;
use consort_core::{Error, ErrorKind};
use consort_process::{Group, Launch, LogRing, Started, Writer, describe, keep_log};
use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long a server may take to end when its stdin closes, and then when it is told to.
const FAREWELL: Duration = Duration::from_secs(1);
/// The last words of a process are read for so long.
const REST: Duration = Duration::from_millis(500);

/// What somebody wants of a process.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    wanted: Mutex<Option<End>>,
    changed: Notify,
}

#[derive(Debug, Clone)]
enum End {
    InOrder,
    /// It closed its stdout: nothing more is to be had of it.
    Silent,
    AtOnce(Cow<'static, str>),
}

impl Wish {
    /// It must end now, and this is why.
    pub(crate) fn kill(&self, why: impl Into<Cow<'static, str>>) {
        self.set(End::AtOnce(why.into()));
    }

    pub(crate) fn silent(&self) {
        self.set(End::Silent);
    }

    fn close(&self) {
        self.set(End::InOrder);
    }

    fn set(&self, end: End) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
        self.changed.notify_one();
    }

    async fn heard(&self) -> End {
        loop {
            if let Some(end) = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone() {
                return end;
            }
            self.changed.notified().await;
        }
    }
}

/// A process that was started. Dropping it ends it in order.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) wish: Arc<Wish>,
    gone: Arc<Gone>,
}

/// Why it is gone, once it is.
#[derive(Debug, Default)]
struct Gone {
    why: OnceLock<(Error, bool)>,
    told: Notify,
}

impl Process {
    /// Starts it, and gives the way to it.
    pub(crate) async fn start(
        server: &str,
        launch: &Launch,
        log: &Arc<LogRing>,
    ) -> Result<(Self, Pipe), Error> {
        let mut started = launch.start().await.map_err(|error| cannot_start(launch, &error))?;
        let pipes = (started.child.stdin.take(), started.child.stdout.take(), started.child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(Error::new(ErrorKind::PluginCrash, "the process has no pipes"));
        };
        let (wish, gone) = (Arc::<Wish>::default(), Arc::<Gone>::default());
        let logging = tokio::spawn(keep_log(stderr, log.clone()));
        tokio::spawn(guard(server.to_owned(), started, wish.clone(), gone.clone(), log.clone(), logging));
        let pipe = Pipe::new(stdin, stdout, log.clone(), wish.clone());
        Ok((Self { wish, gone }, pipe))
    }

    /// Why it is gone, where it is; and whether it ended without being told to.
    pub(crate) fn ended(&self) -> Option<&(Error, bool)> {
        self.gone.why.get()
    }

    /// Waits until it is gone.
    pub(crate) async fn gone(&self) -> Error {
        loop {
            let told = self.gone.told.notified();
            if let Some((error, _)) = self.gone.why.get() {
                return error.clone();
            }
            told.await;
        }
    }

    pub(crate) fn close(&self) {
        self.wish.close();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.close();
    }
}

/// Watches until the process is gone, and tells all who wait for it.
async fn guard(
    server: String,
    started: Started,
    wish: Arc<Wish>,
    gone: Arc<Gone>,
    log: Arc<LogRing>,
    logging: JoinHandle<()>,
) {
    let Started { mut child, group, lacks } = started;
    if let Some(lacks) = lacks {
        log.add(Writer::Host, &format!("warning: {lacks}"));
    }
    let end = tokio::select! {
        _ = child.wait() => None,
        end = wish.heard() => Some(end),
    };
    match end {
        Some(End::InOrder) => say_farewell(&mut child, &group).await,
        // Its status says more than our signal.
        Some(End::Silent) => drop(tokio::time::timeout(REST, child.wait()).await),
        Some(End::AtOnce(_)) | None => {}
    }
    group.end();
    let status = child.wait().await.ok();
    // What it said before its end still counts.
    let _ = tokio::time::timeout(REST, logging).await;
    group.end_all().await;
    log.keep();
    let what = match &end {
        Some(End::InOrder) => "the server was stopped".to_owned(),
        Some(End::AtOnce(why)) => format!("the server was stopped: {why}"),
        Some(End::Silent) | None => {
            let how = status.map_or_else(|| "ended".to_owned(), describe);
            let last = log.last().map(|line| format!("; its last words: {line}"));
            format!("the server {how}{}", last.unwrap_or_default())
        }
    };
    let error = Error::new(ErrorKind::PluginCrash, what).provider(&server);
    let crashed = !matches!(end, Some(End::InOrder));
    // Nobody else sets it.
    let _ = gone.why.set((error.hint(format!("its log: consort mcp log {server}")), crashed));
    gone.told.notify_waiters();
}

async fn say_farewell(child: &mut Child, group: &Group) {
    if tokio::time::timeout(FAREWELL, child.wait()).await.is_ok() {
        return;
    }
    group.ask();
    let _ = tokio::time::timeout(FAREWELL, child.wait()).await;
}

fn cannot_start(launch: &Launch, error: &io::Error) -> Error {
    let program = launch.program.display();
    let what = match error.kind() {
        io::ErrorKind::NotFound => format!("`{program}` is not on this machine"),
        io::ErrorKind::PermissionDenied => format!("`{program}` may not be run"),
        _ => format!("`{program}` cannot be started: {error}"),
    };
    Error::new(ErrorKind::Setup, what).hint(match error.kind() {
        io::ErrorKind::PermissionDenied => format!("chmod +x {program}"),
        _ => format!("install `{program}`, or name another `command`"),
    })
}
