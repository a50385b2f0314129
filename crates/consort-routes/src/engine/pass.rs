//! From the first content on: events pass, and nothing is retried, switched or spliced.
use super::Course;
use super::kept::Recorder;
use super::leg::{Log, Opening, ended_early};
use super::report::attempt;
use crate::class::class;
use crate::target::Target;
use consort_core::{Error, Event, Usage};

impl Course<'_> {
    pub(super) async fn pass(
        self,
        target: &Target,
        opening: Opening,
        log: Log,
        mut recorder: Option<Recorder>,
    ) -> Result<(), Error> {
        let Opening { mut stream, mut watch, mut pace, held, mut permits, probe: _probe } = opening;
        let mut account = Account { target, log, course: self, open: true };
        let mut held = held.into_iter();
        let error = loop {
            let event = match held.next() {
                Some(event) => event,
                None => match pace.next(&mut stream, &mut watch, self.context).await {
                    Some(Ok(event)) => event,
                    Some(Err(error)) => break error,
                    None => break ended_early(),
                },
            };
            account.log.hear(&event);
            if let Some(recorder) = &mut recorder {
                recorder.hear(&event);
            }
            if !matches!(event, Event::Finished(_)) {
                self.pass_on(target, event).await;
                continue;
            }
            // The connection and the turns are free before the caller hears of the end.
            drop(stream);
            let now = self.context.clock.now();
            let usage = account.log.usage.as_ref();
            let (input, output) = (usage.and_then(Usage::all_input), usage.and_then(Usage::all_output));
            let used = input.zip(output).map(|(input, output)| input.saturating_add(output));
            if let Some(used) = used {
                permits.iter_mut().for_each(|permit| permit.settle(used));
            }
            drop(permits);
            self.turns.settle(used);
            target.state.answered(now, account.log.era, account.log.first.unwrap_or_default(), output);
            if let Some(recorder) = recorder {
                recorder.done(&target.card().id, now);
            }
            self.close(account, None).await;
            self.out.event(event).await;
            return Ok(());
        };
        let now = self.context.clock.now();
        let mark = class(&error).mark;
        target.state.failed(now, account.log.era, &error, mark, self.plan.breaker.as_ref());
        self.close(account, Some(&error)).await;
        Err(error)
    }

    /// Tells the try whose answer this was, unless it told its own.
    async fn close(self, mut account: Account<'_>, error: Option<&Error>) {
        account.open = false;
        if account.log.told {
            return;
        }
        if account.log.usage.is_some() && account.target.card().price.is_none() && self.has_budgets() {
            let id = &account.target.card().id;
            self.warn("budget", format!("the price of {id} is unknown: it counts towards no budget")).await;
        }
        self.tell(attempt(account.target, &account.log, self.context.clock.now(), error)).await;
    }

    fn has_budgets(self) -> bool {
        self.plan.spending.as_ref().is_some_and(|spending| !spending.budgets.is_empty())
    }
}

/// What an answer has used so far. Where the caller leaves before its end, the ledger hears of it all the same.
struct Account<'a> {
    target: &'a Target,
    log: Log,
    course: Course<'a>,
    open: bool,
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        if self.open && !self.log.told && self.target.plan.is_none() {
            let (stopped, now) = (Error::cancelled(), self.course.context.clock.now());
            self.course.record(&attempt(self.target, &self.log, now, Some(&stopped)));
        }
    }
}
