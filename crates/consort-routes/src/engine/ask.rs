//! Asks one target after the other until one begins to answer.
use super::Course;
use super::field::{Again, Choice, Field};
use super::kept::Recorder;
use super::leg::{Leg, Log, Opened};
use super::race::Tried;
use super::report::{attempt, beaten, unasked};
use super::watch::Watch;
use crate::backoff;
use crate::class::{Class, Mark, Next, class};
use crate::state::Probe;
use crate::target::Target;
use consort_core::{Attempt, Error, ErrorKind, Request, Unasked};
use std::sync::Arc;
use std::time::Duration;

/// What follows from a failed try.
enum Then<'a> {
    /// Others may answer, or the same once more.
    GoOn,
    /// The same with a smaller request.
    Smaller(Arc<Request>),
    /// Those that are there for such a request.
    Instead(&'a [Target]),
    GiveUp(Error),
}

impl<'a> Course<'a> {
    pub(super) async fn ask(
        self,
        original: Arc<Request>,
        mut recorder: Option<Recorder>,
    ) -> Result<(), Error> {
        let mut request = original.clone();
        let mut field = self.field(&self.plan.targets, &request).await;
        let mut may_shrink = self.context.shrink.is_some();
        while let Some(choice) = field.choose(self.context.clock.now(), self.context.remaining()) {
            for (id, error) in &choice.resting {
                self.tell(unasked(id, Unasked::Resting, Some(error.clone()))).await;
            }
            // All tries that are over are told before anything follows from one of them.
            let mut failed = Vec::new();
            for tried in self.make(&mut field, choice, &request).await? {
                let at = tried.at;
                match self.settle(&mut field, tried, &mut recorder).await {
                    Settled::Answered(ended) => return ended,
                    Settled::Nothing => {}
                    Settled::Failed(error, class) => failed.push((at, error, class)),
                }
            }
            for (at, error, class) in failed {
                match self.then(&field, at, error, class, &request, &mut may_shrink).await {
                    Then::GoOn => {}
                    Then::Smaller(smaller) => {
                        request = smaller;
                        let again = Again { at: self.context.clock.now(), retry: false };
                        field.ask_again(at, again, true);
                    }
                    Then::Instead(targets) => {
                        // What was cut for a small window is not what a larger one is asked.
                        request = original.clone();
                        field = self.field(targets, &request).await;
                        break;
                    }
                    Then::GiveUp(error) => return Err(error),
                }
            }
        }
        Err(field.verdict())
    }

    async fn field(self, targets: &'a [Target], request: &Request) -> Field<'a> {
        let field = Field::new(self.plan, targets, request);
        let unable: Vec<&Target> = field.unable().collect();
        for target in unable {
            let what = format!("{} cannot do what is asked for, and others are asked", target.card().id);
            self.warn("fallback", what).await;
        }
        field
    }

    /// Waits for as long as is due, and makes the try that was chosen.
    async fn make(
        &'a self,
        field: &mut Field<'a>,
        choice: Choice,
        request: &Arc<Request>,
    ) -> Result<Vec<Tried>, Error> {
        let Choice { at, wait, retry, fresh, probe, .. } = choice;
        let target = field.target(at);
        for (id, error) in field.unsaid(at) {
            self.warn("fallback", format!("{id}: {error}; {} is asked instead", target.card().id)).await;
        }
        let begun = self.context.clock.now();
        if fresh {
            target.state.requested(begun);
        }
        Watch::new().sleep(self.context, wait).await?;
        let mut log =
            Log { waited: self.context.clock.now().saturating_duration_since(begun), ..Log::default() };
        let leg = self.leg(field, at, request, probe);
        let hedge = self.plan.hedge.as_ref().filter(|_| !retry);
        if let Some(after) = hedge.and_then(|hedge| hedge.after.or_else(|| target.state.first_p95())) {
            return Ok(self.race((at, leg, log), after, field, request).await);
        }
        let opened = self.open(leg, &mut log).await;
        Ok(vec![Tried { at, log, opened }])
    }

    /// Makes a try, unless the budget of its target is spent, or the request is too long for it and others are there for that.
    pub(super) async fn open(self, leg: Leg<'_>, log: &mut Log) -> Opened {
        if let Some(error) = self.too_long(&leg) {
            return Opened::Failed(error);
        }
        match self.check_budgets(Some(&leg.target.card().id)).await {
            Ok(()) => leg.open(log).await,
            Err(error) => Opened::Spent(error),
        }
    }

    /// A request that the target's card says will not fit is not sent, where another chain takes what is too long.
    fn too_long(&self, leg: &Leg<'_>) -> Option<Error> {
        if self.plan.longer.is_empty() || is_one_of(&self.plan.longer, leg.target) {
            return None;
        }
        let window = leg.target.card().limits.context?;
        let answer = leg.request.longest_answer().unwrap_or(0);
        let needed = consort_core::estimate_tokens(&leg.request).tokens.saturating_add(answer);
        (needed > window).then(|| {
            let id = &leg.target.card().id;
            let what = format!("the request takes about {needed} tokens, and the window of {id} is {window}");
            Error::new(ErrorKind::ContextLength, what)
        })
    }

    pub(super) fn leg(
        &self,
        field: &Field<'a>,
        at: usize,
        request: &Arc<Request>,
        probe: Option<Probe>,
    ) -> Leg<'a> {
        Leg {
            course: *self,
            target: field.target(at),
            request: request.clone(),
            queue: !field.another_is_free(at, self.context.clock.now()),
            filtered_fails: self.can_be_unfiltered(field.target(at)),
            probe,
        }
    }

    /// Whether there are others for what this one's filter withholds.
    fn can_be_unfiltered(&self, target: &Target) -> bool {
        !self.plan.unfiltered.is_empty() && !is_one_of(&self.plan.unfiltered, target)
    }

    /// Tells a try that is over, and passes an answer on.
    async fn settle(self, field: &mut Field<'a>, tried: Tried, recorder: &mut Option<Recorder>) -> Settled {
        let Tried { at, log, opened } = tried;
        let target = field.target(at);
        let now = self.context.clock.now();
        let (error, class) = match opened {
            Opened::Answer(opening) => {
                return Settled::Answered(self.pass(target, *opening, log, recorder.take()).await);
            }
            Opened::Beaten => {
                self.tell(beaten(target, &log, now)).await;
                return Settled::Nothing;
            }
            Opened::Full(error) => {
                self.tell(attempt(target, &log, now, Some(&error))).await;
                let full = Class { retries: 0, next: Next::Anybody, mark: Mark::Nothing };
                field.failed(at, &error, full);
                // One that can never fit has nothing to wait for.
                if error.retry_after().is_some() {
                    field.ask_again(at, Again { at: now, retry: false }, false);
                }
                return Settled::Nothing;
            }
            Opened::Spent(error) => {
                self.tell(attempt(target, &log, now, Some(&error))).await;
                // Others of the same provider have budgets of their own.
                field.failed(at, &error, Class { retries: 0, next: Next::OtherModel, mark: Mark::Nothing });
                return Settled::Nothing;
            }
            Opened::Failed(error) => {
                let class = class(&error);
                (error, class)
            }
            Opened::Empty => {
                let class = Class { retries: 0, next: Next::Anybody, mark: Mark::Nothing };
                (empty(target), class)
            }
        };
        // What was never sent says nothing about the target, nor does what a route told of its own.
        if log.sent.is_some() {
            target.state.failed(now, log.era, &error, class.mark, self.plan.breaker.as_ref());
        }
        field.failed(at, &error, class);
        let retry_in = self.plan_retry(field, at, &error, class, &log);
        if !log.told {
            self.tell(Attempt { retry_in, ..attempt(target, &log, now, Some(&error)) }).await;
        }
        Settled::Failed(error, class)
    }

    /// Lets the same target be asked again, where that is worth it and within all bounds. How long that is put off,
    /// where it comes next.
    fn plan_retry(
        self,
        field: &mut Field<'a>,
        at: usize,
        error: &Error,
        class: Class,
        log: &Log,
    ) -> Option<Duration> {
        let (retry, retries) = (self.plan.retry.as_ref()?, field.retries_of(at)?);
        if log.told || log.sent.is_none() || retries >= class.retries.min(retry.most) {
            return None;
        }
        let delay = backoff::delay(retry, retries, error.retry_after());
        let patience = self.context.remaining().map_or(retry.patience, |left| left.min(retry.patience));
        let now = self.context.clock.now();
        if delay > patience || !field.target(at).state.may_retry(now) {
            return None;
        }
        let before_others = class.next != Next::AnybodyFirst;
        field.ask_again(at, Again { at: now + delay, retry: true }, before_others);
        (before_others || !field.another_is_free(at, now)).then_some(delay)
    }

    async fn then(
        self,
        field: &Field<'a>,
        at: usize,
        error: Error,
        class: Class,
        request: &Arc<Request>,
        may_shrink: &mut bool,
    ) -> Then<'a> {
        let target = field.target(at);
        match class.next {
            Next::Longer => {
                if std::mem::take(may_shrink)
                    && let Some(shrink) = &self.context.shrink
                {
                    let known = [error.named_window(), target.card().limits.context];
                    let smaller = shrink.shrink(request, known.into_iter().flatten().min());
                    match Watch::new().over(self.context, smaller).await {
                        Ok(Some(smaller)) => return Then::Smaller(smaller),
                        Ok(None) => {}
                        Err(stopped) => return Then::GiveUp(stopped),
                    }
                }
                instead(&self.plan.longer, target, error)
            }
            Next::Unfiltered => instead(&self.plan.unfiltered, target, error),
            Next::Nobody if target.card().lacks(request).is_none() || is_final(&error) => Then::GiveUp(error),
            _ => Then::GoOn,
        }
    }
}

/// How a try that was told leaves the request.
enum Settled {
    Answered(Result<(), Error>),
    Failed(Error, Class),
    Nothing,
}

fn instead<'a>(targets: &'a [Target], failed: &Target, error: Error) -> Then<'a> {
    if targets.is_empty() || is_one_of(targets, failed) {
        Then::GiveUp(error)
    } else {
        Then::Instead(targets)
    }
}

fn is_one_of(targets: &[Target], target: &Target) -> bool {
    targets.iter().any(|other| std::ptr::eq(other, target))
}

/// Whether no other target changes anything.
fn is_final(error: &Error) -> bool {
    use consort_core::ErrorKind as Kind;
    !matches!(error.kind(), Kind::InvalidRequest | Kind::Unsupported)
}

fn empty(target: &Target) -> Error {
    Error::protocol(format!("{} answered with nothing", target.card().id))
        .hint("ask again, or name another model")
}
