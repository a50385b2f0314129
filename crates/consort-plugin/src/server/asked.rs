//! One request of the host's: it is answered once, whatever happens.
use super::{Answer, Out};
use crate::protocol::{self, Failure, GenerateResult, Id, WireEvent};
use consort_core::Cancel;
use serde::Serialize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One request that is open.
pub(super) struct Asked {
    pub(super) id: Id,
    pub(super) cancel: Cancel,
    /// Whether this is `generate`, which is told of a stop in its own way.
    pub(super) streams: bool,
    out: Arc<Out>,
    answered: Mutex<bool>,
    over: Condvar,
}

#[derive(Serialize)]
struct Line<'a> {
    jsonrpc: &'static str,
    method: &'static str,
    params: Params<'a>,
}

#[derive(Serialize)]
struct Params<'a> {
    request: &'a Id,
    events: &'a [WireEvent<'a>],
}

impl Asked {
    pub(super) fn new(id: Id, streams: bool, out: Arc<Out>) -> Self {
        Self {
            id,
            cancel: Cancel::default(),
            streams,
            out,
            answered: Mutex::new(false),
            over: Condvar::new(),
        }
    }

    /// Answers, unless that was done. Whether this is the answer.
    pub(super) fn answer(&self, answer: Answer) -> bool {
        let line = match &answer {
            Ok(result) => protocol::response(&self.id, result),
            Err(failure) => protocol::response_error(&self.id, failure),
        };
        let mut answered = self.lock();
        let is_first = !std::mem::replace(&mut *answered, true);
        if is_first {
            self.out.send(line.as_bytes());
            self.over.notify_all();
        }
        is_first
    }

    /// Answers that it was stopped.
    pub(super) fn stopped(&self) {
        self.answer(if self.streams {
            let finish_reason = Some("cancelled".to_owned());
            let result = GenerateResult { finish_reason, ..GenerateResult::default() };
            Ok(serde_json::to_value(result).unwrap_or_default())
        } else {
            Err(Failure::from(&consort_core::Error::cancelled()).into())
        });
    }

    /// Waits for the answer, but not longer than this. Whether it was given.
    pub(super) fn answered_within(&self, limit: Duration) -> bool {
        let waited = self.over.wait_timeout_while(self.lock(), limit, |answered| !*answered);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Hands events on, into a buffer that is used again. Nothing comes behind the answer.
    pub(super) fn events(&self, events: &[WireEvent<'_>], buffer: &mut Vec<u8>) {
        buffer.clear();
        let line =
            Line { jsonrpc: "2.0", method: "generate/event", params: Params { request: &self.id, events } };
        // Writing to memory fails on keys that are no texts only, and an event has none.
        if serde_json::to_writer(&mut *buffer, &line).is_err() {
            return;
        }
        buffer.push(b'\n');
        let answered = self.lock();
        if !*answered {
            self.out.send(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
