//! Keeps the frames of both sides while a session is held.
use super::frames::{Frame, What};
use crate::link::{Arrived, Channel, Connect};
use consort_core::{BoxFuture, Context, Error};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll};
use std::time::Instant;

/// Where frames are kept. What cannot be written stops no session: it is told at the [end](Self::finish).
pub struct Recorder(Mutex<State>);

struct State {
    to: Box<dyn Write + Send>,
    begun: Option<Instant>,
    frames: usize,
    failed: Option<io::Error>,
}

impl Recorder {
    pub fn new(to: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(State { to: Box::new(to), begun: None, frames: 0, failed: None }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, what: What) {
        let mut state = self.lock();
        let begun = *state.begun.get_or_insert_with(Instant::now);
        let frame = Frame { at: Some(begun.elapsed()), what };
        let line = frame.to_json();
        let written = match state.frames {
            0 => writeln!(state.to, "{}\n{line}", json!({"format": "consort live frames", "version": 1})),
            _ => writeln!(state.to, "{line}"),
        };
        state.frames += 1;
        state.failed = state.failed.take().or(written.err());
    }

    /// Writes what waits, and says how many frames there are, or what went wrong first.
    pub fn finish(&self) -> io::Result<usize> {
        let mut state = self.lock();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        state.to.flush()?;
        Ok(state.frames)
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("frames", &self.lock().frames).finish_non_exhaustive()
    }
}

/// Connections whose frames are kept.
pub(crate) struct Recorded {
    pub(crate) below: Arc<dyn Connect>,
    pub(crate) recorder: Arc<Recorder>,
}

impl Connect for Recorded {
    fn connect(&self, context: Context) -> BoxFuture<'_, Result<Box<dyn Channel>, Error>> {
        Box::pin(async move {
            let below = self.below.connect(context).await?;
            self.recorder.keep(What::Open);
            let recorder = self.recorder.clone();
            Ok(Box::new(Kept { below, recorder, ended: false }) as Box<dyn Channel>)
        })
    }
}

struct Kept {
    below: Box<dyn Channel>,
    recorder: Arc<Recorder>,
    ended: bool,
}

impl Kept {
    /// The message as it may be kept.
    fn read(&self, message: &[u8]) -> Result<Value, String> {
        let text = self.below.hide(String::from_utf8_lossy(message).into_owned());
        let mut value = serde_json::from_str(&text).map_err(|_| text)?;
        hide_secrets(&mut value);
        Ok(value)
    }
}

impl Channel for Kept {
    fn say(&mut self, message: String) {
        if let Ok(value) = self.read(message.as_bytes()) {
            self.recorder.keep(What::Client(value));
        }
        self.below.say(message);
    }

    fn ping(&mut self) {
        self.below.ping();
    }

    fn poll_sent(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        self.below.poll_sent(cx)
    }

    fn poll_next(&mut self, cx: &mut task::Context<'_>) -> Poll<Arrived> {
        let arrived = task::ready!(self.below.poll_next(cx));
        match &arrived {
            Arrived::Message(message) => {
                self.recorder.keep(self.read(message).map_or_else(What::Garbage, What::Server));
            }
            Arrived::Ended { code, reason } if !std::mem::replace(&mut self.ended, true) => {
                self.recorder.keep(What::Close { code: *code, reason: reason.clone() });
            }
            Arrived::Ended { .. } | Arrived::Alive => {}
        }
        Poll::Ready(arrived)
    }

    fn poll_close(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        // An end that we want is none of the server's.
        self.ended = true;
        self.below.poll_close(cx)
    }

    fn complete(&self, error: Error) -> Error {
        self.below.complete(error)
    }

    fn hide(&self, text: String) -> String {
        self.below.hide(text)
    }
}

/// Keys of others may stand in a session's settings: those of servers of tools, say.
fn hide_secrets(value: &mut Value) {
    const NAMES: [&str; 6] =
        ["authorization", "api_key", "apikey", "access_token", "client_secret", "password"];
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if NAMES.contains(&key.to_lowercase().as_str()) && !value.is_null() {
                    *value = "***".into();
                } else {
                    hide_secrets(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide_secrets),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_of_others_is_not_kept() {
        let mut value = json!({"session": {"tools": [{"type": "mcp", "Authorization": "Bearer x"}], "client_secret": null}});
        hide_secrets(&mut value);
        let wanted =
            json!({"session": {"tools": [{"type": "mcp", "Authorization": "***"}], "client_secret": null}});
        assert_eq!(value, wanted);
    }
}
