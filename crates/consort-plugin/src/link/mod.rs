//! The way back to the host: what a plugin may ask it for.
mod ask;
mod http;

pub use http::{HttpBody, HttpResponse};

use crate::protocol::{
    self, Content, Failure, HttpData, HttpRequest, Id, LogParams, RunToolParams, SecretParams, SecretResult,
    ToolResultContent, code,
};
use crate::server::Out;
use ask::{Answer, Slot};
use consort_core::{BoxFuture, Error, ErrorKind, RunTool, Secret, ToolCall, ToolOutput};
use http::Pieces;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The way back to the host. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
    /// The host's request that is being answered.
    request: Option<Id>,
}

struct Shared {
    out: Arc<Out>,
    next: AtomicU64,
    open: Mutex<Open>,
    deaf: AtomicBool,
}

#[derive(Default)]
struct Open {
    answers: HashMap<String, Arc<Slot>>,
    bodies: HashMap<String, Arc<Pieces>>,
    gone: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Link>> = const { RefCell::new(None) };
}

impl Link {
    /// The host whose request is being answered on this thread. Nothing in a host of one's own, which has no
    /// protocol; take it before the first `.await` that may go on elsewhere.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    pub(crate) fn new(out: Arc<Out>) -> Self {
        let shared =
            Shared { out, next: AtomicU64::new(1), open: Mutex::default(), deaf: AtomicBool::new(false) };
        Self { shared: Arc::new(shared), request: None }
    }

    /// The same, for one request.
    pub(crate) fn of_request(&self, id: &Id) -> Self {
        Self { shared: self.shared.clone(), request: Some(id.clone()) }
    }

    /// Makes this the current one for as long as `work` takes.
    pub(crate) fn during<T>(self, work: impl FnOnce() -> T) -> T {
        struct Back(Option<Link>);
        impl Drop for Back {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _back = Back(CURRENT.replace(Some(self)));
        work()
    }

    /// A key that the user granted to this plugin.
    pub async fn secret(&self, name: &str) -> Result<Secret, Error> {
        self.secret_or_failure(name).await.map_err(|failure| failure.to_error())
    }

    pub(crate) async fn secret_or_failure(&self, name: &str) -> Result<Secret, Failure> {
        let wanted = SecretParams { name: name.to_owned(), env: None };
        let SecretResult { value } = self.call("secrets/get", wanted).await?;
        Ok(Secret::new(value))
    }

    /// A line in the plugin's log.
    pub fn log(&self, level: &str, message: impl Into<String>) {
        self.notify("log", LogParams { level: level.to_owned(), message: message.into() });
    }

    /// The list of models is another now.
    pub fn models_changed(&self) {
        self.notify("models/changed", serde_json::json!({}));
    }

    /// Makes an HTTP request through the host, to one of the hosts that the manifest names. `${secret:NAME}` in
    /// headers and query is filled in there.
    pub async fn http(&self, mut request: HttpRequest) -> Result<HttpResponse, Error> {
        request.request = self.request.as_ref().and_then(|id| serde_json::to_value(id).ok());
        let id = self.next_id();
        let pieces = Arc::new(Pieces::default());
        self.open().bodies.insert(id.clone(), pieces.clone());
        let body = HttpBody::new(self.clone(), id.clone(), pieces);
        let head: Result<protocol::HttpResult, Failure> = self.call_as(id, "http/request", request).await;
        let head = head.map_err(|failure| {
            // There is no body to withdraw.
            body.ended();
            failure.to_error()
        })?;
        Ok(HttpResponse { status: head.status, headers: head.headers, body })
    }

    /// Has the host run a tool.
    pub(crate) async fn run_tool(&self, params: RunToolParams, wire: &str) -> Result<ToolOutput, Error> {
        let result: ToolResultContent =
            self.call("tools/run", params).await.map_err(|failure| failure.to_error())?;
        let content = result.content.into_iter().map(|part: Content| part.into_core(wire));
        let content = content.collect::<Result<_, _>>().map_err(Error::protocol)?;
        Ok(ToolOutput { content, is_error: result.is_error })
    }

    async fn call<T: DeserializeOwned>(&self, method: &str, params: impl Serialize) -> Result<T, Failure> {
        self.call_as(self.next_id(), method, params).await
    }

    async fn call_as<T: DeserializeOwned>(
        &self,
        id: String,
        method: &str,
        params: impl Serialize,
    ) -> Result<T, Failure> {
        let slot = Arc::new(Slot::default());
        {
            let mut open = self.open();
            if open.gone {
                return Err(gone());
            }
            open.answers.insert(id.clone(), slot.clone());
        }
        let line = protocol::request(&Id::Text(id.clone()), method, params);
        self.shared.out.send(line.as_bytes());
        let raw = Answer::new(self.clone(), id, slot).await?;
        serde_json::from_str(raw.get()).map_err(|error| {
            let message = format!("the host's answer to `{method}` could not be read: {error}");
            Failure::from(&Error::protocol(message))
        })
    }

    fn next_id(&self) -> String {
        format!("p{}", self.shared.next.fetch_add(1, Relaxed))
    }

    fn notify(&self, method: &str, params: impl Serialize) {
        self.shared.out.send(protocol::notification(method, params).as_bytes());
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host answered one of the plugin's requests.
    pub(crate) fn answered(&self, id: &Id, result: Result<&RawValue, Failure>) {
        let Id::Text(id) = id else { return };
        let slot = self.open().answers.remove(id);
        if let Some(slot) = slot {
            slot.fill(result.map(RawValue::to_owned));
        }
    }

    /// A piece of a body came.
    pub(crate) fn body(&self, data: HttpData) {
        let Some(id) = data.request.as_str() else { return };
        let pieces = self.open().bodies.get(id).cloned();
        if let Some(pieces) = pieces {
            pieces.push(data);
        }
    }

    /// The host is gone: nothing more will be answered.
    pub(crate) fn close(&self) {
        let (answers, bodies) = {
            let mut open = self.open();
            open.gone = true;
            (std::mem::take(&mut open.answers), std::mem::take(&mut open.bodies))
        };
        answers.into_values().for_each(|slot| slot.fill(Err(gone())));
        for pieces in bodies.into_values() {
            pieces.push(HttpData { error: Some(gone()), ..HttpData::default() });
        }
    }

    /// Nobody waits for this any more.
    fn withdraw(&self, id: &str) {
        let mut open = self.open();
        let waited = open.answers.remove(id).is_some() | open.bodies.remove(id).is_some();
        drop(open);
        if waited {
            self.notify("cancel", serde_json::json!({"request": id}));
        }
    }

    /// Writes a line as it is, right or wrong: for plugins that test their host.
    #[doc(hidden)]
    pub fn write_raw(&self, line: &str) {
        self.shared.out.send(line.as_bytes());
    }

    /// Stops reading what the host sends: for plugins that test their host.
    #[doc(hidden)]
    pub fn go_deaf(&self) {
        self.shared.deaf.store(true, Relaxed);
    }

    pub(crate) fn is_deaf(&self) -> bool {
        self.shared.deaf.load(Relaxed)
    }

    /// The id of the host's request that is being answered.
    #[doc(hidden)]
    pub fn request(&self) -> Option<&Id> {
        self.request.as_ref()
    }
}

/// The host's tools, for a model that wants their results inside its answer.
pub(crate) struct HostTools {
    pub(crate) link: Link,
    pub(crate) wire: String,
}

impl RunTool for HostTools {
    fn run(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        Box::pin(async move {
            let request = serde_json::to_value(&self.link.request).unwrap_or_default();
            let params = RunToolParams { request, ..params_of(call) };
            self.link.run_tool(params, &self.wire).await
        })
    }
}

/// A call as the host is asked for it.
pub(crate) fn params_of(call: ToolCall) -> RunToolParams {
    let arguments = call.arguments.value().unwrap_or_else(|_| call.arguments.raw().into());
    RunToolParams { id: call.id, name: call.name, arguments, ..RunToolParams::default() }
}

fn gone() -> Failure {
    Failure { code: code::CANCELLED, ..Failure::from(&Error::new(ErrorKind::Cancelled, "the host is gone")) }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("request", &self.request).finish_non_exhaustive()
    }
}
