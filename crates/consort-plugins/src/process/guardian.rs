//! Watches over one process: writes to it, keeps its log, ends it and everything it started.
use super::connection::Connection;
use super::crash;
use crate::start::shell_word;
use consort_core::{Error, ErrorKind};
use consort_process::{Group, Limits, LogRing, Started, describe};
use std::borrow::Cow;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// How long a plugin may take to stop when it is asked to, and then before it is made to.
const FAREWELL: Duration = Duration::from_secs(3);
const LAST_WARNING: Duration = Duration::from_secs(2);
/// Rests are read for so long after the process ended.
const REST: Duration = Duration::from_secs(1);

/// What somebody wants of the guardian.
#[derive(Debug, Default)]
pub(super) struct Wish {
    wanted: Mutex<Option<End>>,
    changed: Notify,
}

#[derive(Debug, Clone)]
enum End {
    InOrder,
    AtOnce(Cow<'static, str>),
    /// At once, and not by the plugin's fault: the next one may start as if nothing had been.
    Replaced(Cow<'static, str>),
}

impl Wish {
    /// The process must end now, and this is why.
    pub(super) fn kill(&self, why: impl Into<Cow<'static, str>>) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(End::AtOnce(why.into()));
        self.changed.notify_one();
    }

    /// The process must end now, and another may take its place.
    pub(super) fn replace(&self, why: impl Into<Cow<'static, str>>) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(End::Replaced(why.into()));
        self.changed.notify_one();
    }

    /// The process is no longer needed.
    pub(super) fn close(&self) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(End::InOrder);
        self.changed.notify_one();
    }

    /// Returns when the process must end now.
    async fn killed(&self) {
        loop {
            if let Some(End::AtOnce(_) | End::Replaced(_)) =
                *self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
            {
                return;
            }
            self.changed.notified().await;
        }
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

/// Watches until the process is gone, and tells all who wait for it.
pub(super) async fn guard(
    started: Started,
    connection: Arc<Connection>,
    mut reading: JoinHandle<()>,
    logging: JoinHandle<()>,
    limits: Limits,
) {
    let Started { mut child, group, .. } = started;
    let watched = tokio::spawn(within_limits(connection.clone(), child.id(), limits.clone()));
    let _watched = AbortOnDrop(watched);
    let _kept = Kept(connection.log.clone());
    let mut read = false;
    let end = tokio::select! {
        _ = child.wait() => None,
        _ = &mut reading => {
            read = true;
            None
        }
        end = connection.wish.heard() => Some(end),
        () = idleness(&connection, limits.idle) => Some(End::InOrder),
    };
    if let Some(End::InOrder) = end {
        tokio::select! {
            () = idle_at_last(&connection) => {}
            _ = child.wait() => {}
            () = connection.wish.killed() => {}
        }
        say_farewell(&connection, &mut child, &group).await;
    }
    // A process that closed its stdout is about to end by itself: its status says more than our signal.
    if end.is_none() {
        let _ = tokio::time::timeout(REST / 2, child.wait()).await;
    }
    group.end();
    let status = child.wait().await.ok();
    // What it said before its end still counts.
    if !read && tokio::time::timeout(REST, &mut reading).await.is_err() {
        reading.abort();
    }
    let _ = tokio::time::timeout(REST / 2, logging).await;
    group.end_all().await;
    let crashed = !matches!(end, Some(End::InOrder | End::Replaced(_)));
    connection.fail_all(last_words(&connection, end.as_ref(), status), crashed);
}

/// Keeps the log when the process ends, also where the whole program does.
struct Kept(Arc<LogRing>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.keep();
    }
}

/// Ends its task with whoever began it.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends a plugin whose processes are too many, or hold too much together.
#[cfg(target_os = "linux")]
async fn within_limits(connection: Arc<Connection>, leader: Option<u32>, limits: Limits) {
    use super::census;
    const STEP: Duration = Duration::from_millis(250);
    /// A process that is alone and works on nothing is looked at once in so many steps.
    const SELDOM: u32 = 20;
    let Some(leader) = leader else { return };
    let (mut step, mut alone) = (0u32, true);
    loop {
        tokio::time::sleep(STEP).await;
        step = step.wrapping_add(1);
        if alone && connection.is_idle() && !step.is_multiple_of(SELDOM) {
            continue;
        }
        let looked = tokio::task::spawn_blocking(move || census::of(leader, limits.memory)).await;
        let Ok(held) = looked else { continue };
        alone = held.processes < 2;
        if held.processes > limits.processes {
            let most = limits.processes;
            return connection
                .wish
                .kill(format!("it started more than {most} processes (limit `processes`)"));
        }
        if let Some(bytes) = held.too_much {
            let (held_mb, most, many) = (bytes >> 20, limits.memory >> 20, held.processes);
            let of = if many > 1 { format!("its {many} processes hold") } else { "it holds".to_owned() };
            return connection
                .wish
                .kill(format!("{of} {held_mb} MB of memory, more than {most} (limit `memory_mb`)"));
        }
    }
}

/// Elsewhere the system's own limits, for one process each, are all there is.
#[cfg(not(target_os = "linux"))]
async fn within_limits(_: Arc<Connection>, _: Option<u32>, _: Limits) {}

/// Returns when nothing was asked for a while.
async fn idleness(connection: &Connection, limit: Duration) {
    loop {
        tokio::time::sleep(limit.min(Duration::from_secs(30)).max(Duration::from_millis(10))).await;
        let since = connection.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        if since >= limit && connection.close_if_idle() {
            return;
        }
    }
}

/// Returns when what was open is answered. Runs in flight end before their process does.
async fn idle_at_last(connection: &Connection) {
    const STEP: Duration = Duration::from_millis(10);
    const MOST: Duration = Duration::from_mins(10);
    let begun = std::time::Instant::now();
    while !connection.is_idle() && begun.elapsed() < MOST {
        tokio::time::sleep(STEP).await;
    }
}

async fn say_farewell(connection: &Connection, child: &mut Child, group: &Group) {
    tokio::select! {
        () = connection.shut_down(FAREWELL) => {}
        _ = child.wait() => return,
    }
    connection.send(String::new()); // An empty line tells the writer to close stdin.
    if tokio::time::timeout(FAREWELL, child.wait()).await.is_ok() {
        return;
    }
    group.ask();
    let _ = tokio::time::timeout(LAST_WARNING, child.wait()).await;
}

fn last_words(connection: &Connection, end: Option<&End>, status: Option<ExitStatus>) -> Error {
    let error = match end {
        Some(End::InOrder) => Error::new(ErrorKind::PluginCrash, "the plugin was stopped"),
        Some(End::AtOnce(why) | End::Replaced(why)) => {
            Error::new(ErrorKind::PluginCrash, format!("the plugin was stopped: {why}"))
        }
        None => {
            let how = status.map_or_else(|| "ended".to_owned(), describe);
            let code = connection.code.as_ref().filter(|_| status.is_some_and(crash::is_reported));
            let said = connection.said();
            let place = code.and_then(|code| crash::place(&said, code)).map(|place| format!(" at {place}"));
            let traced = crash::traced(&said).filter(|_| connection.code.is_none());
            let traced = traced.map(|place| format!(" at {place}")).unwrap_or_default();
            let last = || said.iter().rev().find(|line| !line.text.trim().is_empty());
            let more =
                place.or_else(|| last().map(|line| format!("{traced}; its last words: {}", line.text)));
            Error::new(ErrorKind::PluginCrash, format!("the plugin {how}{}", more.unwrap_or_default()))
        }
    };
    connection.named(error).hint(format!("its log: consort plugins log {}", shell_word(&connection.plugin)))
}

/// Writes lines to the process until it is gone. An empty one closes its stdin.
pub(super) async fn write(
    mut stdin: ChildStdin,
    mut lines: mpsc::UnboundedReceiver<String>,
    queued: Arc<AtomicUsize>,
    taken: Arc<Notify>,
) {
    while let Some(line) = lines.recv().await {
        let written =
            if line.is_empty() { Err(()) } else { stdin.write_all(line.as_bytes()).await.map_err(drop) };
        queued.fetch_sub(line.len(), Relaxed);
        taken.notify_waiters();
        if written.is_err() {
            break;
        }
    }
}
