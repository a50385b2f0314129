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
    let certainly_free = log.sent.is_none() || (!log.began && error.is_some_and(Error::is_free));
    if certainly_free || price.is_some_and(costs_nothing) {
        return Some(Money(0));
    }
    price?.cost(log.usage.as_ref()?)
}

fn costs_nothing(price: &Price) -> bool {
    let others = [price.cached, price.cache_write, price.audio_input, price.audio_output];
    price.input == 0 && price.output == 0 && others.iter().all(|price| price.unwrap_or(0) == 0)
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
