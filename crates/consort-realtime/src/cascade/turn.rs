//! One turn of the user: its sound, and the attempts to understand it.
use super::CascadeSettings;
use crate::voices::{Heard, Hearing, Recogniser};
use consort_core::{BoxStream, Context, Error, Pcm, Phase};
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Waker};
use std::time::{Duration, Instant};

/// What is or was said in one go.
pub(super) struct Turn {
    pub(super) item: String,
    /// Kept until it is understood, so that another try hears all of it.
    sound: VecDeque<Pcm>,
    length: Duration,
    /// Whether it was told that somebody speaks.
    pub(super) announced: bool,
    /// Whether who speaks is silent, perhaps to be answered.
    pub(super) paused: bool,
    text: String,
    pub(super) final_text: Option<String>,
    pub(super) attempt: Option<Attempt>,
    /// Whether the words so far are of an attempt before this one.
    stale: bool,
    pub(super) tries: u32,
    pub(super) retry_at: Option<Instant>,
    ended: Option<Instant>,
}

/// One try to have the words.
pub(super) struct Attempt {
    words: BoxStream<'static, Result<Heard, Error>>,
    feed: Feed,
    /// It was begun in a pause, before the turn was certain to be over.
    pub(super) early: bool,
    begun: Instant,
}

impl Turn {
    pub(super) fn new(item: String) -> Self {
        Self {
            item,
            sound: VecDeque::new(),
            length: Duration::ZERO,
            announced: false,
            paused: false,
            text: String::new(),
            final_text: None,
            attempt: None,
            stale: false,
            tries: 0,
            retry_at: None,
            ended: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// Whether the next words are the first of their attempt, and replace what another one heard.
    pub(super) fn is_fresh(&self) -> bool {
        self.stale
    }

    pub(super) fn push(&mut self, frame: Pcm) {
        self.length += frame.duration();
        if let Some(attempt) = self.attempt.as_ref().filter(|attempt| !attempt.early) {
            attempt.feed.push(frame.clone());
        }
        self.sound.push_back(frame);
    }

    /// Keeps no more than the newest of it.
    pub(super) fn forget_before(&mut self, most: Duration) {
        while self.length > most
            && let Some(oldest) = self.sound.pop_front()
        {
            self.length -= oldest.duration();
        }
    }

    /// Begins to understand what was said so far; `whole` where that may be all.
    pub(super) fn listen(
        &mut self,
        recogniser: &Arc<dyn Recogniser>,
        settings: &CascadeSettings,
        context: &Context,
        whole: bool,
    ) {
        self.retry_at = None;
        let feed = Feed::default();
        self.sound.iter().for_each(|frame| feed.push(frame.clone()));
        if whole {
            feed.close();
        }
        let hearing = Hearing { language: settings.language.clone() };
        let words = recogniser.hear(Box::pin(feed.clone()), hearing, context.clone());
        self.stale = !self.text.is_empty();
        let early = whole && self.is_open();
        self.attempt = Some(Attempt { words, feed, early, begun: context.clock.now() });
    }

    pub(super) fn retry(
        &mut self,
        recogniser: &Arc<dyn Recogniser>,
        settings: &CascadeSettings,
        context: &Context,
    ) {
        self.retry_at = None;
        let whole = !self.is_open() || !recogniser.streams();
        // A batch try of a turn that still goes on would be one too many: its end begins the next one.
        if recogniser.streams() || !self.is_open() || self.paused {
            self.listen(recogniser, settings, context, whole);
        }
    }

    /// Who spoke goes on: what was understood in the pause is not all.
    pub(super) fn went_on(&mut self, streams: bool) {
        if !streams {
            (self.attempt, self.final_text, self.retry_at) = (None, None, None);
        }
    }

    pub(super) fn end(&mut self, now: Instant) {
        self.ended = Some(now);
        if let Some(attempt) = &mut self.attempt {
            attempt.begun = now;
            attempt.feed.close();
        }
    }

    pub(super) fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Delta(more) => {
                if std::mem::take(&mut self.stale) {
                    self.text.clear();
                }
                self.text += &more;
            }
            Heard::Replacement(all) => (self.text, self.stale) = (all, false),
            Heard::Final(all) => {
                self.text.clone_from(&all);
                (self.final_text, self.attempt, self.stale) = (Some(all), None, false);
            }
        }
    }

    /// When it has waited long enough: for its words, or to try again.
    pub(super) fn due(&self, patience: Duration) -> Option<Instant> {
        let waits = self.attempt.as_ref().filter(|attempt| attempt.early || !self.is_open());
        waits.map(|attempt| attempt.begun + patience).into_iter().chain(self.retry_at).min()
    }

    /// The error of an attempt that took too long.
    pub(super) fn late(&self, now: Instant, patience: Duration) -> Option<Error> {
        let attempt = self.attempt.as_ref().filter(|attempt| attempt.early || !self.is_open())?;
        let message = format!("what was said was not understood within {} s", patience.as_secs());
        (now >= attempt.begun + patience).then(|| Error::timeout(Phase::Idle, message))
    }

    pub(super) fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Result<Heard, Error>>> {
        match &mut self.attempt {
            Some(attempt) => attempt.words.as_mut().poll_next(cx),
            None => Poll::Pending,
        }
    }
}

/// Sound on its way to a recogniser.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Fed>>);

#[derive(Default)]
struct Fed {
    waiting: VecDeque<Pcm>,
    is_closed: bool,
    waker: Option<Waker>,
}

impl Feed {
    fn change(&self, change: impl FnOnce(&mut Fed)) {
        let mut fed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut fed);
        let waker = fed.waker.take();
        drop(fed);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn push(&self, frame: Pcm) {
        self.change(|fed| fed.waiting.push_back(frame));
    }

    fn close(&self) {
        self.change(|fed| fed.is_closed = true);
    }
}

impl Stream for Feed {
    type Item = Pcm;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Pcm>> {
        let mut fed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fed.waiting.pop_front() {
            None if !fed.is_closed => {
                fed.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            frame => Poll::Ready(frame),
        }
    }
}
