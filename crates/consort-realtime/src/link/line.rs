//! A connection with what waits to be said on it, and whether it is still alive.
use super::channel::Channel;
use consort_core::{Clock, Error};
use consort_providers::Arrived;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

/// So many messages wait here before no more inputs are taken: those wait in the session, where sound has its bounds.
const MOST_WAITING: usize = 32;
/// After so much silence the other side is asked whether it lives.
const QUIET: Duration = Duration::from_secs(20);
/// After so much silence it does not. Some vendors take half a minute to answer a ping.
const DEAD: Duration = Duration::from_secs(75);
/// How long a goodbye may take.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

/// What is waited for on a line.
enum Next {
    Came(Arrived),
    /// It takes more again.
    Calm,
    Alarm,
}

pub(super) struct Line {
    channel: Box<dyn Channel>,
    waiting: VecDeque<String>,
    clock: Arc<dyn Clock>,
    since: Instant,
    /// When something last came.
    heard: Instant,
    asked: bool,
}

impl Line {
    pub(super) fn new(channel: Box<dyn Channel>, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        Self { channel, waiting: VecDeque::new(), clock, since: now, heard: now, asked: false }
    }

    pub(super) fn say(&mut self, messages: Vec<String>) {
        self.waiting.extend(messages);
    }

    /// Whether it takes more.
    pub(super) fn is_calm(&self) -> bool {
        self.waiting.len() < MOST_WAITING
    }

    pub(super) fn age(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.since)
    }

    pub(super) fn complete(&self, error: Error) -> Error {
        self.channel.complete(error)
    }

    pub(super) fn hide(&self, text: String) -> String {
        self.channel.hide(text)
    }

    /// What comes next. What waits is sent meanwhile, and a side that says nothing for long is asked whether it lives.
    /// A sign of life is told when it takes more again: nothing else may come.
    pub(super) async fn next(&mut self) -> Arrived {
        let was_calm = self.is_calm();
        loop {
            let silent = self.clock.now().saturating_duration_since(self.heard);
            if silent >= QUIET && !std::mem::replace(&mut self.asked, true) {
                self.channel.ping();
            }
            let left = if silent < QUIET { QUIET } else { DEAD }.saturating_sub(silent);
            let mut alarm = self.clock.sleep(left);
            // What waits there already comes before any alarm: it may be that nobody looked for long.
            let next = poll_fn(|cx| match self.poll(cx) {
                Poll::Ready(arrived) => Poll::Ready(Next::Came(arrived)),
                Poll::Pending if !was_calm && self.is_calm() => Poll::Ready(Next::Calm),
                Poll::Pending => alarm.as_mut().poll(cx).map(|()| Next::Alarm),
            });
            match next.await {
                Next::Came(arrived) => {
                    (self.heard, self.asked) = (self.clock.now(), false);
                    if arrived != Arrived::Alive {
                        return arrived;
                    }
                }
                Next::Calm => return Arrived::Alive,
                Next::Alarm if silent + left < DEAD => {}
                Next::Alarm => {
                    let reason = format!("nothing came for {} s", DEAD.as_secs());
                    return Arrived::Ended { code: None, reason };
                }
            }
        }
    }

    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Arrived> {
        // What came is told, even where what was to be sent can no longer be.
        let _ = self.poll_sent(cx);
        self.channel.poll_next(cx)
    }

    /// Sends what waits, one message after the other.
    fn poll_sent(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        loop {
            std::task::ready!(self.channel.poll_sent(cx));
            match self.waiting.pop_front() {
                Some(message) => self.channel.say(message),
                None => return Poll::Ready(()),
            }
        }
    }

    /// Sends what waits, says goodbye, and waits for the other side's: a server that still holds a session refuses to hand it
    /// to another connection. What it still says is told.
    pub(super) async fn close(mut self, mut tell: impl FnMut(&[u8])) -> Self {
        let mut limit = self.clock.sleep(GOODBYE);
        let mut is_closed = false;
        let goodbye = poll_fn(|cx| {
            if !is_closed && self.poll_sent(cx).is_ready() {
                is_closed = self.channel.poll_close(cx).is_ready();
            }
            loop {
                match task::ready!(self.channel.poll_next(cx)) {
                    Arrived::Message(message) => tell(&message),
                    Arrived::Ended { .. } => return Poll::Ready(()),
                    Arrived::Alive => {}
                }
            }
        });
        tokio::select! {
            () = goodbye => {}
            () = &mut limit => {}
        }
        self
    }
}
