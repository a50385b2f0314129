//! Stands for a host: speaks to a plugin over pipes, and judges every line of both sides.
use super::Transcript;
use crate::protocol::{
    self, Content, EventReader, Failure, GenerateResult, HostCapabilities, Id, Incoming, InitializeParams,
    Limits, MAX_MESSAGE, Peer, RunToolParams, SecretParams, ToolResultContent, VERSION, code,
};
use crate::{Plugin, serve_on};
use consort_core::{Event, Object};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A host for tests: one plugin, asked one thing after the other.
///
/// It has the keys that it is given, answers `tools/run` with the call's arguments, and knows no HTTP.
#[derive(Debug)]
pub struct Driver {
    /// Where lines go; nothing when they were ended.
    to: Option<Box<dyn WriteDebug>>,
    lines: Receiver<String>,
    child: Option<Child>,
    next: u64,
    secrets: HashMap<String, String>,
    transcript: Transcript,
    /// What was wrong with lines, by the schema.
    wrong: Vec<String>,
    limit: Duration,
    /// Events of live sessions that nobody asked for yet, each with its session.
    live: Vec<(String, Value)>,
}

trait WriteDebug: Write + Send + std::fmt::Debug {}
impl<T: Write + Send + std::fmt::Debug> WriteDebug for T {}

/// What `generate` gave.
#[derive(Debug)]
pub struct Answered {
    /// The plugin's events as they came.
    pub raw: Vec<Value>,
    /// The same as the contract's, with the end from the answer.
    pub events: Vec<Event>,
    pub result: Result<GenerateResult, Box<Failure>>,
}

impl Answered {
    /// All text of the answer.
    pub fn text(&self) -> String {
        let mut fold = consort_core::Accumulator::default();
        self.events.iter().cloned().for_each(|event| fold.push(event));
        fold.partial().text()
    }
}

impl Driver {
    /// Serves the plugin on a thread of this process, and speaks to it.
    pub fn of_plugin(plugin: Plugin) -> io::Result<Self> {
        let (from_host, to_plugin) = io::pipe()?;
        let (from_plugin, to_host) = io::pipe()?;
        std::thread::spawn(move || serve_on(plugin, from_host, to_host));
        Ok(Self::over(from_plugin, to_plugin))
    }

    /// Starts an executable, and speaks to it. Its stderr is this process's.
    pub fn of_command(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdout.take().zip(child.stdin.take());
        let (from, to) = pipes.ok_or_else(|| io::Error::other("the process has no pipes"))?;
        let mut driver = Self::over(from, to);
        driver.child = Some(child);
        Ok(driver)
    }

    fn over(from: impl Read + Send + 'static, to: impl Write + Send + std::fmt::Debug + 'static) -> Self {
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines() {
                let Ok(line) = line else { return };
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            to: Some(Box::new(to)),
            lines,
            child: None,
            next: 1,
            secrets: HashMap::new(),
            transcript: Transcript::default(),
            wrong: Vec::new(),
            limit: Duration::from_secs(30),
            live: Vec::new(),
        }
    }

    /// Grants a key.
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// How long an answer may take; 30 s where nothing is said.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What was wrong with the lines so far, by the protocol's schema.
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Shakes hands.
    pub fn initialize(&mut self) -> Result<Value, Box<Failure>> {
        let folder = std::env::temp_dir().to_string_lossy().into_owned();
        let params = InitializeParams {
            protocol_version: VERSION,
            host: Peer { name: "driver".into(), version: env!("CARGO_PKG_VERSION").into() },
            capabilities: HostCapabilities { http: false, memory: false, secrets: true, tools: true },
            limits: Limits { max_message_bytes: MAX_MESSAGE },
            data_dir: folder,
            config: json!({}),
        };
        self.call("initialize", params)
    }

    /// Asks, and waits for the answer.
    pub fn call(&mut self, method: &str, params: impl Serialize) -> Result<Value, Box<Failure>> {
        let id = self.ask(method, params);
        let mut events = Vec::new();
        self.answer(id, &mut events)
    }

    /// Asks a model, and waits for all of its answer.
    pub fn generate(&mut self, params: impl Serialize) -> Answered {
        let id = self.ask("generate", params);
        self.answered(id)
    }

    /// Sends a request. Its id says what to wait for.
    pub fn ask(&mut self, method: &str, params: impl Serialize) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send(&protocol::request(&Id::Number(id), method, params));
        id
    }

    /// Cancels a request.
    pub fn cancel(&mut self, id: u64) {
        self.send(&protocol::notification("cancel", json!({"request": id})));
    }

    /// Waits for all of the answer to a `generate`.
    pub fn answered(&mut self, id: u64) -> Answered {
        let mut raw = Vec::new();
        let result = self.answer(id, &mut raw);
        let (mut reader, mut events) = (EventReader::new("plugin:driver"), Vec::new());
        for event in &raw {
            if let Ok(event) = serde_json::from_str(&event.to_string()) {
                reader.read(event, &mut events);
            }
        }
        let read = |value| {
            serde_json::from_value::<GenerateResult>(value).map_err(|error| {
                Failure::new(code::INTERNAL, format!("the answer cannot be read: {error}")).into()
            })
        };
        let result = result.and_then(read);
        if let Ok(result) = &result {
            reader.finish(result.clone(), &mut events);
        }
        Answered { raw, events, result }
    }

    /// The events of a live session up to one of this type; fewer where it does not come in time.
    pub fn heard(&mut self, session: &str, until: &str) -> Vec<Value> {
        let deadline = Instant::now() + self.limit;
        loop {
            let is_mine = |(of, _): &&(String, Value)| of == session;
            let mut mine = self.live.iter().filter(is_mine);
            let left = deadline.saturating_duration_since(Instant::now());
            if mine.any(|(_, event)| event["type"] == until) || !self.step(left) {
                break;
            }
        }
        let mut found = false;
        let mine = self.live.extract_if(.., |(of, event)| {
            let take = of.as_str() == session && !found;
            found |= take && event["type"] == until;
            take
        });
        mine.map(|(_, event)| event).collect()
    }

    /// Reads one line, and serves what it asks for. False where none came.
    fn step(&mut self, limit: Duration) -> bool {
        let Some(line) = self.line(limit) else { return false };
        self.take(&line);
        true
    }

    /// Takes a line that is no answer.
    fn take(&mut self, line: &str) {
        match Incoming::read(line) {
            Ok(Incoming::Notification { method, params }) if method == "realtime/event" => {
                let params: Object =
                    params.and_then(|p| serde_json::from_str(p.get()).ok()).unwrap_or_default();
                let session = params.get("session").and_then(Value::as_str).unwrap_or_default().to_owned();
                if let Some(Value::Array(events)) = params.get("events") {
                    self.live.extend(events.iter().map(|event| (session.clone(), event.clone())));
                }
            }
            Ok(Incoming::Request { id, method, params }) => {
                let answer = self.serve(&method, params.map_or("{}", |params| params.get()));
                let line = match answer {
                    Ok(result) => protocol::response(&id, result),
                    Err(failure) => protocol::response_error(&id, &failure),
                };
                self.send(&line);
            }
            _ => {}
        }
    }

    /// Sends a line as it is.
    pub fn send(&mut self, line: &str) {
        if let Err(wrong) = self.transcript.from_host(line) {
            self.wrong.push(format!("of the host: {wrong}"));
        }
        self.send_unjudged(line);
    }

    /// Sends a line that is meant to be wrong.
    pub fn send_unjudged(&mut self, line: &str) {
        if let Some(to) = &mut self.to {
            // A plugin that is gone is seen by its end of output.
            let _ = to.write_all(line.as_bytes()).and_then(|()| to.flush());
        }
    }

    /// The next line of the plugin's, where what was sent was meant to be wrong.
    pub fn line_unjudged(&mut self, limit: Duration) -> Option<String> {
        self.lines.recv_timeout(limit).ok()
    }

    /// The next line of the plugin's, judged; `None` when there is none within the limit, or no plugin any more.
    pub fn line(&mut self, limit: Duration) -> Option<String> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => {
                if let Err(wrong) = self.transcript.from_plugin(&line) {
                    self.wrong.push(format!("of the plugin: {wrong}"));
                }
                Some(line)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Ends stdin, and waits for the plugin's end. A process that does not end is killed; its code is given.
    pub fn finish(mut self) -> io::Result<Option<i32>> {
        self.to = None;
        let until = Instant::now() + Duration::from_secs(5);
        let Some(child) = &mut self.child else { return Ok(None) };
        while Instant::now() < until {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill()?;
        Err(io::Error::other("the plugin did not end with its stdin"))
    }

    /// Reads up to the answer of this request.
    fn answer(&mut self, id: u64, events: &mut Vec<Value>) -> Result<Value, Box<Failure>> {
        let until = Instant::now() + self.limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Some(line) = self.line(left) else {
                return Err(Failure::new(code::INTERNAL, format!("no answer within {:?}", self.limit)).into());
            };
            match Incoming::read(&line) {
                Ok(Incoming::Answer { id: Id::Number(answered), result }) if answered == id => {
                    let result = result?;
                    return Ok(serde_json::from_str(result.get()).unwrap_or_default());
                }
                Ok(Incoming::Notification { method, params }) if method == "generate/event" => {
                    let params: Object =
                        params.and_then(|p| serde_json::from_str(p.get()).ok()).unwrap_or_default();
                    if params.get("request") == Some(&id.into())
                        && let Some(Value::Array(more)) = params.get("events")
                    {
                        events.extend(more.iter().cloned());
                    }
                }
                _ => self.take(&line),
            }
        }
    }

    /// What the plugin asks for.
    fn serve(&self, method: &str, params: &str) -> Result<Value, Box<Failure>> {
        let bad = |error: serde_json::Error| Failure::new(code::INVALID_PARAMS, error.to_string());
        match method {
            "ping" => Ok(json!({})),
            "secrets/get" => {
                let SecretParams { name, .. } = serde_json::from_str(params).map_err(bad)?;
                let value = self.secrets.get(&name);
                let value = value.ok_or_else(|| {
                    Failure::new(code::NOT_GRANTED, format!("the key `{name}` was not granted"))
                })?;
                Ok(json!({"value": value}))
            }
            "tools/run" => {
                let call: RunToolParams = serde_json::from_str(params).map_err(bad)?;
                let content = vec![Content::text(call.arguments.to_string())];
                Ok(json!(ToolResultContent { content, is_error: false }))
            }
            _ => {
                Err(Failure::new(code::UNKNOWN_METHOD, format!("this host has no method `{method}`")).into())
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // One that ended already is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
