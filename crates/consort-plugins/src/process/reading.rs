//! What comes from a process, line by line: answers, events, and what is none of both.
use super::answer::Budget;
use super::connection::{Connection, Pending};
use super::odd::{Slip, no_text};
use consort_core::{Error, ErrorKind};
use consort_plugin::protocol::{self, EventBatch, Failure, Incoming, LogParams, code};
use consort_process::{Line, Lines, Writer};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::AsyncRead;

/// So many lines that are no protocol, and the plugin is stopped.
const MOST_STRAY: usize = 100;

/// Whose reader is behind.
pub(super) enum Slow {
    Answer(u64, Arc<Budget>),
    /// A session: nobody waits for its caller.
    Session,
}

/// What comes and nobody waits for. Of that much is read slowly: a flood costs its writer
/// and not us.
#[derive(Default)]
struct Flood(usize);

impl Flood {
    async fn add(&mut self, bytes: usize) {
        const MOST: usize = 256 << 10;
        const LINE: usize = 128;
        const REST: Duration = Duration::from_millis(100);
        self.0 += bytes + LINE;
        if self.0 > MOST {
            self.0 = 0;
            tokio::time::sleep(REST).await;
        }
    }
}

impl Connection {
    /// Reads until the process closes its end.
    pub(super) async fn read(self: Arc<Self>, from: impl AsyncRead + Unpin) {
        let mut lines = Lines::new(from, protocol::MAX_MESSAGE);
        let mut flood = Flood::default();
        loop {
            let slow = match lines.next().await {
                Ok(Some(Line::Whole(line))) => {
                    let awaited = self.awaited.load(Relaxed);
                    let slow = self.line(line);
                    if self.awaited.load(Relaxed) == awaited {
                        flood.add(line.len()).await;
                    }
                    slow
                }
                Ok(Some(Line::Passing(bytes))) => {
                    flood.add(bytes).await;
                    None
                }
                Ok(Some(Line::TooLong)) => {
                    self.too_long();
                    None
                }
                Ok(None) | Err(_) => return,
            };
            match slow {
                Some(Slow::Answer(id, budget)) if !budget.room().await => self.too_slow(id),
                // Whoever is about to read it comes to do so.
                Some(Slow::Session) => tokio::task::yield_now().await,
                _ => {}
            }
        }
    }

    /// Handles one line. Names what has a reader that is behind, where that is so.
    fn line(self: &Arc<Self>, line: &[u8]) -> Option<Slow> {
        let text = match std::str::from_utf8(line) {
            Ok(text) => text,
            Err(error) => {
                self.stray(Some(&Slip::NoText), &no_text(line, error.valid_up_to()));
                return None;
            }
        };
        // Some libraries write one before each line.
        let text = text.strip_prefix('\u{feff}').map_or(text, |rest| {
            self.note(&Slip::Mark, rest);
            rest
        });
        if text.trim().is_empty() {
            return None;
        }
        match Incoming::read(text) {
            Err(why) if self.unread_answer(text, &why) => None,
            Err(why) => {
                self.stray(Slip::of_line(text, why).as_ref(), text);
                None
            }
            Ok(Incoming::Notification { method, params }) => self.notified(&method, params, text.len()),
            Ok(Incoming::Answer { id, result }) => {
                self.answered(&id, result, text);
                None
            }
            Ok(Incoming::Request { id, method, params }) => {
                self.requested(id, method.into_owned(), params);
                None
            }
        }
    }

    /// A line that is no message. What somebody printed belongs to the log; what was meant for the host is told.
    fn stray(&self, slip: Option<&Slip>, text: &str) {
        if let Some(slip) = slip
            && !self.odd(text, |_| slip.clone())
        {
            self.note(slip, text);
        }
        self.log.add(Writer::Stdout, &format!("stray output: {text}"));
        if self.stray.fetch_add(1, Relaxed) + 1 >= MOST_STRAY {
            self.wish.kill("it prints to its stdout, which belongs to the protocol");
        }
    }

    /// Notes in all answers that are open that this came. False where none is.
    pub(super) fn odd(&self, got: &str, slip: impl Fn(u64) -> Slip) -> bool {
        let mut open = self.lock();
        let mut noted = false;
        for (id, pending) in &mut open.requests {
            if let Pending::Answer(sink) = pending {
                sink.odd.note(&slip(*id), got);
                noted = true;
            }
        }
        noted
    }

    /// An event came of a request that is not open.
    fn event_of_no_request(&self, sent: u64, got: &str) {
        if self.lock().is_answered(sent) {
            self.note(&Slip::Behind(sent), got);
        }
        let is_past = sent < self.next.load(Relaxed);
        self.odd(got, |asked| Slip::Request { sent: sent.to_string(), asked: Some(asked), is_past });
    }

    fn notified(&self, method: &str, params: Option<&RawValue>, bytes: usize) -> Option<Slow> {
        let text = params.map_or("{}", RawValue::get);
        match method {
            "generate/event" => match EventBatch::read(text) {
                Ok((batch, unread)) => {
                    for error in &unread {
                        self.log.add(Writer::Host, &format!("an event could not be read: {error}"));
                    }
                    let mut open = self.lock();
                    let id = batch.request;
                    match open.requests.get_mut(&id) {
                        Some(Pending::Answer(sink)) => {
                            self.awaited.fetch_add(1, Relaxed);
                            let slow = sink.events(batch.events, &unread, bytes, text);
                            return slow.map(|budget| Slow::Answer(id, budget));
                        }
                        // Nobody waits for it any more.
                        Some(_) => {}
                        None => {
                            drop(open);
                            self.event_of_no_request(id, text);
                        }
                    }
                }
                Err(error) => {
                    self.log.add(Writer::Host, &format!("an event could not be read: {error}"));
                    self.odd(&format!("{error}: {text}"), |_| Slip::Unread);
                }
            },
            "realtime/event" => return self.session_events(text),
            "log" => {
                if let Ok(LogParams { level, message }) = serde_json::from_str(text) {
                    self.log_text(&format!("{level}: {message}"));
                }
            }
            "cancel" => self.cancelled(text),
            "models/changed" => {
                self.changed.store(true, Relaxed);
                (self.on_change)();
            }
            _ if method.starts_with("x-") => {}
            _ => {
                self.odd(text, |_| Slip::Method(method.to_owned()));
            }
        }
        None
    }

    /// A line was too long: where one request alone is open, it was meant.
    fn too_long(&self) {
        self.log.add(
            Writer::Host,
            &format!("a line of more than {} MiB was passed over", protocol::MAX_MESSAGE >> 20),
        );
        let mut open = self.lock();
        if open.requests.len() != 1 {
            return;
        }
        let Some((_, pending)) = open.requests.drain().next() else { return };
        drop(open);
        let message = format!("the plugin sent more than {} MiB in one line", protocol::MAX_MESSAGE >> 20);
        self.fail_one(pending, Failure::new(code::INVALID_REQUEST, message));
    }

    fn too_slow(self: &Arc<Self>, id: u64) {
        let pending = self.lock().requests.remove(&id);
        if let Some(Pending::Answer(sink)) = pending {
            let error = Error::new(ErrorKind::Interrupted, "the answer was not read for ten seconds");
            sink.fail(self.named(error));
            self.send(protocol::notification("cancel", json!({"request": id})));
        }
    }
}
