//! What is known of an answer while it comes, and what is kept of it when it ends.
use super::drive::{Driver, Stop, status_of};
use super::prepare::Prepared;
use super::thought::Thought;
use crate::envelope::What;
use consort_core::{
    Accumulator, Attempt, Body, Error, Event, FinishReason, Money, Part, Response, Unasked, Usage, Warning,
};
use consort_store::{Answer, Ending, Status, Turn};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

impl Driver {
    /// An estimated usage, by the model's own counts where it counts itself. They stay marked as estimated: they are of what
    /// was said, and not what somebody charged. An answer waits a moment for them, and no longer.
    pub(super) async fn counted(&self, usage: Usage, prepared: &Prepared, answer: &Answering) -> Usage {
        let Some(turn) = self.branch.log.last() else { return usage };
        let sent = &prepared.smaller;
        // What the view left out was not sent: then the answer alone can be counted.
        let whole = !sent.left_out();
        let mut log = if whole { sent.log.clone() } else { Vec::new() };
        log.push(Turn { parts: answer.fold.clone().partial().parts, ..turn.clone() });
        let counts = self.engine.counter.exchange(&log, self.ask.model.as_ref(), &self.context);
        let (input, output) = tokio::select! {
            counted = counts => counted,
            () = self.context.cancel.cancelled() => return usage,
        };
        let input = input.filter(|_| whole).map(|tokens| tokens.saturating_add(sent.budget.fixed));
        Usage { input: input.or(usage.input), output: output.or(usage.output), ..usage }
    }

    /// Writes how the turn ended.
    pub(super) async fn end_of(
        &mut self,
        mut about: Answer,
        answer: Answering,
        ended: Result<FinishReason, Error>,
    ) -> Result<FinishReason, Stop> {
        let took = self.context.clock.now().saturating_duration_since(answer.begun);
        let response = answer.fold.partial();
        let price = self.ask.model.card().price.as_ref();
        about.resolved_model.clone_from(&response.resolved_model);
        about.response_id.clone_from(&response.response_id);
        about.usage.clone_from(&response.usage);
        about.warnings.clone_from(&response.warnings);
        about.first = answer.first;
        about.took = Some(took);
        about.thought = answer.thought.all(self.context.clock.now());
        about.attempts.clone_from(&response.attempts);
        // A model that is no route tells of no tries: it was one. A route that was cut did not tell of its last.
        let error = ended.as_ref().err();
        let untold = Attempt {
            error: error.cloned(),
            started: Some(answer.started),
            took,
            first: answer.first,
            ..Attempt::new(&self.ask.model.card().id)
        };
        if !answer.told {
            let free = answer.first.is_none() && error.is_some_and(Error::is_free);
            let priced = || price.and_then(|price| price.cost(response.usage.as_ref()));
            let cost = if free { Some(Money(0)) } else { priced() };
            about.attempts.push(Attempt { cost, usage: response.usage.clone(), ..untold });
        } else if answer.cut && !about.attempts.iter().any(is_answer) {
            about.attempts.push(untold);
        }
        // An answer may be long: all who hear of its end share one.
        let response = Arc::new(Response { attempts: about.attempts.clone(), ..response });
        about.cost = response.cost(price);
        self.attempts.extend(about.attempts.iter().cloned());
        let said_something = response.parts.iter().any(is_something);
        let (status, error) = match &ended {
            Ok(_) => (Status::Complete, None),
            Err(error) => (status_of(error, said_something), Some(error.clone())),
        };
        about.finish = ended.is_ok().then(|| response.finish.clone());
        about.error.clone_from(&error);
        if error.is_none() {
            if !said_something {
                let words = "the answer is empty: the model said that it was done, and nothing else";
                self.branch.run.emit(What::Notice { warning: Warning::new("empty", words) });
            }
            let text = response.text();
            self.branch.run.emit(What::Completed { text, original: response.clone() });
        }
        let parts = response.parts.clone();
        self.branch.end(Ending { status, parts, answer: Some(Box::new(about)) }, error).await;
        self.response = Some(response);
        ended.map_err(|error| Stop { status, error })
    }
}

/// Whether a try gave the answer.
fn is_answer(attempt: &Attempt) -> bool {
    attempt.error.is_none()
        && attempt.unasked != Some(Unasked::Beaten)
        && attempt.unasked != Some(Unasked::Resting)
}

/// Whether a part is something that the user was shown.
fn is_something(part: &Part) -> bool {
    match &part.body {
        Body::Text { text, .. } | Body::Reasoning { text, .. } | Body::Refusal { text } => !text.is_empty(),
        _ => true,
    }
}

/// What is known of an answer while it comes.
pub(super) struct Answering {
    fold: Accumulator,
    begun: Instant,
    pub(super) first: Option<Duration>,
    pub(super) finished: Option<FinishReason>,
    thought: Thought,
    /// When it was asked for, for people.
    started: SystemTime,
    /// Whether the model itself tells of its tries.
    pub(super) told: bool,
    /// How many bytes it holds so far.
    pub(super) said: usize,
    /// Whether nobody waited for its end.
    pub(super) cut: bool,
}

impl Answering {
    pub(super) fn new(begun: Instant) -> Self {
        Self {
            fold: Accumulator::default(),
            begun,
            first: None,
            finished: None,
            thought: Thought::default(),
            started: SystemTime::now(),
            told: false,
            said: 0,
            cut: false,
        }
    }

    pub(super) fn note(&mut self, event: &Event, now: impl Fn() -> Instant) {
        if self.first.is_none() && event.is_content() {
            self.first = Some(now().saturating_duration_since(self.begun));
        }
        if let Event::Finished(finish) = event {
            self.finished = Some(finish.reason);
        }
        self.thought.hear(event, now);
        self.told |= matches!(event, Event::Attempt(_));
        self.fold.push(event.clone());
    }

    /// The vendor refused the first view: that is a try of its own.
    pub(super) fn refused(&mut self, target: &str, error: &Error, now: Instant) {
        self.fold.push(Event::Attempt(Box::new(Attempt {
            error: Some(error.clone()),
            started: Some(self.started),
            took: now.saturating_duration_since(self.begun),
            cost: Some(Money(0)),
            ..Attempt::new(target)
        })));
    }
}
