//! When a turn of somebody begins, as far as is known: by its words, by what the model tells, and by loudness until it tells.
use std::time::{Duration, Instant};

/// A model tells of speech so much later than it is loud, at most.
const TOLD: Duration = Duration::from_secs(1);
/// What is loud behind so much quiet begins something new.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Whether the model tells when somebody speaks: it knows speech from noise.
    tells: bool,
    /// When the turn began that was not answered yet.
    began: Option<Instant>,
    /// When it was last loud in it.
    loud: Option<Instant>,
    /// Whether it began while an answer was under way, whose end is not its own.
    into: bool,
}

/// Each says whether a turn begins.
impl Turns {
    /// Something is loud, and perhaps an answer is under way.
    pub(super) fn loud(&mut self, now: Instant, answering: bool) -> bool {
        let last = self.loud.replace(now);
        let goes_on = last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE);
        !self.tells && !goes_on && self.begin(now, answering)
    }

    /// The model tells that somebody speaks.
    pub(super) fn told(&mut self, now: Instant, answering: bool) -> bool {
        self.tells = true;
        let is_known = self.began.is_some_and(|began| now.saturating_duration_since(began) < TOLD);
        !is_known && self.begin(now, answering)
    }

    /// Somebody says all of it in words: that always begins one.
    pub(super) fn words(&mut self, now: Instant, answering: bool) -> bool {
        self.begin(now, answering)
    }

    /// Somebody says that it is over: perhaps nobody heard it begin.
    pub(super) fn committed(&mut self, now: Instant, answering: bool) -> bool {
        self.began.is_none() && self.begin(now, answering)
    }

    /// An answer is over.
    pub(super) fn answered(&mut self) {
        if !std::mem::take(&mut self.into) {
            (self.began, self.loud) = (None, None);
        }
    }

    fn begin(&mut self, now: Instant, answering: bool) -> bool {
        (self.began, self.into) = (Some(now), answering);
        true
    }
}
