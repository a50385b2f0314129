//! Clauses on their way to sound: several are made at once, and told in order.
use crate::voices::{Speech, Synthesiser};
use consort_core::{BoxStream, Context, Error, Pcm, Phase};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

/// What the mouth says of a clause.
#[derive(Debug)]
pub(super) enum Said {
    Sound(usize, Pcm),
    /// All of a clause was told. What could not be made into sound has its reason.
    Done(usize, Option<Error>),
}

/// Makes clauses into sound.
pub(super) struct Mouth {
    voice: Arc<dyn Synthesiser>,
    context: Context,
    most: usize,
    tries: u32,
    patience: Duration,
    waiting: VecDeque<(usize, Speech)>,
    /// Those that are made now, the one that is told first.
    active: VecDeque<Active>,
}

struct Active {
    clause: usize,
    speech: Speech,
    /// None once it is at its end, and for a clause that has nothing to say.
    stream: Option<BoxStream<'static, Result<Pcm, Error>>>,
    /// What came before its turn.
    made: VecDeque<Pcm>,
    sounded: bool,
    failed: Option<Error>,
    tries: u32,
    /// When something came last.
    touched: Instant,
}

impl Mouth {
    pub(super) fn new(
        voice: Arc<dyn Synthesiser>,
        context: Context,
        most: usize,
        tries: u32,
        patience: Duration,
    ) -> Self {
        let (waiting, active) = (VecDeque::new(), VecDeque::new());
        Self { voice, context, most: most.max(1), tries, patience, waiting, active }
    }

    pub(super) fn add(&mut self, clause: usize, speech: Speech) {
        self.waiting.push_back((clause, speech));
    }

    /// Forgets everything.
    pub(super) fn shut(&mut self) {
        self.waiting.clear();
        self.active.clear();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.active.is_empty()
    }

    /// When it loses its patience with what it waits for.
    pub(super) fn due(&self) -> Option<Instant> {
        let open = self.active.iter().filter(|active| active.stream.is_some());
        open.map(|active| active.touched + self.patience).min()
    }

    /// Works on all clauses that may be made now. With `held` nothing is told.
    pub(super) fn poll(&mut self, held: bool, cx: &mut task::Context<'_>) -> Poll<Said> {
        while self.active.len() < self.most
            && let Some((clause, speech)) = self.waiting.pop_front()
        {
            self.active.push_back(self.begin(clause, speech));
        }
        let now = self.context.clock.now();
        for active in &mut self.active {
            active.work(now, self.patience, cx);
            if active.failed.as_ref().is_some_and(|error| error.retryable() && !active.sounded)
                && active.tries < self.tries
            {
                active.tries += 1;
                active.failed = None;
                active.touched = now;
                active.stream = Some(self.voice.speak(active.speech.clone(), self.context.clone()));
                active.work(now, self.patience, cx);
            }
        }
        let Some(first) = self.active.front_mut().filter(|_| !held) else { return Poll::Pending };
        if let Some(pcm) = first.made.pop_front() {
            return Poll::Ready(Said::Sound(first.clause, pcm));
        }
        if first.stream.is_some() {
            return Poll::Pending;
        }
        let Some(first) = self.active.pop_front() else { return Poll::Pending };
        Poll::Ready(Said::Done(first.clause, first.failed))
    }

    fn begin(&self, clause: usize, speech: Speech) -> Active {
        let has_words = !speech.text.is_empty();
        let stream = has_words.then(|| self.voice.speak(speech.clone(), self.context.clone()));
        let touched = self.context.clock.now();
        Active {
            clause,
            speech,
            stream,
            made: VecDeque::new(),
            sounded: false,
            failed: None,
            tries: 1,
            touched,
        }
    }
}

impl Active {
    /// Takes what is there.
    fn work(&mut self, now: Instant, patience: Duration, cx: &mut task::Context<'_>) {
        while let Some(stream) = &mut self.stream {
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(pcm))) => {
                    self.touched = now;
                    self.sounded |= !pcm.is_empty();
                    self.made.extend((!pcm.is_empty()).then_some(pcm));
                }
                Poll::Ready(Some(Err(error))) => (self.stream, self.failed) = (None, Some(error)),
                Poll::Ready(None) => self.stream = None,
                Poll::Pending if now >= self.touched + patience => {
                    let message = format!("no sound came for {} s", patience.as_secs());
                    (self.stream, self.failed) = (None, Some(Error::timeout(Phase::Idle, message)));
                }
                Poll::Pending => return,
            }
        }
    }
}
