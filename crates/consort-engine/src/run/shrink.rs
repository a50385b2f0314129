//! A smaller view, for when the vendor says that the context is too long.
use crate::context::{Budget, Counts, view};
use crate::engine::Windows;
use crate::envelope::What;
use crate::run::prepare::complete;
use crate::run::state::RunState;
use consort_core::{BoxFuture, Part, Request, Shrink};
use consort_store::{Summary, Turn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes a run's view smaller, once.
pub(crate) struct SmallerView {
    pub(crate) log: Vec<Turn>,
    pub(crate) counts: Counts,
    pub(crate) summaries: Vec<Summary>,
    pub(crate) budget: Budget,
    /// What processors add to it.
    pub(crate) added: Vec<Part>,
    /// What the view that was refused took.
    pub(crate) tokens: u64,
    pub(crate) run: Arc<RunState>,
    pub(crate) windows: Arc<Windows>,
    pub(crate) used: AtomicBool,
}

impl SmallerView {
    /// The request with fewer messages; nothing where it was tried, or cannot be.
    pub(crate) fn smaller(&self, request: &Request, limit: Option<u64>) -> Option<Arc<Request>> {
        if self.used.swap(true, Ordering::SeqCst) {
            return None;
        }
        let sent = self.tokens + self.budget.fixed;
        let least =
            limit.map_or(self.tokens, |limit| self.tokens.min(limit.saturating_sub(self.budget.fixed)));
        // Counts differ between the vendor and us, and the vendor is right: a good step down.
        let budget = self.budget.leaving(least.saturating_mul(6) / 10);
        let view = view(&self.log, &self.counts, &self.summaries, &budget).ok()?;
        if view.report.tokens >= self.tokens {
            return None;
        }
        self.windows.learn(&self.run.model, limit.unwrap_or(sent));
        self.run.emit(What::ContextTrimmed { report: view.report });
        let mut messages = view.messages;
        complete(&mut messages, &self.added);
        Some(Arc::new(Request { messages, ..request.clone() }))
    }
}

impl Shrink for SmallerView {
    fn shrink<'a>(&'a self, request: &'a Request, limit: Option<u64>) -> BoxFuture<'a, Option<Arc<Request>>> {
        Box::pin(std::future::ready(self.smaller(request, limit)))
    }
}
