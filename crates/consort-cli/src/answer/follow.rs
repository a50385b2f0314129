//! Follows a run: shows what happens, asks what it asks, and stops it when the user wants.
use super::approve;
use super::show::{Show, Times};
use super::spinner::Spinner;
use crate::exit::Failure;
use crate::kept::Opening;
use crate::stop;
use consort_core::{Error, Event};
use consort_engine::{Outcome, Run, What};
use std::time::Instant;

/// How it went.
pub(crate) struct Followed {
    pub(crate) outcome: Outcome,
    pub(crate) times: Times,
}

/// Shows a run until it is over. Nothing of a turn is shown before it stands in the database, where one is given.
pub(crate) async fn follow(
    run: &Run,
    begun: Instant,
    database: Option<&Opening>,
    mut spinner: Spinner,
    show: &mut Show<'_>,
) -> Result<Followed, Failure> {
    let mut events = run.events(0);
    let mut stop = std::pin::pin!(stop::asked());
    let mut stopped = false;
    let mut first = None;
    let mut unsettled = database;
    loop {
        let envelope = tokio::select! {
            biased;
            () = &mut stop => {
                if stopped {
                    // Asked again: nobody waits for what does not stop.
                    spinner.stop()?;
                    return Err(Error::cancelled().into());
                }
                stopped = true;
                stop.set(stop::asked());
                run.stop();
                continue;
            }
            envelope = events.next() => envelope,
            () = spinner.tick() => {
                spinner.draw()?;
                continue;
            }
        };
        let Some(envelope) = envelope else { break };
        if let Some(event) = envelope.what.event() {
            if first.is_none() && event.is_content() {
                first = Some(begun.elapsed());
            }
            if let Some(database) = unsettled.take() {
                database.settled().await;
            }
        }
        if matches!(envelope.what, What::TurnStarted { .. }) {
            // Each turn is a row of its own.
            unsettled = database;
        }
        if is_seen(&envelope.what) {
            spinner.stop()?;
        }
        if let Err(failure) = show.happened(&envelope.what) {
            // Nobody reads any more: what came so far is kept.
            run.stop();
            run.done().await;
            return Err(failure.into());
        }
        if let What::ApprovalWanted { call } = &envelope.what {
            tokio::select! {
                biased;
                () = &mut stop => {
                    stopped = true;
                    stop.set(stop::asked());
                    run.stop();
                }
                decision = approve::ask(call) => {
                    run.decide(&call.id, decision?);
                }
            }
        }
    }
    spinner.stop()?;
    Ok(Followed { outcome: run.done().await, times: Times { first, total: begun.elapsed() } })
}

/// Whether something of it is seen, so that the sign of life goes.
fn is_seen(what: &What) -> bool {
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
