//! Live sessions of a plugin: opened, fed, told of and closed.
use super::asked::Asked;
use super::calls::invalid;
use super::ready::Ready;
use super::{Answer, PATIENCE, Server, panics, read, runtime};
use crate::link::params_of;
use crate::protocol::{
    self, Failure, LiveEvent, LiveEvents, LiveInput, LiveInputs, LiveOpenParams, LiveSession, MOST_SOUND,
    RunToolParams,
};
use consort_core::{
    Cancel, CloseReason, Error, ErrorKind, RealtimeSession, SessionEvent, SessionEvents, SessionInput,
    SessionSink, ToolCall, ToolResult,
};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// The sessions that are open.
#[derive(Default)]
pub(super) struct Sessions {
    open: Mutex<HashMap<String, Arc<Open>>>,
    last: AtomicU64,
}

/// One session.
struct Open {
    id: String,
    sink: SessionSink,
    /// The calls of tools that the host was asked for.
    calls: Mutex<HashMap<String, Cancel>>,
    /// Whether `closed` was said.
    over: Mutex<bool>,
    ended: Condvar,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, id: &str) -> Option<Arc<Open>> {
        self.lock().get(id).cloned()
    }

    /// The host is gone.
    pub(super) fn end(&self) {
        self.lock().values().for_each(|open| open.sink.close());
    }
}

impl Server {
    /// `realtime/open`; nothing where it was answered already.
    pub(super) fn open_session(
        self: &Arc<Self>,
        ready: &Ready,
        asked: &Asked,
        params: &str,
    ) -> Option<Answer> {
        let session = match self.connect(ready, asked, params) {
            Ok(session) => session,
            Err(failure) => return Some(Err(failure)),
        };
        let RealtimeSession { sink, events } = session;
        let id = format!("s{}", self.sessions.last.fetch_add(1, Relaxed) + 1);
        let open = Arc::new(Open {
            id: id.clone(),
            sink,
            calls: Mutex::default(),
            over: Mutex::new(false),
            ended: Condvar::new(),
        });
        self.sessions.lock().insert(id.clone(), open.clone());
        if !asked.answer(Ok(json!(LiveSession { session: id.clone() }))) {
            // It was cancelled meanwhile: nobody knows of the session.
            self.sessions.lock().remove(&id);
            return None;
        }
        let (server, telling) = (self.clone(), open.clone());
        if let Err(error) = self.crew.run(move || server.tell_all(&telling, events)) {
            let error = Error::new(ErrorKind::Overloaded, error.to_string());
            self.over(&open, error.into());
        }
        None
    }

    fn connect(&self, ready: &Ready, asked: &Asked, params: &str) -> Answer<RealtimeSession> {
        let mut params: LiveOpenParams = read(params)?;
        let (secrets, meta) = (std::mem::take(&mut params.secrets), std::mem::take(&mut params.meta));
        let context = self.context(ready, asked, secrets, meta, None);
        let model = ready.realtime(&params.model).map_err(|error| Failure::from(&error))?;
        let config = params.into_config(&ready.plugin.card.id).map_err(invalid)?;
        let mut connecting = model.connect(config, context);
        let mut stop = std::pin::pin!(asked.cancel.cancelled());
        runtime::block_on(std::future::poll_fn(|cx| {
            if let Poll::Ready(session) = connecting.as_mut().poll(cx) {
                return Poll::Ready(session.map_err(|error| Failure::from(&error).into()));
            }
            stop.as_mut().poll(cx).map(|()| Err(Failure::from(&Error::cancelled()).into()))
        }))
    }

    /// `realtime/input`: handed on, by the thread that reads.
    pub(super) fn heard(&self, inputs: LiveInputs) {
        // What is sent to a session that just ended comes too late for anybody.
        let Some(open) = self.sessions.find(&inputs.session) else { return };
        for input in inputs.inputs {
            let read = serde_json::from_value::<LiveInput>(input).map_err(|error| error.to_string());
            match read.and_then(LiveInput::into_core) {
                Ok(Some(input)) => drop(open.sink.push(input)),
                Ok(None) => {}
                Err(wrong) => {
                    let error = Error::new(ErrorKind::InvalidRequest, wrong);
                    self.tell(&open, &SessionEvent::Error { error });
                }
            }
        }
    }

    /// `realtime/close`: answered when the session is over, however its model takes it.
    pub(super) fn close_session(&self, params: &str) -> Answer {
        let LiveSession { session } = read(params)?;
        let open = self.sessions.find(&session);
        let open = open.ok_or_else(|| invalid(format!("no session is open as `{session}`")))?;
        open.sink.close();
        let over = open.over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = open.ended.wait_timeout_while(over, PATIENCE, |over| !*over);
        drop(waited);
        // One that does not end by itself is ended all the same.
        self.over(&open, CloseReason::Asked);
        Ok(json!({}))
    }

    /// Tells all that happens, on a thread of its own.
    fn tell_all(self: &Arc<Self>, open: &Arc<Open>, mut events: SessionEvents) {
        let told = panics::caught(|| {
            runtime::block_on(async {
                let mut is_first = true;
                while let Some(event) = events.next().await {
                    match event {
                        // That it is connected says the answer to `realtime/open`.
                        SessionEvent::Connected { .. } if std::mem::take(&mut is_first) => {}
                        SessionEvent::ToolCall { call } => self.run_for(open, call),
                        SessionEvent::ToolCancelled { id } => open.stop_call(&id),
                        SessionEvent::Closed { reason } => return reason,
                        event => self.tell(open, &event),
                    }
                }
                CloseReason::Asked
            })
        });
        let reason = told.unwrap_or_else(|failure| failure.to_error().into());
        self.over(open, reason);
    }

    fn tell(&self, open: &Open, event: &SessionEvent) {
        if let SessionEvent::Audio { item, pcm, .. } = event
            && pcm.duration() > MOST_SOUND
        {
            for piece in pcm.pieces(MOST_SOUND) {
                self.tell(open, &SessionEvent::audio(item, piece));
            }
            return;
        }
        let over = open.over.lock().unwrap_or_else(PoisonError::into_inner);
        if !*over {
            self.write(open, event);
        }
    }

    fn write(&self, open: &Open, event: &SessionEvent) {
        if let Some(event) = LiveEvent::of(event) {
            let params = LiveEvents { session: open.id.as_str().into(), events: vec![event] };
            self.send(&protocol::notification("realtime/event", params));
        }
    }

    /// The last event, once.
    fn over(&self, open: &Open, reason: CloseReason) {
        self.sessions.lock().remove(&open.id);
        open.lock_calls().values().for_each(Cancel::cancel);
        let mut over = open.over.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *over, true) {
            self.write(open, &SessionEvent::Closed { reason });
            open.ended.notify_all();
        }
    }

    /// Has the host run a tool of the session.
    fn run_for(self: &Arc<Self>, open: &Arc<Open>, call: ToolCall) {
        let cancel = Cancel::default();
        open.lock_calls().insert(call.id.clone(), cancel.clone());
        let (server, open, id, name) = (self.clone(), open.clone(), call.id.clone(), call.name.clone());
        let refused = (open.clone(), id.clone(), name.clone());
        let begun = self.crew.run(move || {
            let wire = server.ready.get().map(|ready| ready.plugin.card.id.clone()).unwrap_or_default();
            let params = RunToolParams { session: Some(open.id.clone()), ..params_of(call) };
            let mut running = std::pin::pin!(server.link.run_tool(params, &wire));
            let mut stop = std::pin::pin!(cancel.cancelled());
            let output = runtime::block_on(std::future::poll_fn(|cx| {
                if let Poll::Ready(output) = running.as_mut().poll(cx) {
                    return Poll::Ready(Some(output));
                }
                stop.as_mut().poll(cx).map(|()| None)
            }));
            open.lock_calls().remove(&id);
            // One that was stopped has no result that anybody wants.
            let Some(output) = output else { return };
            open.give_result(&id, &name, output);
        });
        if let Err(error) = begun {
            let (open, id, name) = refused;
            open.give_result(&id, &name, Err(Error::new(ErrorKind::Overloaded, error.to_string())));
        }
    }
}

impl Open {
    fn lock_calls(&self) -> MutexGuard<'_, HashMap<String, Cancel>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_call(&self, id: &str) {
        if let Some(cancel) = self.lock_calls().remove(id) {
            cancel.cancel();
        }
    }

    /// A tool that could not be run is a result that says so: the model waits for one.
    fn give_result(&self, id: &str, name: &str, output: Result<consort_core::ToolOutput, Error>) {
        let output = output.unwrap_or_else(|error| consort_core::ToolOutput::failure(error.to_string()));
        let result = ToolResult {
            call_id: id.to_owned(),
            name: name.to_owned(),
            content: output.content,
            is_error: output.is_error,
        };
        // A session that ended meanwhile wants no result.
        let _ = self.sink.push(SessionInput::ToolResult { result });
    }
}
