//! What the user is told of a try that is over.
use super::leg::Log;
use crate::target::Target;
use consort_core::{Attempt, Error, ErrorKind, Money, Price, Unasked};
use std::time::{Duration, Instant};

/// A try that is over, with or without an answer.
pub(super) fn attempt(target: &Target, log: &Log, now: Instant, error: Option<&Error>) -> Attempt {
    let mut attempt = Attempt::new(&target.card().id);
    attempt.waited = log.waited;
    attempt.took = log.sent.map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent));
    attempt.first = log.first;
    attempt.usage.clone_from(&log.usage);
    attempt.cost = cost(target.card().price.as_ref(), log, error);
    attempt.error = error.cloned();
    attempt
}

/// What a try cost; nothing where that is unknown, which is not free.
fn cost(price: Option<&Price>, log: &Log, error: Option<&Error>) -> Option<Money> {
    if certainly_free(log, error) {
        return Some(Money(0));
    }
    price?.cost(log.usage.as_ref())
}

/// Whether a try that is over is certain to have used nothing.
pub(super) fn certainly_free(log: &Log, error: Option<&Error>) -> bool {
    log.sent.is_none() || (!log.began && !log.spent && error.is_some_and(Error::is_free))
}

/// The same of a try that a target tells of its own.
pub(super) fn took_nothing(attempt: &Attempt) -> bool {
    let nothing_came = attempt.usage.is_none() && attempt.first.is_none();
    attempt.unasked.is_some() || (nothing_came && attempt.error.as_ref().is_some_and(Error::is_free))
}

/// A try that was broken off because another answered first. One that was sent may be billed.
pub(super) fn beaten(target: &Target, log: &Log, now: Instant) -> Attempt {
    if log.sent.is_none() {
        return unasked(&target.card().id, Unasked::Beaten, None);
    }
    let error = Error::new(ErrorKind::Cancelled, "another try answered first");
    attempt(target, log, now, Some(&error))
}

/// A try that asked nobody.
pub(super) fn unasked(target: &str, why: Unasked, error: Option<Error>) -> Attempt {
    let mut attempt = Attempt::new(target);
    attempt.unasked = Some(why);
    attempt.error = error;
    attempt.cost = Some(Money(0));
    attempt
}
