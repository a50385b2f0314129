//! A run from outside: watch it, stop it, answer what it asks, wait for its end.
use crate::envelope::{Decision, Envelope};
use crate::run::approvals::Said;
use crate::run::state::{RunId, RunState};
use consort_core::{Attempt, Error, Money, Response};
use consort_store::{ConversationId, Status, TurnId};
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// A run. Clones are the same run; it goes on when all are dropped.
#[derive(Clone)]
pub struct Run(pub(crate) Arc<RunState>);

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub status: Status,
    /// What the model said last, as far as it came.
    pub response: Option<Arc<Response>>,
    /// Every try of the run, over all its answers.
    pub attempts: Vec<Attempt>,
    /// The last turn that was written.
    pub tip: Option<TurnId>,
    pub error: Option<Error>,
    /// Whether all of it is kept. Where the disk refused, the answer was given all the same.
    pub kept: bool,
}

impl Run {
    pub fn id(&self) -> RunId {
        self.0.id
    }

    pub fn conversation(&self) -> ConversationId {
        self.0.conversation
    }

    /// The run's envelopes behind this number, those that were and those that come; 0 gives all.
    pub fn events(&self, after: u64) -> RunEvents {
        RunEvents { next: after as usize, length: self.0.watch(), run: self.0.clone() }
    }

    /// All that happened so far.
    pub fn so_far(&self) -> Vec<Arc<Envelope>> {
        self.0.envelopes()
    }

    /// The id of the model that it asks.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// Stops it: what was said is kept.
    pub fn stop(&self) {
        self.0.cancel.cancel();
    }

    /// Says whether a tool that asked may run; false where no call of this id waits.
    pub fn decide(&self, call_id: &str, decision: Decision) -> bool {
        self.0.decide(call_id, decision.into())
    }

    /// Says no to a tool that asked, and tells the model why; false where no call of this id waits.
    pub fn refuse(&self, call_id: &str, reason: &str) -> bool {
        let reason = Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        self.0.decide(call_id, Said { decision: Decision::No, reason })
    }

    /// From now on this tool runs without asking, and its calls that wait run.
    pub fn allow(&self, tool: &str) {
        self.0.allow(tool);
    }

    pub fn is_over(&self) -> bool {
        self.0.outcome.borrow().is_some()
    }

    /// Waits for its end.
    pub async fn done(&self) -> Outcome {
        let mut outcome = self.0.outcome.subscribe();
        let ended = outcome.wait_for(Option::is_some).await;
        // The sender lives in the run that is held here, so that the channel cannot close.
        ended.ok().and_then(|outcome| outcome.clone()).unwrap_or_else(Outcome::lost)
    }
}

impl Outcome {
    /// Of a run whose task is gone without a word.
    pub(crate) fn lost() -> Self {
        let error = Error::new(consort_core::ErrorKind::Interrupted, "the run ended without a word");
        Self {
            status: Status::Interrupted,
            response: None,
            attempts: Vec::new(),
            tip: None,
            error: Some(error),
            kept: false,
        }
    }

    /// What all of it cost. Unknown stays unknown.
    pub fn cost(&self) -> Option<Money> {
        let asked = self.attempts.iter().filter(|attempt| attempt.unasked.is_none());
        asked.map(|attempt| attempt.cost).try_fold(Money(0), |sum, cost| Some(sum.saturating_add(cost?)))
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("id", &self.0.id).field("over", &self.is_over()).finish()
    }
}

/// Follows a run. Nothing is missed, however slow the follower is.
pub struct RunEvents {
    run: Arc<RunState>,
    next: usize,
    length: watch::Receiver<usize>,
}

impl RunEvents {
    /// What happened next; nothing once the run is over.
    pub async fn next(&mut self) -> Option<Arc<Envelope>> {
        loop {
            if let Some(envelope) = self.run.envelope(self.next) {
                self.next += 1;
                return Some(envelope);
            }
            // The outcome is set behind the last envelope.
            if self.run.outcome.borrow().is_some() && self.run.envelope(self.next).is_none() {
                return None;
            }
            let next = self.next;
            let mut outcome = self.run.outcome.subscribe();
            tokio::select! {
                grown = self.length.wait_for(|length| *length > next) => { grown.ok()?; }
                ended = outcome.wait_for(Option::is_some) => { ended.ok()?; }
            }
        }
    }
}

impl fmt::Debug for RunEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunEvents").field("next", &self.next).finish_non_exhaustive()
    }
}
