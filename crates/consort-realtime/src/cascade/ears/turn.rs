//! One turn of the user: its sound, and the attempts to understand it.
use super::feed::Feed;
use crate::cascade::CascadeSettings;
use crate::voices::{Heard, Hearing, Recogniser};
use consort_core::{BoxStream, Context, Error, Pcm, Phase};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

/// So often a turn is understood early, and only while it is no longer than this: each time, all of it is sent.
const EARLY: u32 = 2;
const SHORT: Duration = Duration::from_secs(15);

/// What is or was said in one go.
pub(super) struct Turn {
    pub(super) item: String,
    /// Kept until it is understood, so that another try hears all of it.
    sound: VecDeque<Pcm>,
    length: Duration,
    /// Whether it counts, whatever its words are,
    pub(super) announced: bool,
    /// and whether it was told that somebody speaks: where turns are not detected, whoever ends it knows.
    pub(super) began: bool,
    /// Whether it was said at the end of an answer, or behind it.
    pub(super) replies: bool,
    /// Whether who speaks is silent, perhaps to be answered.
    pub(super) paused: bool,
    /// Whether there was a voice in it, where turns are not detected; and whether it is a part behind another one.
    pub(super) voiced: bool,
    /// Whether it was ever loud enough for a word, in a turn that nobody detects.
    pub(super) loud: bool,
    pub(super) later: bool,
    /// The words of the parts before it.
    pub(super) before: String,
    text: String,
    /// The longest words of attempts before this one.
    kept: String,
    pub(super) final_text: Option<String>,
    pub(super) attempt: Option<Attempt>,
    /// Whether the words so far are of an attempt before this one.
    stale: bool,
    /// How many tries failed, and how many early ones there were.
    pub(super) tries: u32,
    early: u32,
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
            began: false,
            replies: false,
            paused: false,
            voiced: false,
            loud: false,
            later: false,
            before: String::new(),
            text: String::new(),
            kept: String::new(),
            final_text: None,
            attempt: None,
            stale: false,
            tries: 0,
            early: 0,
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
        let whole = !self.is_open();
        self.listen(recogniser, settings, context, whole);
    }

    /// Begins to understand what may be all of it, where that is still worth it.
    pub(super) fn listen_early(
        &mut self,
        recogniser: &Arc<dyn Recogniser>,
        settings: &CascadeSettings,
        context: &Context,
    ) {
        if self.early < EARLY && self.length <= SHORT {
            self.early += 1;
            self.listen(recogniser, settings, context, true);
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
        if std::mem::take(&mut self.stale) {
            let before = std::mem::take(&mut self.text);
            if before.len() > self.kept.len() {
                self.kept = before;
            }
        }
        match heard {
            Heard::Delta(more) => self.text += &more,
            Heard::Replacement(all) => self.text = all,
            Heard::Final(all) => {
                self.text.clone_from(&all);
                (self.final_text, self.attempt) = (Some(all), None);
            }
        }
    }

    /// No more of its words comes than there are: those of the attempt that understood the most.
    pub(super) fn give_up(&mut self) {
        if self.kept.len() > self.text.len() {
            self.text = std::mem::take(&mut self.kept);
        }
        (self.attempt, self.retry_at, self.final_text) = (None, None, Some(self.text.clone()));
    }

    /// How long it waits for its words: for as long as it is, since some ears take their time, and a third of what is
    /// allowed beside that; the rest of it where they did not come.
    fn patience(&self, hearing: Duration) -> Duration {
        let third = hearing / 3;
        self.length + if self.tries == 0 { third } else { hearing.saturating_sub(third) }
    }

    /// When it has waited long enough: for its words, or to try again.
    pub(super) fn due(&self, hearing: Duration) -> Option<Instant> {
        let waits = self.attempt.as_ref().filter(|attempt| attempt.early || !self.is_open());
        waits.map(|attempt| attempt.begun + self.patience(hearing)).into_iter().chain(self.retry_at).min()
    }

    /// The error of an attempt that took too long.
    pub(super) fn late(&self, now: Instant, hearing: Duration) -> Option<Error> {
        let attempt = self.attempt.as_ref().filter(|attempt| attempt.early || !self.is_open())?;
        let patience = self.patience(hearing);
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
