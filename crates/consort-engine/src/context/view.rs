//! The view: which part of the log is sent, so that it fits.
use super::count::{Count, Counts, of_summary, tokens_of};
use super::exchange::exchanges;
use super::messages::{self, Cut};
use consort_core::{Error, ErrorKind, Message, Part, Role};
use consort_store::{Summary, SummaryId, Turn, TurnId};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Exchanges that are not touched as long as older ones can be: their tool results stay.
const RECENT: usize = 3;

/// Exchanges that stay if they fit at all.
const NEAR: usize = 2;

/// Tool results of the newest exchange that stay: the model works with them.
const LATEST: usize = 3;

/// What a cleared result costs.
const CLEARED: u64 = 16;

/// How many tokens there are for a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The model's window; absent where nobody knows it, and then nothing is left out.
    pub window: Option<u64>,
    /// Kept for the answer.
    pub answer: u64,
    /// Taken by instructions, tools and a schema.
    pub fixed: u64,
}

impl Budget {
    /// What is left for messages: a fiftieth of the window is not used, since counts are never quite right.
    pub fn available(&self) -> Option<u64> {
        let window = self.window?;
        Some((window - window / 50).saturating_sub(self.answer).saturating_sub(self.fixed))
    }

    /// The budget that leaves so much for messages.
    pub(crate) fn leaving(&self, available: u64) -> Self {
        let needed = available + self.answer + self.fixed;
        Self { window: Some(needed + needed.div_ceil(49)), ..*self }
    }
}

/// What is sent, and what is not.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub messages: Vec<Message>,
    pub report: ViewReport,
}

/// What a view left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewReport {
    /// Turns of the log that are not in it.
    pub dropped_turns: usize,
    /// Tool results and attachments that only a note stands for.
    pub cleared: usize,
    /// What these would have taken.
    pub left_out: u64,
    /// The summary that stands for the older turns.
    pub summary: Option<SummaryId>,
    /// The first turn that is in it whole.
    pub begins: Option<TurnId>,
    /// What it takes, and what there is.
    pub tokens: u64,
    pub available: Option<u64>,
    /// Whether the tokens were counted, not guessed.
    pub exact: bool,
}

impl ViewReport {
    /// Whether the model does not see all of it.
    pub fn is_trimmed(&self) -> bool {
        self.dropped_turns > 0 || self.cleared > 0
    }
}

/// The part of the log that fits. It is a function of its arguments and of nothing else.
///
/// The newest exchange and pinned ones are always in it. As far as it is needed, in this order: old tool results and
/// attachments are cleared, the newest summary stands for what it covers, the oldest exchanges are dropped, and of the
/// newest exchange the results are cleared that the model has worked with already.
pub fn view(log: &[Turn], counts: &Counts, summaries: &[Summary], budget: &Budget) -> Result<View, Error> {
    let mut plan = Plan::new(log, counts);
    let available = budget.available();
    if let Some(available) = available {
        plan.fit(available, summaries).map_err(|least| too_long(least, available, budget))?;
    }
    let report = plan.report(available);
    let messages = messages::of(log, &plan.cuts, plan.summary.map(|summary| summary.text.as_str()));
    Ok(View { messages, report })
}

fn too_long(least: u64, available: u64, budget: &Budget) -> Error {
    let window = budget.window.unwrap_or_default();
    Error::new(
        ErrorKind::ContextLength,
        format!(
            "the newest message takes about {least} tokens, and {available} are free: the model's window is {window}, \
             {} are kept for the answer, and instructions and tools take {}",
            budget.answer, budget.fixed
        ),
    )
    .hint("shorten the message, attach less, or choose a model with a larger window")
}

/// A view while it is made.
struct Plan<'a> {
    log: &'a [Turn],
    counts: Vec<Count>,
    is_exact: bool,
    exchanges: Vec<Range<usize>>,
    /// What is left of each turn.
    cuts: Vec<Cut>,
    summary: Option<&'a Summary>,
    summary_tokens: u64,
    /// What is sent beside each turn, and at the end.
    beside: Vec<u64>,
    end: u64,
    /// What the turns that are sent take, with what is beside them. It is kept up to date by [`cut`](Self::cut): a sum over
    /// the log at each look would make a long conversation take its square.
    sent: u64,
}

impl<'a> Plan<'a> {
    fn new(log: &'a [Turn], counts: &'a Counts) -> Self {
        let (beside, end) = messages::beside(log);
        let of = |parts: &[Part]| if parts.is_empty() { 0 } else { tokens_of(parts) };
        let beside: Vec<u64> = beside.iter().map(|parts| of(parts)).collect();
        let is_exact = counts.are_exact();
        let counts: Vec<Count> = log.iter().map(|turn| counts.of(turn.id)).collect();
        let sent = counts.iter().map(|count| count.tokens).sum::<u64>() + beside.iter().sum::<u64>();
        Self {
            log,
            counts,
            is_exact,
            exchanges: exchanges(log),
            cuts: vec![Cut::Whole; log.len()],
            summary: None,
            summary_tokens: 0,
            beside,
            end: end.map_or(0, |message| of(&message.parts)),
            sent,
        }
    }

    /// Leaves out what must be; or says what the least is, which is too much.
    fn fit(&mut self, available: u64, summaries: &'a [Summary]) -> Result<(), u64> {
        self.clear(self.old(), available);
        self.summarise(available, summaries);
        self.drop_oldest(available);
        self.clear(self.worked_with(), available);
        let least = self.tokens();
        if least > available { Err(least) } else { Ok(()) }
    }

    /// What is left of a turn's own tokens.
    fn tokens_of(&self, at: usize) -> u64 {
        let count = self.counts[at];
        match self.cuts[at] {
            Cut::Whole => count.tokens,
            Cut::Cleared => count.tokens.saturating_sub(count.clearable) + CLEARED.min(count.clearable),
            Cut::Dropped => 0,
        }
    }

    /// What a turn takes with what is sent beside it.
    fn sent_for(&self, at: usize) -> u64 {
        if self.cuts[at] == Cut::Dropped { 0 } else { self.tokens_of(at) + self.beside[at] }
    }

    fn cut(&mut self, at: usize, cut: Cut) {
        let before = self.sent_for(at);
        self.cuts[at] = cut;
        self.sent = self.sent - before + self.sent_for(at);
    }

    fn tokens(&self) -> u64 {
        self.sent + self.summary_tokens + self.end
    }

    fn is_pinned(&self, exchange: &Range<usize>) -> bool {
        self.log[exchange.clone()].iter().any(|turn| turn.pinned)
    }

    /// The turns of exchanges that are not recent.
    fn old(&self) -> Vec<usize> {
        let old = self.exchanges.len().saturating_sub(RECENT);
        self.exchanges[..old].iter().flat_map(Clone::clone).collect()
    }

    /// Of the exchange that goes on, the results that the model has worked with already.
    fn worked_with(&self) -> Vec<usize> {
        let newest = self.exchanges.last().cloned().unwrap_or_default();
        let mut results: Vec<usize> = newest.filter(|at| self.log[*at].role == Role::Tool).collect();
        results.truncate(results.len().saturating_sub(LATEST));
        results
    }

    /// Clears tool results and attachments, oldest first.
    fn clear(&mut self, turns: Vec<usize>, available: u64) {
        for at in turns {
            if self.tokens() <= available {
                return;
            }
            let worth = self.counts[at].clearable > CLEARED;
            if worth && !self.log[at].pinned && self.cuts[at] == Cut::Whole {
                self.cut(at, Cut::Cleared);
            }
        }
    }

    /// Lets the newest summary of this branch stand for what it covers.
    fn summarise(&mut self, available: u64, summaries: &'a [Summary]) {
        if self.tokens() <= available {
            return;
        }
        let end_of = |summary: &Summary| self.log.iter().position(|turn| turn.id == summary.up_to);
        let newest = summaries
            .iter()
            .filter_map(|summary| Some((end_of(summary)?, summary)))
            .max_by_key(|(end, summary)| (*end, summary.id));
        let Some((end, summary)) = newest else { return };
        let newest_exchange = self.exchanges.len().saturating_sub(1);
        let covered: Vec<usize> =
            (0..newest_exchange).filter(|at| self.exchanges[*at].end <= end + 1).collect();
        if covered.is_empty() {
            return;
        }
        for at in covered {
            self.drop_exchange(at);
        }
        self.summary = Some(summary);
        self.summary_tokens = of_summary(summary);
    }

    /// Drops exchanges from the oldest on, the near ones last.
    fn drop_oldest(&mut self, available: u64) {
        let newest = self.exchanges.len().saturating_sub(1);
        for at in 0..newest {
            if self.tokens() <= available {
                return;
            }
            // A summary is worth less than the exchanges that are near.
            if newest - at < NEAR && self.summary.is_some() {
                self.summary = None;
                self.summary_tokens = 0;
                if self.tokens() <= available {
                    return;
                }
            }
            self.drop_exchange(at);
        }
        if self.tokens() > available {
            self.summary = None;
            self.summary_tokens = 0;
        }
    }

    fn drop_exchange(&mut self, at: usize) {
        let exchange = self.exchanges[at].clone();
        if !self.is_pinned(&exchange) {
            exchange.for_each(|at| self.cut(at, Cut::Dropped));
        }
    }

    fn report(&self, available: Option<u64>) -> ViewReport {
        let of = |cut: Cut| self.cuts.iter().filter(|have| **have == cut).count();
        let left: u64 = (0..self.log.len()).map(|at| self.tokens_of(at)).sum();
        let begins = self.cuts.iter().rposition(|cut| *cut == Cut::Dropped).map_or(0, |at| at + 1);
        ViewReport {
            dropped_turns: of(Cut::Dropped),
            cleared: of(Cut::Cleared),
            left_out: self.counts.iter().map(|count| count.tokens).sum::<u64>().saturating_sub(left),
            summary: self.summary.map(|summary| summary.id),
            begins: self.log.get(begins).map(|turn| turn.id),
            tokens: self.tokens(),
            available,
            exact: self.is_exact,
        }
    }
}
