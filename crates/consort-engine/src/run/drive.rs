//! The loop of a run: ask the model, run the tools that it wants, ask again.
use super::answering::Answering;
use super::ask::Ask;
use super::handle::Outcome;
use super::inner::InnerTools;
use super::journal::Growth;
use super::prepare::Prepared;
use super::state::RunState;
use super::turns::Branch;
use crate::context::Budget;
use crate::engine::Inner;
use crate::envelope::What;
use crate::tools::{Approval, Runner};
use consort_core::{
    Attempt, Context, Error, ErrorKind, Event, FinishReason, PartKind, Request, Response, UsageSource,
};
use consort_store::Status;
use futures_util::{FutureExt, StreamExt};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

/// A run that is being driven. Whoever waits for it hears of its end in any case.
struct Alive {
    run: Arc<RunState>,
    engine: Arc<Inner>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.engine.forget(self.run.id);
        self.run.outcome.send_if_modified(|outcome| {
            let lost = outcome.is_none();
            if lost {
                *outcome = Some(Outcome::lost());
            }
            lost
        });
    }
}

/// Drives a run to its end.
pub(crate) async fn drive(engine: Arc<Inner>, ask: Ask, branch: Branch) {
    let run = branch.run.clone();
    let alive = Alive { run: run.clone(), engine: engine.clone() };
    run.emit(What::RunStarted);
    let mut driver = Driver::new(engine, ask, branch);
    let ended = driver.run().await;
    let (status, error) = match ended {
        Ok(()) => (Status::Complete, None),
        Err(Stop { status, error }) => (status, Some(error)),
    };
    let outcome = Outcome {
        status,
        response: driver.response.take(),
        attempts: std::mem::take(&mut driver.attempts),
        tip: driver.branch.tip(),
        error: error.clone(),
        kept: driver.branch.journal.is_whole(),
    };
    run.emit(What::RunEnded { status, error });
    run.outcome.send_replace(Some(outcome));
    drop(alive);
    driver.engine.after(&driver.ask, driver.branch, driver.budget).await;
}

/// Why a run ends before its time.
pub(super) struct Stop {
    pub(super) status: Status,
    pub(super) error: Error,
}

impl Stop {
    fn of(error: Error, said_something: bool) -> Self {
        Self { status: status_of(&error, said_something), error }
    }
}

/// A model's code may be anybody's: what it said before is kept.
fn panicked() -> Error {
    Error::new(ErrorKind::Interrupted, "the model's own code panicked")
        .hint("its message is on the program's error output")
}

pub(super) fn status_of(error: &Error, said_something: bool) -> Status {
    let stopped = said_something || matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Interrupted);
    if stopped { Status::Interrupted } else { Status::Failed }
}

pub(super) struct Driver {
    pub(super) engine: Arc<Inner>,
    pub(super) ask: Ask,
    pub(super) branch: Branch,
    pub(super) runner: Arc<Runner>,
    pub(super) context: Context,
    pub(super) response: Option<Arc<Response>>,
    pub(super) attempts: Vec<Attempt>,
    /// That of the newest request.
    pub(super) budget: Option<Budget>,
}

impl Driver {
    fn new(engine: Arc<Inner>, ask: Ask, branch: Branch) -> Self {
        let runner = Arc::new(Runner::new(ask.tools.clone(), branch.run.clone(), &branch.log));
        let mut context = ask.context.clone();
        context.cancel = branch.run.cancel.clone();
        context.participant.clone_from(&ask.participant);
        if !ask.tools.is_empty() && ask.tools.approval != Approval::Manual {
            context.tools = Some(Arc::new(InnerTools { runner: runner.clone(), context: context.clone() }));
        }
        Self { engine, ask, branch, runner, context, response: None, attempts: Vec::new(), budget: None }
    }

    async fn run(&mut self) -> Result<(), Stop> {
        // A run that was cut while its tools ran goes on with those that did not end.
        self.run_open_calls().await?;
        for _ in 0..self.ask.tools.limits.rounds.max(1) {
            let reason = self.round().await?;
            match reason {
                FinishReason::Pause => {}
                _ if self.branch.open_calls().is_empty() => return Ok(()),
                _ if self.leaves_calls() => return Ok(()),
                _ => self.run_open_calls().await?,
            }
        }
        let rounds = self.ask.tools.limits.rounds;
        let words = format!("the model was asked {rounds} times and still wants tools: the run was ended");
        Err(Stop {
            status: Status::Interrupted,
            error: Error::new(ErrorKind::Interrupted, words).hint("say \"go on\" to let it"),
        })
    }

    /// Asks the model once.
    async fn round(&mut self) -> Result<FinishReason, Stop> {
        let prepared = self.prepare().await.map_err(|error| Stop::of(error, false))?;
        let about = self.about(&prepared.request);
        let turn = self.branch.answer(about.clone()).await;
        let growth = self.branch.journal.grow(turn);
        let mut answer = Answering::new(self.context.clock.now());
        let mut request = prepared.request.clone();
        let ended = loop {
            let ended = self.follow(&prepared, &request, &mut answer, &growth).await;
            match ended {
                Err(error) if error.kind() == ErrorKind::ContextLength && answer.first.is_none() => {
                    // One that tells its own tries is several models, each with a window of its own.
                    let teaches = !answer.told;
                    let Some(smaller) = prepared.smaller.smaller(&request, error.named_window(), teaches)
                    else {
                        break Err(error
                            .hint("if it is the conversation: `[context] window = TOKENS` says what fits"));
                    };
                    if teaches {
                        answer.refused(&self.ask.model.card().id, &error, self.context.clock.now());
                    }
                    request = smaller;
                }
                ended => break ended,
            }
        };
        if answer.first.is_some() {
            prepared.smaller.taken();
        }
        growth.done().await;
        self.end_of(about, answer, ended).await
    }

    /// Calls have ids that no other call of the conversation has: vendors count from nought in each answer, and a result, a
    /// question to the user and a resumed run name their call by it.
    fn renamed(&self, event: Event) -> Event {
        match event {
            Event::PartStart { part, choice, kind: PartKind::ToolCall { id, name } } => {
                let id = self.runner.unique(id);
                Event::PartStart { part, choice, kind: PartKind::ToolCall { id, name } }
            }
            event => event,
        }
    }

    /// Follows one stream to its end.
    async fn follow(
        &self,
        prepared: &Prepared,
        request: &Arc<Request>,
        answer: &mut Answering,
        growth: &Growth,
    ) -> Result<FinishReason, Error> {
        let mut context = self.context.clone();
        context.shrink = Some(prepared.smaller.clone());
        let asked = AssertUnwindSafe(async { self.ask.model.stream(request.clone(), context) });
        let mut stream = asked.catch_unwind().await.map_err(|_| panicked())?;
        loop {
            let item = tokio::select! {
                biased;
                () = self.context.cancel.cancelled() => {
                    answer.cut = true;
                    return Err(Error::cancelled());
                }
                item = AssertUnwindSafe(stream.next()).catch_unwind() => item.map_err(|_| panicked())?,
            };
            let Some(event) = item else {
                let words = "the answer ended before it was finished";
                return answer.finished.ok_or_else(|| Error::new(ErrorKind::Interrupted, words));
            };
            let event = match self.renamed(stamped(event?)) {
                Event::Usage(usage) if usage.source == UsageSource::Estimated => {
                    Event::Usage(self.counted(usage, prepared, answer).await)
                }
                event => event,
            };
            answer.said += event.size();
            if answer.said > MOST_SAID {
                return Err(too_long());
            }
            answer.note(&event, || self.context.clock.now());
            growth.push(&event);
            self.branch.run.emit(What::of(event));
            if growth.is_behind() {
                tokio::select! {
                    biased;
                    () = self.context.cancel.cancelled() => {}
                    () = growth.room() => {}
                }
            }
            if self.branch.run.is_ahead() {
                // A turn for the follower on the same thread, but no wait: one that is stuck holds up nothing.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// How much one answer may hold: far more than any model gives. One without an end would fill the memory.
const MOST_SAID: usize = 64 << 20;

fn too_long() -> Error {
    Error::protocol(format!("the answer is longer than {} MiB: it was stopped", MOST_SAID >> 20))
}

/// A try with the time at which it was sent: who made it has a clock that knows no dates.
fn stamped(event: Event) -> Event {
    match event {
        Event::Attempt(mut attempt) => {
            let (took, now) = (attempt.took, SystemTime::now());
            attempt.started.get_or_insert(now.checked_sub(took).unwrap_or(now));
            Event::Attempt(attempt)
        }
        event => event,
    }
}
