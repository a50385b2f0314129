//! Sends the question and shows the answer as it comes, until its end, an error or Ctrl+C.
use super::Question;
use super::show::{Show, Times};
use super::spinner::Spinner;
use super::talk::{Asked, Talk};
use crate::approve;
use crate::args::Ask;
use crate::exit::{self, Done, Failure};
use crate::kept::Opening;
use crate::setup::Setup;
use crate::stop;
use consort_core::{Event, FinishReason};
use consort_engine::{Envelope, Outcome, Run, What, holding_schemas};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub(super) fn run(question: Question, ask: &Ask, setup: &Setup, talk: Talk, runtime: Runtime) -> Done {
    let asked = talk.ask(question, setup)?;
    let database = asked.database.clone();
    let done = runtime.block_on(play(asked, ask, setup));
    setup.end_plugins(&runtime);
    // Nobody waits for what still runs in the background.
    runtime.shutdown_background();
    if let Some(database) = database {
        database.close();
    }
    done
}

/// A look in the background may take this long: the answer mostly takes longer.
const LOOK: Duration = Duration::from_secs(3);

/// What a look gets after the end of an answer that was quicker.
const GRACE: Duration = Duration::from_millis(300);

async fn play(asked: Asked, ask: &Ask, setup: &Setup) -> Done {
    let Asked { engine, ask: mut question, database, kept } = asked;
    let card = question.model.card().clone();
    let conversation = kept.then_some(question.conversation);
    if ask.schema.is_some() {
        question.model = holding_schemas(question.model);
    }
    question.watched_once = true;
    let mut show = Show::new(ask, setup.signs, &card);
    let begun = Instant::now();
    let run = engine.start(question).await?;
    let look = setup.local.is_due().then(|| tokio::spawn(setup.local.clone().look(LOOK)));
    let mut watch = Watch { run: &run, database: database.as_deref(), begun, first: None, settled: false };
    let spinner = Spinner::new(!ask.quiet, setup.signs, &card.id);
    let outcome = watch.follow(spinner, &mut show).await?;
    let times = Times { first: watch.first, total: begun.elapsed() };
    show.end(&outcome, conversation, &times)?;
    if let Some(look) = look.filter(|look| outcome.error.is_none() && !look.is_finished()) {
        let _ = tokio::time::timeout(GRACE, look).await;
    }
    match outcome.error {
        Some(error) => Err(error.into()),
        None if ask.strict && is_cut(&outcome) => Ok(exit::CUT),
        None => Ok(exit::OK),
    }
}

/// Follows a run for the user.
struct Watch<'a> {
    run: &'a Run,
    database: Option<&'a Opening>,
    begun: Instant,
    first: Option<Duration>,
    /// Whether what was said is kept: nothing is shown before.
    settled: bool,
}

impl Watch<'_> {
    /// Shows what happens until the run is over.
    async fn follow(&mut self, mut spinner: Spinner, show: &mut Show<'_>) -> Result<Outcome, Failure> {
        let mut events = self.run.events(0);
        let mut stop = std::pin::pin!(stop::asked());
        let mut stopped = false;
        loop {
            let envelope = tokio::select! {
                biased;
                () = &mut stop, if !stopped => {
                    stopped = true;
                    self.run.stop();
                    continue;
                }
                envelope = events.next() => envelope,
                () = spinner.tick() => {
                    spinner.draw()?;
                    continue;
                }
            };
            let Some(envelope) = envelope else { break };
            if shows(&envelope.what) {
                spinner.stop()?;
            }
            if let Err(failure) = self.show(&envelope, show).await {
                // Nobody reads any more: what came so far is kept.
                self.run.stop();
                self.run.done().await;
                return Err(failure);
            }
            if let What::ApprovalWanted { call } = &envelope.what {
                tokio::select! {
                    biased;
                    () = &mut stop, if !stopped => {
                        stopped = true;
                        self.run.stop();
                    }
                    decision = approve::ask(call) => {
                        self.run.decide(&call.id, decision?);
                    }
                }
            }
        }
        spinner.stop()?;
        Ok(self.run.done().await)
    }

    async fn show(&mut self, envelope: &Arc<Envelope>, show: &mut Show<'_>) -> Result<(), Failure> {
        if let Some(event) = envelope.what.event() {
            if self.first.is_none() && event.is_content() {
                self.first = Some(self.begun.elapsed());
            }
            if !std::mem::replace(&mut self.settled, true)
                && let Some(database) = self.database
            {
                database.settled().await;
            }
        }
        Ok(show.happened(&envelope.what)?)
    }
}

/// Whether something of it is seen, so that the sign of life goes.
fn shows(what: &What) -> bool {
    match what {
        What::Chunk { event } | What::Event { event } => {
            event.is_content() || matches!(event, Event::Finished(_))
        }
        What::RunStarted | What::TurnStarted { .. } | What::TurnEnded { .. } | What::ApprovalGiven { .. } => {
            false
        }
        _ => true,
    }
}

/// Whether an answer that ends so is not what was asked for.
fn is_cut(outcome: &Outcome) -> bool {
    outcome.response.as_ref().is_some_and(|response| {
        matches!(
            response.finish.reason,
            FinishReason::Length | FinishReason::ContentFilter | FinishReason::Refusal
        )
    })
}
