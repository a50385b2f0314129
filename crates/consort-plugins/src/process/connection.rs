//! One running process, spoken to: requests and their answers, events, and what the plugin asks for.
use super::answer::{Budget, Sink};
use super::guardian::{self, Wish};
use super::lines::{Line, Lines};
use super::services::Services;
use super::{Launch, LogRing};
use consort_core::{BoxFuture, Error, ErrorKind, Phase};
use consort_plugin::protocol::{
    self, EventBatch, Failure, GenerateResult, HostCapabilities, HttpData, Id, Incoming, InitializeParams,
    InitializeResult, LogParams, Peer, code,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncRead;
use tokio::process::ChildStdout;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

/// So many lines that are no protocol, and the plugin is stopped.
const MOST_STRAY: usize = 100;
/// A plugin that does not read what it is sent is stopped when this much waits.
const MOST_QUEUED: usize = 64 << 20;
/// Requests of a plugin that are worked on at once.
const MOST_ASKED: usize = 64;
/// How long a plugin may take to stop a cancelled request, and then to answer a ping.
const PATIENCE: Duration = Duration::from_secs(5);

/// One running process.
pub(crate) struct Connection {
    to: mpsc::UnboundedSender<String>,
    queued: Arc<AtomicUsize>,
    open: Mutex<Open>,
    next: AtomicU64,
    stray: AtomicUsize,
    asked: Semaphore,
    /// Turns for requests, as many as the plugin takes at once.
    pub(super) turns: Arc<Semaphore>,
    pub(super) log: Arc<LogRing>,
    pub(super) services: Arc<Services>,
    /// How signatures and native parts of this plugin are marked.
    pub(super) wire: String,
    pub(super) plugin: String,
    pub(super) wish: Wish,
    pub(super) hello: OnceLock<InitializeResult>,
    changed: AtomicBool,
    pub(super) used: Mutex<Instant>,
    /// Rings when nothing is open any more.
    pub(super) ended: Notify,
}

#[derive(Default)]
struct Open {
    requests: HashMap<u64, Pending>,
    /// Why the process is gone.
    ended: Option<Error>,
    crashed: bool,
}

enum Pending {
    Call(oneshot::Sender<Result<Box<RawValue>, Failure>>),
    Answer(Box<Sink>),
    /// Whoever asked is gone; the answer is still due.
    Abandoned(oneshot::Sender<()>),
}

/// Why a plugin did not start.
#[derive(Debug)]
pub(crate) struct NoStart {
    pub(crate) error: Error,
    /// What the plugin itself says.
    pub(crate) failure: Option<Failure>,
}

impl Connection {
    /// Starts the process and shakes hands.
    pub(crate) async fn start(
        plugin: &str,
        launch: &Launch,
        config: Value,
        services: Arc<Services>,
        log: Arc<LogRing>,
    ) -> Result<Arc<Self>, NoStart> {
        let no_start = |error: Error| NoStart { error: error.provider(plugin), failure: None };
        let mut started = launch.start().map_err(|error| no_start(cannot_start(launch, &error)))?;
        let pipes = (started.child.stdin.take(), started.child.stdout.take(), started.child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(no_start(Error::new(ErrorKind::PluginCrash, "the process has no pipes")));
        };
        let (to, lines) = mpsc::unbounded_channel();
        let connection = Arc::new(Self {
            to,
            queued: Arc::default(),
            open: Mutex::default(),
            next: AtomicU64::new(1),
            stray: AtomicUsize::new(0),
            asked: Semaphore::new(MOST_ASKED),
            turns: Arc::new(Semaphore::new(launch.limits.concurrency.max(1))),
            log,
            services,
            wire: format!("plugin:{plugin}"),
            plugin: plugin.to_owned(),
            wish: Wish::default(),
            hello: OnceLock::new(),
            changed: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
            ended: Notify::new(),
        });
        tokio::spawn(guardian::write(stdin, lines, connection.queued.clone()));
        let reading = tokio::spawn(connection.clone().read(stdout));
        let logging = tokio::spawn(guardian::keep_log(stderr, connection.log.clone()));
        tokio::spawn(guardian::guard(started, connection.clone(), reading, logging, launch.limits.idle));
        match connection.shake_hands(launch, config).await {
            Ok(hello) => {
                let _ = connection.hello.set(hello);
                Ok(connection)
            }
            Err(no) => {
                connection.wish.kill("it did not start");
                connection.ended.notified().await;
                Err(no)
            }
        }
    }

    async fn shake_hands(&self, launch: &Launch, config: Value) -> Result<InitializeResult, NoStart> {
        let params = InitializeParams {
            protocol_version: protocol::VERSION,
            host: Peer { name: "consort".into(), version: env!("CARGO_PKG_VERSION").into() },
            capabilities: HostCapabilities { http: true, secrets: true, tools: true },
            limits: protocol::Limits { max_message_bytes: protocol::MAX_MESSAGE },
            data_dir: launch.folder.to_string_lossy().into_owned(),
            config,
        };
        let limit = launch.limits.start;
        let answer = tokio::time::timeout(limit, self.ask("initialize", params)).await;
        let of = |error: Error| NoStart { error, failure: None };
        let raw = match answer {
            Err(_) => {
                let message = format!("it did not start within {} s", limit.as_secs());
                return Err(of(self.named(Error::timeout(Phase::Connect, message))));
            }
            Ok(Err(Refused::Gone(error))) => return Err(of(error)),
            Ok(Err(Refused::Failed(failure))) => {
                if let Some(trace) = &failure.data.traceback {
                    self.log_text(trace);
                }
                return Err(NoStart { error: self.named(failure.to_error()), failure: Some(failure) });
            }
            Ok(Ok(raw)) => raw,
        };
        let hello: InitializeResult = self.read_result(&raw).map_err(of)?;
        if hello.protocol_version > protocol::VERSION {
            let message = format!("it speaks version {} of the protocol", hello.protocol_version);
            return Err(of(self
                .named(Error::protocol(message))
                .hint(format!("this host speaks version {}", protocol::VERSION))));
        }
        Ok(hello)
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
            Err(_) => {
                let message = format!("`{method}` was not answered within {} s", limit.as_secs());
                return Err(self.named(Error::timeout(Phase::Deadline, message)));
            }
            Ok(Err(refused)) => return Err(self.error_of(refused)),
            Ok(Ok(raw)) => raw,
        };
        self.read_result(&raw)
    }

    fn read_result<T: DeserializeOwned>(&self, raw: &RawValue) -> Result<T, Error> {
        serde_json::from_str(raw.get()).map_err(|error| {
            self.named(Error::protocol(format!("the plugin's answer could not be read: {error}")))
        })
    }

    async fn ask(&self, method: &str, params: impl Serialize) -> Result<Box<RawValue>, Refused> {
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

    fn error_of(&self, refused: Refused) -> Error {
        match refused {
            Refused::Gone(error) => error,
            Refused::Failed(failure) => self.failed(&failure),
        }
    }

    /// The error of a request that the plugin refused.
    pub(super) fn failed(&self, failure: &Failure) -> Error {
        if let Some(trace) = &failure.data.traceback {
            self.log_text(trace);
        }
        let error = failure.to_error().map_message(|message| self.log.masked(&message));
        self.named(error)
    }

    /// Opens a request whose answer streams.
    pub(super) fn generate(&self, params: &impl Serialize, sink: Sink) -> Result<u64, Error> {
        self.touch();
        let id = self.open(Pending::Answer(Box::new(sink)))?;
        self.send(protocol::request(&Id::Number(id), "generate", params));
        Ok(id)
    }

    /// Cancels a request that nobody waits for. One that is not stopped in time ends the process.
    pub(super) fn abandon(self: &Arc<Self>, id: u64) {
        let (to, answered) = oneshot::channel();
        {
            let mut open = self.lock();
            let Some(pending) = open.requests.get_mut(&id) else { return };
            *pending = Pending::Abandoned(to);
        }
        self.send(protocol::notification("cancel", json!({"request": id})));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let connection = self.clone();
        runtime.spawn(async move {
            if tokio::time::timeout(PATIENCE, answered).await.is_ok() {
                return;
            }
            // It may be slow, or stuck: a ping tells.
            let alive = connection.call::<Value>("ping", json!({}), PATIENCE).await.is_ok();
            if !alive {
                connection.wish.kill("it did not stop a cancelled request, and does not answer");
            }
        });
    }

    fn open(&self, pending: Pending) -> Result<u64, Error> {
        let mut open = self.lock();
        if let Some(error) = &open.ended {
            return Err(error.clone());
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

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn named(&self, error: Error) -> Error {
        error.provider(&self.plugin)
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
        self.lock().ended.is_none()
    }

    /// Whether the process ended without being told to.
    pub(crate) fn crashed(&self) -> bool {
        self.lock().crashed
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lock().requests.is_empty()
    }

    /// Whether the plugin said that its models changed, since this was asked last.
    pub(crate) fn took_change(&self) -> bool {
        self.changed.swap(false, Relaxed)
    }

    /// Ends the process in order: it is asked to stop, then made to.
    pub(crate) fn close(&self) {
        self.wish.close();
    }

    /// Fails all that is open: the process is gone.
    pub(super) fn fail_all(&self, error: Error, crashed: bool) {
        let requests = {
            let mut open = self.lock();
            open.ended = Some(error.clone());
            open.crashed = crashed;
            std::mem::take(&mut open.requests)
        };
        for pending in requests.into_values() {
            if let Pending::Answer(sink) = pending {
                sink.fail(error.clone());
            }
        }
        self.ended.notify_waiters();
        self.ended.notify_one();
    }

    fn log_text(&self, text: &str) {
        text.lines().for_each(|line| self.log.add(line));
    }

    /// Reads until the process closes its end.
    async fn read(self: Arc<Self>, stdout: ChildStdout) {
        self.read_from(stdout).await;
    }

    async fn read_from(self: &Arc<Self>, from: impl AsyncRead + Unpin) {
        let mut lines = Lines::new(from, protocol::MAX_MESSAGE);
        loop {
            let slow = match lines.next().await {
                Ok(Some(Line::Whole(line))) => self.line(line),
                Ok(Some(Line::TooLong)) => {
                    self.too_long();
                    None
                }
                Ok(None) | Err(_) => return,
            };
            if let Some((id, budget)) = slow
                && !budget.room().await
            {
                self.too_slow(id);
            }
        }
    }

    /// Handles one line. Names the answer whose reader is behind, where that is so.
    fn line(self: &Arc<Self>, line: &[u8]) -> Option<(u64, Arc<Budget>)> {
        let Ok(text) = std::str::from_utf8(line) else {
            self.stray("a line that is no text");
            return None;
        };
        if text.trim().is_empty() {
            return None;
        }
        match Incoming::read(text) {
            Err(_) => {
                self.stray(text);
                None
            }
            Ok(Incoming::Notification { method, params }) => self.notified(&method, params, text.len()),
            Ok(Incoming::Answer { id, result }) => {
                self.answered(&id, result);
                None
            }
            Ok(Incoming::Request { id, method, params }) => {
                self.requested(id, method.into_owned(), params);
                None
            }
        }
    }

    fn stray(&self, text: &str) {
        self.log.add(&format!("stray output: {text}"));
        if self.stray.fetch_add(1, Relaxed) + 1 >= MOST_STRAY {
            self.wish.kill("it prints to its stdout, which belongs to the protocol");
        }
    }

    fn notified(&self, method: &str, params: Option<&RawValue>, bytes: usize) -> Option<(u64, Arc<Budget>)> {
        let text = params.map_or("{}", RawValue::get);
        match method {
            "generate/event" => match serde_json::from_str::<EventBatch<'_>>(text) {
                Ok(batch) => {
                    let mut open = self.lock();
                    let Some(Pending::Answer(sink)) = open.requests.get_mut(&batch.request) else {
                        return None;
                    };
                    let id = batch.request;
                    return sink.events(batch.events, bytes).map(|budget| (id, budget));
                }
                Err(error) => self.log.add(&format!("an event could not be read: {error}")),
            },
            "log" => {
                if let Ok(LogParams { level, message }) = serde_json::from_str(text) {
                    self.log_text(&format!("{level}: {message}"));
                }
            }
            "models/changed" => self.changed.store(true, Relaxed),
            _ => {}
        }
        None
    }

    fn answered(&self, id: &Id, result: Result<&RawValue, Failure>) {
        let Id::Number(id) = id else { return };
        let pending = self.lock().requests.remove(id);
        match pending {
            None => {}
            Some(Pending::Call(to)) => {
                // Whoever asked may be gone.
                let _ = to.send(result.map(RawValue::to_owned));
            }
            Some(Pending::Abandoned(to)) => {
                let _ = to.send(());
            }
            Some(Pending::Answer(sink)) => match result {
                Err(failure) => sink.fail(self.failed(&failure)),
                Ok(raw) => match serde_json::from_str::<GenerateResult>(raw.get()) {
                    Ok(result) => sink.finish(result),
                    Err(error) => {
                        let message = format!("the plugin's answer could not be read: {error}");
                        sink.fail(self.named(Error::new(ErrorKind::PluginBug, message)));
                    }
                },
            },
        }
    }

    /// A line was too long: where one request alone is open, it was meant.
    fn too_long(&self) {
        self.log.add(&format!("a line of more than {} MiB was passed over", protocol::MAX_MESSAGE >> 20));
        let mut open = self.lock();
        if open.requests.len() != 1 {
            return;
        }
        let Some((_, pending)) = open.requests.drain().next() else { return };
        drop(open);
        let message = format!("the plugin sent more than {} MiB in one line", protocol::MAX_MESSAGE >> 20);
        match pending {
            Pending::Answer(sink) => sink.fail(self.named(Error::new(ErrorKind::PluginBug, message))),
            Pending::Call(to) => {
                let _ = to.send(Err(Failure::new(code::INVALID_REQUEST, message)));
            }
            Pending::Abandoned(_) => {}
        }
    }

    fn too_slow(self: &Arc<Self>, id: u64) {
        let pending = self.lock().requests.remove(&id);
        if let Some(Pending::Answer(sink)) = pending {
            let error = Error::new(ErrorKind::Interrupted, "the answer was not read for ten seconds");
            sink.fail(self.named(error));
            self.send(protocol::notification("cancel", json!({"request": id})));
        }
    }

    /// A request of the plugin's.
    fn requested(self: &Arc<Self>, id: Id, method: String, params: Option<&RawValue>) {
        let params = params.map_or("{}", RawValue::get).to_owned();
        let Ok(permit) = self.asked.try_acquire() else {
            let failure = Failure::from(&Error::new(ErrorKind::Overloaded, "too many requests at once"));
            self.send(protocol::response_error(&id, &failure));
            return;
        };
        permit.forget();
        let connection = self.clone();
        tokio::spawn(async move {
            let answer = connection.serve(&id, &method, &params).await;
            connection.asked.add_permits(1);
            match answer {
                Ok((result, rest)) => {
                    connection.send(protocol::response(&id, result));
                    if let Some(rest) = rest {
                        rest.await;
                    }
                }
                Err(failure) => connection.send(protocol::response_error(&id, &failure)),
            }
        });
    }

    /// The answer to a request of the plugin's, and what is still to be done behind it.
    async fn serve(self: &Arc<Self>, id: &Id, method: &str, params: &str) -> Result<Served, Failure> {
        fn read<T: DeserializeOwned>(params: &str) -> Result<T, Failure> {
            serde_json::from_str(params)
                .map_err(|error| Failure::new(code::INVALID_PARAMS, error.to_string()))
        }
        match method {
            "ping" => Ok((json!({}), None)),
            "secrets/get" => {
                let secret = self.services.secret(&read::<protocol::SecretParams>(params)?.name).await?;
                self.log.hide(secret.clone());
                Ok((json!({"value": secret.expose()}), None))
            }
            "http/request" => {
                let connection = self.clone();
                let data = move |data: HttpData| {
                    connection.send(protocol::notification("http/data", data));
                };
                let (head, body) = self.services.fetch(id, read(params)?, data).await?;
                Ok((head, Some(body)))
            }
            "tools/run" => {
                let call: protocol::RunToolParams = read(params)?;
                let runner =
                    call.request.as_u64().and_then(|request| match self.lock().requests.get(&request) {
                        Some(Pending::Answer(sink)) => sink.tools(),
                        _ => None,
                    });
                Ok((super::services::run_tool(runner, call, &self.wire).await?, None))
            }
            _ => Err(Failure::new(code::UNKNOWN_METHOD, format!("this host has no method `{method}`"))),
        }
    }
}

type Served = (Value, Option<BoxFuture<'static, ()>>);

/// Why a call gave nothing.
enum Refused {
    Failed(Failure),
    Gone(Error),
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

fn cannot_start(launch: &Launch, error: &std::io::Error) -> Error {
    let program = launch.program.display();
    let what = match error.kind() {
        std::io::ErrorKind::NotFound => format!("`{program}` is not on this machine"),
        std::io::ErrorKind::PermissionDenied => format!("`{program}` may not be run"),
        _ => format!("`{program}` cannot be started: {error}"),
    };
    Error::new(ErrorKind::Setup, what).hint(match error.kind() {
        std::io::ErrorKind::PermissionDenied => format!("chmod +x {program}"),
        _ => format!("install `{program}`, or say what to `run` in the plugin's manifest"),
    })
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}
