//! One running process, spoken to: requests and their answers, events, and what the plugin asks for.
use super::answer::Sink;
use super::asked::UnderWay;
use super::crash::Code;
use super::failed::Refused;
use super::guardian::Wish;
use super::live::{Live, Opening};
use super::odd::Odd;
use super::services::Services;
use super::stop::{Abandoned, Stop};
use super::supervisor::OnChange;
use super::{LogLine, LogRing, Writer};
use crate::learnt::plain;
use consort_core::{Error, ErrorKind, Phase, Warning};
use consort_plugin::protocol::{self, Failure, Id, InitializeResult};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

/// A plugin that does not read what it is sent is stopped when this much waits.
const MOST_QUEUED: usize = 64 << 20;
/// How long a plugin may take to stop a cancelled request, and then to answer a ping.
const PATIENCE: Duration = Duration::from_secs(5);

/// One running process.
pub(crate) struct Connection {
    pub(super) to: mpsc::UnboundedSender<String>,
    pub(super) queued: Arc<AtomicUsize>,
    /// Rings when the process took a line.
    pub(super) written: Arc<Notify>,
    pub(super) open: Mutex<Open>,
    pub(super) live: Mutex<Live>,
    pub(super) next: AtomicU64,
    pub(super) stray: AtomicUsize,
    /// What it sent while nobody waited for an answer, and its host could not take.
    pub(super) odd: Mutex<Odd>,
    /// Lines that somebody waited for.
    pub(super) awaited: AtomicU64,
    pub(super) asked: Arc<Semaphore>,
    /// Turns for requests, as many as the plugin takes at once.
    pub(super) turns: Arc<Semaphore>,
    pub(super) log: Arc<LogRing>,
    pub(crate) services: Arc<Services>,
    /// How signatures and native parts of this plugin are marked.
    pub(super) wire: String,
    pub(super) plugin: String,
    /// Where it may write.
    pub(super) folder: PathBuf,
    pub(super) wish: Wish,
    /// Toolboxes and live sessions that are open: their state lives in the process.
    pub(crate) held: AtomicUsize,
    /// Requests of the plugin's that are worked on.
    pub(super) fetches: Mutex<HashMap<Id, UnderWay>>,
    pub(super) hello: OnceLock<InitializeResult>,
    /// What our own worker runs, where that speaks for it: it can say where the plugin's code is while that hangs.
    pub(super) code: Option<Code>,
    /// When its log began: what is older was another process's.
    pub(super) begun: SystemTime,
    pub(super) changed: AtomicBool,
    /// Called when it says that they did.
    pub(super) on_change: OnChange,
    pub(super) used: Mutex<Instant>,
    /// Rings when nothing is open any more.
    pub(super) ended: Notify,
}

#[derive(Default)]
pub(super) struct Open {
    pub(super) requests: HashMap<u64, Pending>,
    /// Those that were answered last.
    answered: VecDeque<u64>,
    /// How the request ended that was cancelled last.
    stopped: Option<Stop>,
    /// Why the process is gone.
    ended: Option<Error>,
    /// Nothing new is asked: it ends once what is open is answered.
    closing: bool,
    crashed: bool,
}

pub(super) enum Pending {
    Call(oneshot::Sender<Result<Box<RawValue>, Failure>>),
    Answer(Box<Sink>),
    /// A live session that is being opened.
    Session(Box<Opening>),
    /// Whoever asked is gone; the answer is still due.
    Abandoned(Abandoned),
}

impl Open {
    /// How many answered requests are remembered: a second answer comes soon or never.
    const REMEMBERED: usize = 32;

    /// The request that is answered now, if it is open.
    pub(super) fn close(&mut self, id: u64) -> Option<Pending> {
        let pending = self.requests.remove(&id)?;
        self.answered.truncate(Self::REMEMBERED - 1);
        self.answered.push_front(id);
        Some(pending)
    }

    pub(super) fn is_answered(&self, id: u64) -> bool {
        self.answered.contains(&id)
    }
}

impl Connection {
    /// What this process has written, of all that its log holds.
    pub(super) fn said(&self) -> Vec<LogLine> {
        let mut lines = self.log.said();
        lines.retain(|line| line.by != Writer::Host && line.at.is_some_and(|at| at >= self.begun));
        lines
    }

    /// Calls a method and reads what it gives.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
        limit: Duration,
    ) -> Result<T, Error> {
        self.touch();
        let answer = tokio::time::timeout(limit, self.ask(method, params)).await;
        let raw = match answer {
            Err(_) => return Err(self.late(method, limit)),
            Ok(Err(refused)) => return Err(self.error_of(refused)),
            Ok(Ok(raw)) => raw,
        };
        self.read_result(&raw)
    }

    pub(super) fn late(&self, method: &str, limit: Duration) -> Error {
        let message = format!("`{method}` was not answered within {} s", limit.as_secs());
        self.named(Error::timeout(Phase::Deadline, message))
    }

    /// Where the plugin's own code is just now, where that can be told.
    pub(super) async fn place(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Answer {
            at: Option<String>,
        }
        const LIMIT: Duration = Duration::from_millis(300);
        self.code.as_ref()?;
        let at = self.call::<Answer>("x-where", json!({}), LIMIT).await.ok()?.at?;
        Some(plain(&self.log.masked(&at)))
    }

    pub(super) fn read_result<T: DeserializeOwned>(&self, raw: &RawValue) -> Result<T, Error> {
        serde_json::from_str(raw.get()).map_err(|error| {
            self.named(Error::protocol(format!("the plugin's answer could not be read: {error}")))
        })
    }

    pub(super) async fn ask(&self, method: &str, params: impl Serialize) -> Result<Box<RawValue>, Refused> {
        let (to, answer) = oneshot::channel();
        let id = self.open(Pending::Call(to)).map_err(Refused::Gone)?;
        let mut dropped = Withdrawn { connection: self, id: Some(id) };
        self.send(protocol::request(&Id::Number(id), method, params));
        let answer = answer.await;
        dropped.id = None;
        match answer {
            Ok(Ok(raw)) => Ok(raw),
            Ok(Err(failure)) => Err(Refused::Failed(failure)),
            Err(_) => Err(Refused::Gone(self.gone())),
        }
    }

    /// Opens a request whose answer streams.
    pub(super) fn generate(&self, params: &impl Serialize, sink: Sink) -> Result<u64, Error> {
        self.touch();
        let id = self.open(Pending::Answer(Box::new(sink)))?;
        self.send(protocol::request(&Id::Number(id), "generate", params));
        Ok(id)
    }

    /// What is to be told of an open request of what came and could not be taken.
    pub(super) fn warnings_of(&self, id: u64) -> Vec<Warning> {
        match self.lock().requests.get_mut(&id) {
            Some(Pending::Answer(sink)) => sink.warnings(),
            _ => Vec::new(),
        }
    }

    /// What came while no answer was open and could not be taken, once.
    pub(crate) fn take_odd(&self) -> Vec<Warning> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).take(true)
    }

    pub(super) fn stopped(&self, stop: Stop) {
        self.lock().stopped = Some(stop);
    }

    /// How the request ended that was cancelled last, once.
    pub(crate) fn take_stop(&self) -> Option<Stop> {
        self.lock().stopped.take()
    }

    /// Cancels a request that nobody waits for. One that is not stopped in time ends the process.
    pub(super) fn abandon(self: &Arc<Self>, id: u64) {
        let (to, answered) = oneshot::channel();
        {
            let mut open = self.lock();
            let Some(pending) = open.requests.get_mut(&id) else {
                open.stopped = Some(Stop::over());
                return;
            };
            *pending = Pending::Abandoned(Abandoned { answered: to, since: Instant::now() });
        }
        self.send(protocol::notification("cancel", json!({"request": id})));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let connection = self.clone();
        runtime.spawn(async move {
            if tokio::time::timeout(PATIENCE, answered).await.is_ok() {
                return;
            }
            connection.replace_if_stuck("it did not stop a cancelled request").await;
        });
    }

    /// Ends a process that does not answer any more. It may only be slow: a ping tells.
    pub(super) async fn replace_if_stuck(&self, what: &str) {
        if self.call::<Value>("ping", json!({}), PATIENCE).await.is_err() {
            self.wish.replace(format!("{what}, and does not answer"));
        }
    }

    pub(super) fn open(&self, pending: Pending) -> Result<u64, Error> {
        let mut open = self.lock();
        if let Some(error) = &open.ended {
            return Err(error.clone());
        }
        // The state of an open toolbox is here and nowhere else.
        if open.closing && self.held.load(Relaxed) == 0 {
            return Err(self.named(Error::new(ErrorKind::PluginCrash, "the plugin is being stopped")));
        }
        let id = self.next.fetch_add(1, Relaxed);
        open.requests.insert(id, pending);
        Ok(id)
    }

    pub(super) fn send(&self, line: String) {
        let queued = self.queued.fetch_add(line.len(), Relaxed) + line.len();
        if queued > MOST_QUEUED {
            self.wish.kill("it does not read what it is sent");
        }
        // An error means that the process is gone; whoever waits is told by its end.
        let _ = self.to.send(line);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// An error of this plugin's. Some quote what it sent.
    pub(super) fn named(&self, error: Error) -> Error {
        error.map_message(|message| self.log.masked(&message)).provider(&self.plugin)
    }

    pub(super) fn gone(&self) -> Error {
        let ended = self.lock().ended.clone();
        ended.unwrap_or_else(|| self.named(Error::new(ErrorKind::PluginCrash, "the plugin is gone")))
    }

    /// What the plugin said of itself.
    pub(crate) fn hello(&self) -> InitializeResult {
        self.hello.get().cloned().unwrap_or_default()
    }

    /// Whether requests can still be sent.
    pub(crate) fn is_alive(&self) -> bool {
        let open = self.lock();
        open.ended.is_none() && !open.closing
    }

    /// Returns when the process is gone.
    pub(crate) async fn gone_for_good(&self) {
        let mut ended = std::pin::pin!(self.ended.notified());
        // Listening comes before looking: nothing is missed between the two.
        ended.as_mut().enable();
        if self.lock().ended.is_none() {
            ended.await;
        }
    }

    /// Whether the process ended without being told to.
    pub(crate) fn crashed(&self) -> bool {
        self.lock().crashed
    }

    pub(super) fn is_idle(&self) -> bool {
        // What nobody waits for any more keeps nothing running.
        self.is_unused(&self.lock())
    }

    fn is_unused(&self, open: &Open) -> bool {
        let left = |pending: &Pending| matches!(pending, Pending::Abandoned(_));
        self.held.load(Relaxed) == 0 && open.requests.values().all(left)
    }

    /// Whether the plugin said that its models changed, and nobody took that up yet.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed.load(Relaxed)
    }

    /// Whether the plugin said that its models changed, since this was asked last.
    pub(crate) fn took_change(&self) -> bool {
        self.changed.swap(false, Relaxed)
    }

    /// Ends the process in order: what is open is answered, then it is asked to stop, then made to.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.wish.close();
    }

    /// Lets nothing new begin, where nothing is open.
    pub(super) fn close_if_idle(&self) -> bool {
        let mut open = self.lock();
        open.closing |= self.is_unused(&open);
        open.closing
    }

    /// Asks the process to stop, and waits for its answer.
    pub(super) async fn shut_down(&self, limit: Duration) {
        let (to, answer) = oneshot::channel();
        let id = self.next.fetch_add(1, Relaxed);
        self.lock().requests.insert(id, Pending::Call(to));
        self.send(protocol::request(&Id::Number(id), "shutdown", json!({})));
        // One that does not answer is ended all the same.
        let _ = tokio::time::timeout(limit, answer).await;
    }

    /// Fails all that is open: the process is gone.
    pub(super) fn fail_all(&self, error: Error, crashed: bool) {
        let requests = {
            let mut open = self.lock();
            open.ended = Some(error.clone());
            open.crashed = crashed;
            std::mem::take(&mut open.requests)
        };
        let fetches = std::mem::take(&mut *self.fetches.lock().unwrap_or_else(PoisonError::into_inner));
        fetches.into_values().for_each(|begun| begun.task.abort());
        for pending in requests.into_values() {
            if let Pending::Answer(sink) = pending {
                sink.fail(error.clone());
            }
        }
        self.fail_sessions(&error);
        self.ended.notify_waiters();
        self.ended.notify_one();
    }

    pub(super) fn log_text(&self, text: &str) {
        text.lines().for_each(|line| self.log.add(Writer::Stdout, line));
    }
}

/// A call whose caller went away is no longer waited for.
struct Withdrawn<'a> {
    connection: &'a Connection,
    id: Option<u64>,
}

impl Drop for Withdrawn<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.connection.lock().requests.remove(&id);
            self.connection.send(protocol::notification("cancel", json!({"request": id})));
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}
