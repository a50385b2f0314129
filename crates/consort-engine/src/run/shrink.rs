//! A smaller view, for when the vendor says that the context is too long.
use crate::context::{Budget, Counts, Windows, view};
use crate::envelope::What;
use crate::run::prepare::complete;
use crate::run::state::RunState;
use consort_core::{BoxFuture, Part, Request, Shrink};
use consort_store::{Summary, Turn};
use std::sync::{Arc, Mutex, PoisonError};

/// How often a view is made smaller: a vendor that names no window is met step by step.
const STEPS: u32 = 4;

/// A window that nobody named is thought no smaller than this: what was refused may have been refused for its answer's length.
const LEAST: u64 = 4096;

/// Makes a run's view smaller.
pub(crate) struct SmallerView {
    pub(crate) log: Vec<Turn>,
    pub(crate) counts: Counts,
    pub(crate) summaries: Vec<Summary>,
    pub(crate) budget: Budget,
    /// What processors add to it.
    pub(crate) added: Vec<Part>,
    pub(crate) run: Arc<RunState>,
    pub(crate) windows: Arc<Windows>,
    /// Whether the first view was not the whole log.
    pub(crate) trimmed: bool,
    pub(crate) sent: Mutex<Sent>,
}

/// What was sent last.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// What the view took.
    pub(crate) tokens: u64,
    pub(crate) steps: u32,
    /// All that the smallest request took that was refused without a word of the window.
    pub(crate) refused: Option<u64>,
}

impl SmallerView {
    /// The request with fewer messages; nothing where that was tried often, or cannot be. A refusal teaches something of the
    /// model that was asked, unless that is a route: then it is one target's.
    pub(crate) fn smaller(
        &self,
        request: &Request,
        window: Option<u64>,
        teaches: bool,
    ) -> Option<Arc<Request>> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.steps == STEPS {
            return None;
        }
        let room = window.map(|window| window.saturating_sub(self.budget.fixed));
        let most = room.map_or(sent.tokens, |room| sent.tokens.min(room));
        // Counts differ between the vendor and us, and the vendor is right: a good step down.
        let budget = self.budget.leaving(most.saturating_mul(6) / 10);
        let view = view(&self.log, &self.counts, &self.summaries, &budget).ok()?;
        if view.report.tokens >= sent.tokens {
            return None;
        }
        match window {
            _ if !teaches => {}
            Some(window) => self.windows.learn(&self.run.model, window),
            None => sent.refused = Some(sent.tokens + self.budget.fixed),
        }
        sent.steps += 1;
        sent.tokens = view.report.tokens;
        self.run.emit(What::ContextTrimmed { report: view.report });
        let mut messages = view.messages;
        complete(&mut messages, &self.added);
        Some(Arc::new(Request { messages, ..request.clone() }))
    }

    /// Whether the last view is not the whole log.
    pub(crate) fn left_out(&self) -> bool {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        self.trimmed || sent.steps > 0
    }

    /// What was sent last was taken: what was refused before it was too long indeed.
    pub(crate) fn taken(&self) {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refused) = sent.refused {
            self.windows.learn(&self.run.model, refused.max(LEAST));
        }
    }
}

impl Shrink for SmallerView {
    fn shrink<'a>(&'a self, request: &'a Request, limit: Option<u64>) -> BoxFuture<'a, Option<Arc<Request>>> {
        Box::pin(std::future::ready(self.smaller(request, limit, false)))
    }
}
