//! The course of one request through a route.
//!
//! Plain code that hands out events: it looks for a kept answer, asks the budgets, and then asks one target after the
//! other until one begins to answer. From that first content on (the commit point) events only pass.
mod ask;
mod field;
mod kept;
mod leg;
mod out;
mod pass;
mod race;
mod report;
mod turns;
mod watch;

use crate::plan::Plan;
use crate::spend::{self, Ledger, Spending};
use crate::target::Target;
use consort_core::{Attempt, Context, Error, Event, EventStream, Request, Warning};
use out::{Out, Written};
use std::sync::Arc;
use std::time::Duration;
use turns::Turns;

/// The longest that a request takes, where nobody says anything else.
const WHOLE: Duration = Duration::from_mins(10);

/// The answer of a route. Each try is told to its ledger and to those of the routes around it: where it is made, so
/// that none is told twice to a ledger that several share, and none is lost where the caller leaves.
pub(crate) fn stream(
    plan: Arc<Plan>,
    request: Arc<Request>,
    context: Context,
    mut ledgers: Vec<Arc<dyn Ledger>>,
) -> EventStream {
    if let Some(Spending { ledger, .. }) = &plan.spending
        && !ledgers.iter().any(|other| std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(ledger)))
    {
        ledgers.push(ledger.clone());
    }
    Box::pin(Written::new(move |out| async move {
        let context = within(context, plan.timeouts.whole);
        let turns = Turns::default();
        let course = Course { plan: &plan, context: &context, out: &out, ledgers: &ledgers, turns: &turns };
        if let Err(error) = course.run(request).await {
            out.item(Err(error)).await;
        }
    }))
}

fn within(context: Context, whole: Option<Duration>) -> Context {
    match whole {
        Some(whole) => context.within(whole),
        None if context.deadline.is_none() => context.within(WHOLE),
        None => context,
    }
}

/// One request on its way.
#[derive(Clone, Copy)]
struct Course<'a> {
    plan: &'a Plan,
    context: &'a Context,
    out: &'a Out,
    ledgers: &'a [Arc<dyn Ledger>],
    /// Those under the limits of the route as a whole.
    turns: &'a Turns,
}

impl Course<'_> {
    async fn run(self, request: Arc<Request>) -> Result<(), Error> {
        if self.context.cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        let recorder = match self.kept(&request).await? {
            kept::Kept::Told => return Ok(()),
            kept::Kept::Ask(recorder) => recorder,
        };
        self.check_budgets(None).await?;
        self.turns.hold(self.permits(&request).await?);
        let answered = self.ask(request, recorder).await;
        if answered.is_err() {
            self.turns.end();
        }
        answered
    }

    /// A turn under the limits of the route as a whole.
    async fn permits(self, request: &Request) -> Result<Vec<crate::limit::Permit>, Error> {
        let mut permits = Vec::new();
        for limiter in &self.plan.limiters {
            let most = request.longest_answer().unwrap_or(0);
            let tokens = match limiter.limits().tokens_per_minute {
                Some(_) => {
                    limiter.fit(consort_core::estimate_tokens(request).tokens.saturating_add(most), 0)?
                }
                None => 0,
            };
            let turn = limiter.take(tokens, self.context.clock.as_ref(), self.context.remaining());
            permits.push(watch::Watch::new().over(self.context, turn).await??);
        }
        Ok(permits)
    }

    async fn check_budgets(self, target: Option<&str>) -> Result<(), Error> {
        let Some(spending) = &self.plan.spending else { return Ok(()) };
        let mut warnings = Vec::new();
        let checked = spending.check(self.context, target, &mut warnings).await;
        for warning in warnings {
            self.out.event(Event::Warning(warning)).await;
        }
        checked
    }

    async fn warn(self, code: &str, message: String) {
        self.out.event(Event::Warning(Warning::new(code, message))).await;
    }

    /// Tells a try that is over, to the user and to the ledger.
    async fn tell(self, attempt: Attempt) {
        self.record(&attempt);
        self.out.event(Event::Attempt(Box::new(attempt))).await;
    }

    fn record(self, attempt: &Attempt) {
        for ledger in self.ledgers {
            ledger.record(spend::key(self.context), attempt);
        }
    }

    /// Passes on what a target says. A try of its own that it tells is told to the ledgers too, unless it is a route
    /// that we know, which has done so.
    async fn pass_on(self, target: &Target, event: Event) {
        if let Event::Attempt(attempt) = &event
            && target.plan.is_none()
        {
            self.record(attempt);
        }
        self.out.event(event).await;
    }
}
