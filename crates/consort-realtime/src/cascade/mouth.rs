//! Clauses on their way to sound: several are made at once, and told in order.
//!
//! No more is made than the listener needs soon: while much of what was told is still to be heard, no clause is begun, and no
//! voice is asked for more of its sound.
use crate::heard::Speed;
use crate::voices::{Speech, Synthesiser};
use consort_core::{BoxStream, Context, Error, ErrorKind, Pcm, Phase};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

/// So much sound may wait to be heard.
pub(super) const STOCK: Duration = Duration::from_secs(20);

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
    /// When enough of what waits will have been heard to make more.
    rests_until: Option<Instant>,
    /// What was told to be wrong with the voice, and whether it is of no use at all.
    wrong: Option<String>,
    unusable: bool,
}

struct Active {
    clause: usize,
    speech: Speech,
    /// None once it is at its end, and for a clause that has nothing to say.
    stream: Option<BoxStream<'static, Result<Pcm, Error>>>,
    /// What came before its turn.
    made: VecDeque<Pcm>,
    /// How much came, and how much of that was told.
    came: Duration,
    told: Duration,
    failed: Option<Error>,
    /// It failed because nothing came in time.
    late: bool,
    /// It is not asked for more, since enough waits.
    rests: bool,
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
        Self {
            voice,
            context,
            most: most.max(1),
            tries,
            patience,
            waiting,
            active,
            rests_until: None,
            wrong: None,
            unusable: false,
        }
    }

    pub(super) fn add(&mut self, clause: usize, speech: Speech) {
        self.waiting.push_back((clause, speech));
    }

    /// Nobody asked for anything for a while.
    pub(super) fn rested(&mut self) {
        self.active.iter_mut().for_each(|active| active.rests = true);
    }

    /// Forgets everything.
    pub(super) fn shut(&mut self) {
        self.rests_until = None;
        self.waiting.clear();
        self.active.clear();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.active.is_empty()
    }

    /// When it loses its patience with what it waits for, or makes more.
    pub(super) fn due(&self) -> Option<Instant> {
        let open = self.active.iter().filter(|active| active.stream.is_some() && !active.rests);
        let late = open.map(|active| active.touched + active.patience(self.patience));
        late.chain(self.rests_until.filter(|_| !self.is_idle())).min()
    }

    /// Works on all clauses that may be made now, while so much of what was told is still to be heard. With `held` nothing is
    /// told.
    pub(super) fn poll(&mut self, held: bool, left: Duration, cx: &mut task::Context<'_>) -> Poll<Said> {
        let now = self.context.clock.now();
        while self.active.len() < self.most
            && left + self.active.iter().map(Active::untold).sum() < STOCK
            && let Some((clause, speech)) = self.waiting.pop_front()
        {
            self.active.push_back(self.begin(clause, speech));
        }
        self.work(now, left, cx);
        // A moment less than that is still to be heard then.
        self.rests_until = self.excess(left).map(|excess| now + excess + Duration::from_millis(1));
        let Some(first) = self.active.front_mut().filter(|_| !held) else { return Poll::Pending };
        if let Some(pcm) = first.made.pop_front() {
            first.told += pcm.duration();
            return Poll::Ready(Said::Sound(first.clause, pcm));
        }
        if first.stream.is_some() {
            return Poll::Pending;
        }
        let Some(first) = self.active.pop_front() else { return Poll::Pending };
        Poll::Ready(Said::Done(first.clause, first.failed.filter(|error| self.is_news(error))))
    }

    /// Takes what voices have made, of each clause up to where enough waits before and of it.
    fn work(&mut self, now: Instant, left: Duration, cx: &mut task::Context<'_>) {
        let mut stock = left;
        for active in &mut self.active {
            stock += active.made();
            active.work(now, self.patience, &mut stock, cx);
            if active.may_try_again(self.tries) {
                active.tries += 1;
                (active.failed, active.late) = (None, false);
                active.touched = now;
                active.stream = Some(self.voice.speak(active.speech.clone(), self.context.clone()));
                active.work(now, self.patience, &mut stock, cx);
            }
            self.unusable |= active.failed.as_ref().is_some_and(is_for_good);
        }
        if self.unusable {
            let silent = self.active.iter_mut().filter(|active| active.came.is_zero());
            silent.for_each(|active| active.stream = None);
        }
    }

    /// How much more waits than may, where something rests for that and time alone changes it.
    fn excess(&self, left: Duration) -> Option<Duration> {
        let untold = self.active.iter().map(Active::untold).sum::<Duration>();
        let waits = !self.waiting.is_empty() && self.active.len() < self.most;
        let begins = waits.then(|| (left + untold).saturating_sub(STOCK));
        let mut stock = left;
        let stocks = self.active.iter().map(|active| {
            stock += active.made();
            active.rests.then(|| stock.saturating_sub(STOCK))
        });
        stocks.chain([begins]).flatten().filter(|excess| *excess <= left && !left.is_zero()).min()
    }

    /// Whether this was not told yet: what is wrong with each clause is told once.
    fn is_news(&mut self, error: &Error) -> bool {
        let is_known = self.wrong.as_deref() == Some(error.message());
        self.wrong = Some(error.message().to_owned());
        !is_known
    }

    fn begin(&self, clause: usize, speech: Speech) -> Active {
        let has_words = !speech.text.is_empty() && !self.unusable;
        let stream = has_words.then(|| self.voice.speak(speech.clone(), self.context.clone()));
        let touched = self.context.clock.now();
        Active {
            clause,
            speech,
            stream,
            made: VecDeque::new(),
            came: Duration::ZERO,
            told: Duration::ZERO,
            failed: None,
            late: false,
            rests: false,
            tries: 1,
            touched,
        }
    }
}

impl Active {
    /// How much of it waits here.
    fn made(&self) -> Duration {
        self.came.saturating_sub(self.told)
    }

    /// How long it will sound, about.
    fn length(&self) -> Duration {
        Speed::default().length(&self.speech.text)
    }

    /// How much of it is still to be told, about.
    fn untold(&self) -> Duration {
        let whole = if self.stream.is_some() { self.length().max(self.came) } else { self.came };
        whole.saturating_sub(self.told)
    }

    /// How long it waits for its next sound. For the first it waits as long as the clause sounds, since some voices make all of
    /// it before they give any, and a third of what is allowed beside that; once more the rest where none came in time.
    fn patience(&self, most: Duration) -> Duration {
        let third = most / 3;
        match self.tries {
            _ if !self.came.is_zero() => most,
            1 => self.length().min(most) + third,
            _ => self.length().min(most) + most.saturating_sub(third),
        }
    }

    fn may_try_again(&self, most: u32) -> bool {
        let Some(error) = self.failed.as_ref().filter(|_| self.came.is_zero()) else { return false };
        if self.late { self.tries == 1 && most > 1 } else { error.retryable() && self.tries < most }
    }

    /// Takes what is there, while there is room for it.
    fn work(&mut self, now: Instant, most: Duration, stock: &mut Duration, cx: &mut task::Context<'_>) {
        let rested = std::mem::replace(&mut self.rests, self.stream.is_some() && *stock >= STOCK);
        if rested {
            // What nobody asked for kept nobody waiting.
            self.touched = now;
        }
        while *stock < STOCK
            && let Some(stream) = &mut self.stream
        {
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(pcm))) => {
                    self.touched = now;
                    self.came += pcm.duration();
                    *stock += pcm.duration();
                    self.rests = *stock >= STOCK;
                    self.made.extend((!pcm.duration().is_zero()).then_some(pcm));
                }
                Poll::Ready(Some(Err(error))) => (self.stream, self.failed) = (None, Some(error)),
                Poll::Ready(None) => self.stream = None,
                Poll::Pending if now >= self.touched + self.patience(most) => {
                    let message = format!("no sound came for {} s", self.patience(most).as_secs());
                    self.failed = Some(Error::timeout(Phase::Idle, message));
                    (self.stream, self.late) = (None, true);
                }
                Poll::Pending => return,
            }
        }
    }
}

/// Whether no clause can be spoken after this.
fn is_for_good(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Setup | ErrorKind::Auth | ErrorKind::Permission | ErrorKind::ModelNotFound
    )
}
