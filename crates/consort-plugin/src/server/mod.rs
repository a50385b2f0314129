//! The plugin's side of the protocol: reads lines, answers what is quick itself, and hands the rest to threads.
mod asked;
mod calls;
mod crew;
mod generate;
mod lines;
mod live;
mod out;
mod panics;
mod ready;
mod runtime;

pub(crate) use out::Out;
#[cfg(all(feature = "testing", feature = "tokio"))]
pub(crate) use runtime::block_on;

use crate::protocol::{self, Failure, Id, Incoming, MAX_MESSAGE, code};
use crate::{Link, Plugin};
use asked::Asked;
use crew::Crew;
use lines::{Line, Lines};
use live::Sessions;
use ready::Ready;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// How long code that was told to stop may take before the host is answered in its place. The host waits 5 s.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long requests may take to wind up when the host is gone.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// One plugin, served.
pub(crate) struct Server {
    out: Arc<Out>,
    link: Link,
    crew: Arc<Crew>,
    /// The plugin before it is started, and after.
    waiting: Mutex<Option<Plugin>>,
    ready: OnceLock<Ready>,
    open: Mutex<HashMap<Id, Arc<Asked>>>,
    sessions: Sessions,
}

impl Server {
    pub(crate) fn new(plugin: Plugin, to: Box<dyn Write + Send>) -> Self {
        let out = Arc::new(Out::new(to));
        Self {
            link: Link::new(out.clone()),
            out,
            crew: Arc::default(),
            waiting: Mutex::new(Some(plugin)),
            ready: OnceLock::new(),
            open: Mutex::default(),
            sessions: Sessions::default(),
        }
    }

    /// Serves until the host closes an end.
    pub(crate) fn serve(self, from: impl Read) -> io::Result<()> {
        panics::note_places();
        let server = Arc::new(self);
        let mut lines = Lines::new(from, MAX_MESSAGE);
        let ended = loop {
            match lines.next() {
                Ok(Some(_)) if server.link.is_deaf() => loop {
                    std::thread::park();
                },
                Ok(Some(Line::Whole(line))) => server.line(line),
                Ok(Some(Line::TooLong(head))) => server.too_long(&head),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if server.out.is_closed() {
                break Ok(());
            }
        };
        server.open().values().for_each(|asked| asked.cancel.cancel());
        server.sessions.end();
        server.link.close();
        server.crew.settle(LAST_WORDS);
        ended
    }

    fn line(self: &Arc<Self>, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let read = std::str::from_utf8(line).map_err(|_| "it is no UTF-8".to_owned());
        match read.and_then(Incoming::read) {
            Ok(Incoming::Request { id, method, params }) => self.request(id, &method, params),
            Ok(Incoming::Notification { method, params }) => self.notified(&method, params),
            Ok(Incoming::Answer { id, result }) => self.link.answered(&id, result),
            Err(what) => {
                let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
                let code = if is_json { code::INVALID_REQUEST } else { code::PARSE };
                self.refuse(line, &Failure::new(code, format!("a line is no message: {what}")));
            }
        }
    }

    fn too_long(&self, head: &[u8]) {
        let message = format!("a line was longer than {} MiB", MAX_MESSAGE >> 20);
        self.refuse(head, &Failure::new(code::INVALID_REQUEST, message));
    }

    /// Refuses a line that could not be read, under its id where that can be told.
    fn refuse(&self, line: &[u8], failure: &Failure) {
        if let Some(id) = id_in(line) {
            self.send(&protocol::response_error(&id, failure));
        } else {
            let failure = json!({"jsonrpc": "2.0", "id": null, "error": failure});
            self.send(&format!("{failure}\n"));
        }
    }

    fn request(self: &Arc<Self>, id: Id, method: &str, params: Option<&RawValue>) {
        match method {
            // Answered here, so that it is answered while all requests are at work.
            "ping" | "shutdown" => return self.send(&protocol::response(&id, json!({}))),
            _ if !calls::METHODS.contains(&method) => {
                let failure = Failure::new(code::UNKNOWN_METHOD, format!("there is no method `{method}`"));
                return self.send(&protocol::response_error(&id, &failure));
            }
            _ => {}
        }
        let asked = Arc::new(Asked::new(id.clone(), method == "generate", self.out.clone()));
        {
            let mut open = self.open();
            if open.contains_key(&id) {
                let failure = Failure::new(code::INVALID_REQUEST, "a request with this id is open");
                return self.send(&protocol::response_error(&id, &failure));
            }
            open.insert(id.clone(), asked.clone());
        }
        let params = params.map(RawValue::get).filter(|text| *text != "null").unwrap_or("{}").to_owned();
        let (server, method) = (self.clone(), method.to_owned());
        let (job, link) = (asked.clone(), self.link.of_request(&id));
        let started = self.crew.run(move || {
            let work = || link.during(|| server.call(&job, &method, &params));
            let answer = panics::caught(work).unwrap_or_else(|failure| Some(Err(failure)));
            if let Some(answer) = answer {
                job.answer(answer);
            }
            server.open().remove(&job.id);
        });
        if let Err(error) = started {
            self.open().remove(&id);
            let error = consort_core::Error::new(consort_core::ErrorKind::Overloaded, error.to_string());
            asked.answer(Err(Failure::from(&error).into()));
        }
    }

    fn notified(self: &Arc<Self>, method: &str, params: Option<&RawValue>) {
        let text = params.map_or("{}", RawValue::get);
        match method {
            "cancel" => {
                #[derive(Deserialize)]
                struct Cancelled {
                    request: Id,
                }
                if let Ok(Cancelled { request }) = serde_json::from_str(text) {
                    self.cancel(&request);
                }
            }
            "http/data" => {
                if let Ok(data) = serde_json::from_str(text) {
                    self.link.body(data);
                }
            }
            "realtime/input" => {
                if let Ok(inputs) = serde_json::from_str(text) {
                    self.heard(inputs);
                }
            }
            _ => {}
        }
    }

    /// Stops a request. Code that does not look up is answered for.
    fn cancel(&self, id: &Id) {
        let Some(asked) = self.open().get(id).cloned() else { return };
        asked.cancel.cancel();
        let (late, link) = (asked.clone(), self.link.clone());
        let watched = self.crew.run(move || {
            if !late.answered_within(PATIENCE) {
                late.stopped();
                link.log("warning", "a request that was cancelled is still at work: its code blocks");
            }
        });
        if watched.is_err() {
            asked.stopped();
        }
    }

    fn send(&self, line: &str) {
        self.out.send(line.as_bytes());
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Id, Arc<Asked>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request comes to.
type Answer<T = serde_json::Value> = Result<T, Box<Failure>>;

/// Reads parameters. What is wrong with them is said.
fn read<T: DeserializeOwned>(params: &str) -> Answer<T> {
    serde_json::from_str(params).map_err(|error| Failure::new(code::INVALID_PARAMS, error.to_string()).into())
}

/// The id of a line that cannot be read whole: what stands behind `"id":` before the parameters.
fn id_in(line: &[u8]) -> Option<Id> {
    let text = String::from_utf8_lossy(line.get(..256).unwrap_or(line)).into_owned();
    let head = text.split("\"params\"").next()?;
    let (_, rest) = head.split_once("\"id\":")?;
    let mut values = serde_json::Deserializer::from_str(rest.trim_start()).into_iter::<Id>();
    // A number at the very end may be cut.
    let id = values.next()?.ok()?;
    (values.byte_offset() < rest.trim_start().len()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_broken_line_is_found() {
        assert_eq!(id_in(br#"{"jsonrpc":"2.0","id":7,"method":"generate","par"#), Some(Id::Number(7)));
        assert_eq!(id_in(br#"{"id": "a", "method"#), Some(Id::Text("a".into())));
        for none in [r#"{"method":"x","params":{"id":3,"#, r#"{"id":12"#, "hello", "", r#"{"id":{}}"#] {
            assert_eq!(id_in(none.as_bytes()), None, "{none}");
        }
    }
}
