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
mod watch;

use crate::plan::Plan;
use consort_core::{Attempt, Context, Error, Event, EventStream, Request, Warning};
use out::{Out, Written};
use std::sync::Arc;
use std::time::Duration;

/// The longest that a request takes, where nobody says anything else.
const WHOLE: Duration = Duration::from_mins(10);

/// The answer of a route.
pub(crate) fn stream(plan: Arc<Plan>, request: Arc<Request>, context: Context) -> EventStream {
    Box::pin(Written::new(move |out| async move {
        let context = within(context, plan.timeouts.whole);
        let course = Course { plan: &plan, context: &context, out: &out };
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
        let mut permits = self.permits(&request).await?;
        if let Some(used) = self.ask(request, recorder).await? {
            permits.iter_mut().for_each(|permit| permit.settle(used));
        }
        Ok(())
    }

    /// A turn under the limits of the route as a whole.
    async fn permits(self, request: &Request) -> Result<Vec<crate::limit::Permit>, Error> {
        let mut permits = Vec::new();
        for limiter in &self.plan.limiters {
            let most = request.sampling.max_tokens.unwrap_or(0);
            let tokens = match limiter.limits().tokens_per_minute {
                Some(_) => limiter.fit(consort_core::estimate_tokens(request).tokens + most, 0)?,
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
        if let Some(spending) = &self.plan.spending {
            spending.ledger.record(crate::spend::key(self.context), &attempt);
        }
        self.out.event(Event::Attempt(Box::new(attempt))).await;
    }
}
