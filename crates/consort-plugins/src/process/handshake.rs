//! Starting a process, and the first words that are exchanged.
use super::connection::Connection;
use super::crash::Code;
use super::failed::Refused;
use super::fields;
use super::guardian::{self, Wish};
use super::masked;
use super::odd::Odd;
use super::services::Services;
use super::supervisor::OnChange;
use super::{Launch, LogRing, Writer};
use crate::examine::Findings;
use crate::learnt::plain;
use consort_core::{Error, ErrorKind, Phase};
use consort_plugin::protocol::{
    self, Failure, HostCapabilities, InitializeParams, InitializeResult, ModelsResult, Peer,
};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Notify, Semaphore, mpsc};

/// Requests of a plugin that are worked on at once.
const MOST_ASKED: usize = 64;

/// Why a plugin did not start.
#[derive(Debug)]
pub(crate) struct NoStart {
    pub(crate) error: Error,
    /// What the plugin itself says.
    pub(crate) failure: Option<Failure>,
    /// What it finds in itself, where it was asked to look.
    pub(crate) findings: Option<Findings>,
    /// Where it was, of one that did not start in time.
    pub(crate) at: Option<String>,
}

impl From<Error> for NoStart {
    fn from(error: Error) -> Self {
        Self { error, failure: None, findings: None, at: None }
    }
}

impl Connection {
    /// Starts the process and shakes hands. One that does not start is asked what is wrong with it, where `inspect` is set.
    pub(crate) async fn start(
        plugin: &str,
        launch: &Launch,
        config: Value,
        services: Arc<Services>,
        log: Arc<LogRing>,
        on_change: OnChange,
        inspect: bool,
    ) -> Result<Arc<Self>, NoStart> {
        let no_start = |error: Error| NoStart::from(error.provider(plugin));
        let mut started = launch.start().await.map_err(|error| no_start(cannot_start(launch, &error)))?;
        let pipes = (started.child.stdin.take(), started.child.stdout.take(), started.child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(no_start(Error::new(ErrorKind::PluginCrash, "the process has no pipes")));
        };
        // Its log may begin before anybody looks after it.
        let begun = SystemTime::now();
        let (to, lines) = mpsc::unbounded_channel();
        let connection = Arc::new(Self {
            to,
            queued: Arc::default(),
            written: Arc::default(),
            open: Mutex::default(),
            live: Mutex::default(),
            next: AtomicU64::new(1),
            stray: AtomicUsize::new(0),
            odd: Mutex::new(Odd::new(plugin, log.clone())),
            awaited: AtomicU64::new(0),
            asked: Arc::new(Semaphore::new(MOST_ASKED)),
            turns: Arc::new(Semaphore::new(launch.limits.concurrency.max(1))),
            log,
            services,
            wire: format!("plugin:{plugin}"),
            plugin: plugin.to_owned(),
            folder: launch.folder.clone(),
            wish: Wish::default(),
            held: AtomicUsize::new(0),
            fetches: Mutex::default(),
            hello: OnceLock::new(),
            code: Code::of(&config),
            begun,
            changed: AtomicBool::new(false),
            on_change,
            used: Mutex::new(Instant::now()),
            ended: Notify::new(),
        });
        let lacks = started.lacks;
        if let Some(lacks) = lacks {
            connection.log.add(Writer::Host, &format!("warning: {lacks}"));
        }
        let (queued, written) = (connection.queued.clone(), connection.written.clone());
        tokio::spawn(guardian::write(stdin, lines, queued, written));
        let reading = tokio::spawn(connection.clone().read(stdout));
        let logging = tokio::spawn(consort_process::keep_log(stderr, connection.log.clone()));
        tokio::spawn(guardian::guard(started, connection.clone(), reading, logging, launch.limits.clone()));
        let mut waited = Waited { connection: connection.clone(), is_done: false };
        let shaken = connection.shake_hands(launch, config).await;
        let shaken = match shaken {
            Err(no) if inspect && no.failure.is_some() => {
                Err(NoStart { findings: connection.inspect().await.ok(), ..no })
            }
            other => other,
        };
        waited.is_done = true;
        match shaken {
            Ok(mut hello) => {
                hello.notes = masked::notes(&connection.log, hello.notes);
                hello.notes.extend(lacks.map(str::to_owned));
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
            capabilities: HostCapabilities {
                http: true,
                memory: self.services.remembers(),
                secrets: true,
                tools: true,
            },
            limits: protocol::Limits { max_message_bytes: protocol::MAX_MESSAGE },
            data_dir: launch.folder.to_string_lossy().into_owned(),
            config,
        };
        let limit = launch.limits.start;
        let answer = tokio::time::timeout(limit, self.ask("initialize", params)).await;
        let raw = match answer {
            Err(_) => {
                let message = format!("it did not start within {} s", limit.as_secs());
                let error = self.named(Error::timeout(Phase::Connect, message));
                return Err(NoStart { at: self.place().await, ..error.hint(self.start_help()).into() });
            }
            Ok(Err(refused)) => return Err(self.no_start(refused)),
            Ok(Ok(raw)) => raw,
        };
        let mut hello: InitializeResult = self.read_result(&raw)?;
        hello.notes.extend(fields::of_hello(raw.get()));
        if hello.protocol_version > protocol::VERSION {
            let message = format!("it speaks version {} of the protocol", hello.protocol_version);
            let error = self.named(Error::protocol(message));
            return Err(error.hint(format!("this host speaks version {}", protocol::VERSION)).into());
        }
        Ok(hello)
    }

    /// The plugin's models. One that cannot list them has not started as far as its row goes.
    pub(crate) async fn models(&self, limit: Duration) -> Result<ModelsResult, NoStart> {
        match tokio::time::timeout(limit, self.ask("models/list", json!({}))).await {
            Err(_) => {
                let at = self.place().await;
                Err(NoStart { at, ..self.late("models/list", limit).into() })
            }
            Ok(Err(refused)) => Err(self.no_start(refused)),
            Ok(Ok(raw)) => {
                let mut listed: ModelsResult = self.read_result(&raw)?;
                listed.notes.extend(fields::of_models(raw.get()));
                Ok(ModelsResult { notes: masked::notes(&self.log, listed.notes), ..listed })
            }
        }
    }

    fn no_start(&self, refused: Refused) -> NoStart {
        let failure = match refused {
            Refused::Gone(error) => return error.into(),
            Refused::Failed(failure) => failure,
        };
        if let Some(trace) = &failure.data.traceback {
            self.log_text(trace);
        }
        // Rows and the cache are no place for a secret either.
        let failure = masked::failure(&self.log, failure);
        let error = self.named(failure.to_error());
        NoStart { failure: Some(failure), ..error.into() }
    }

    /// What the plugin's own side finds in its file. It can tell also where it did not start.
    pub(crate) async fn inspect(&self) -> Result<Findings, Error> {
        const LIMIT: Duration = Duration::from_secs(20);
        let findings: Findings = self.call("plugin/check", json!({}), LIMIT).await?;
        Ok(findings.told_by(|text| plain(&self.log.masked(text))))
    }
}

/// Whoever starts a process and goes away before it answers leaves none behind.
struct Waited {
    connection: Arc<Connection>,
    is_done: bool,
}

impl Drop for Waited {
    fn drop(&mut self) {
        if !self.is_done {
            self.connection.wish.replace("nobody waits for it any more");
        }
    }
}

/// What a script's first line says that it is run by.
fn interpreter_of(script: &Path) -> Option<String> {
    const HEAD: u64 = 256;
    let mut head = Vec::new();
    File::open(script).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    Some(plain(String::from_utf8_lossy(line).split_whitespace().next()?))
}

fn cannot_start(launch: &Launch, error: &std::io::Error) -> Error {
    let program = launch.program.display();
    let interpreter =
        interpreter_of(&launch.program).filter(|_| error.kind() == std::io::ErrorKind::NotFound);
    if let Some(interpreter) = interpreter {
        let what =
            format!("`{interpreter}`, which the first line of `{program}` names, is not on this machine");
        return Error::new(ErrorKind::Setup, what)
            .hint(format!("install `{interpreter}`, or name another there"));
    }
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
