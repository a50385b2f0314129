//! Budgets: what was spent is asked of a ledger before, and told to it after.
use crate::settings::{Budget, Per, Period};
use consort_core::{Attempt, BoxFuture, Context, Date, Error, ErrorKind, Money, Warning};
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Whose spending is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spender<'a> {
    All,
    /// That under one caller's key, by `Context::key`; calls without one are one.
    Key(&'a str),
    /// What was spent at one target.
    Model(&'a str),
}

/// Knows what was spent.
///
/// A ledger that sees every attempt in another way (a store that keeps whole answers) may leave `record` empty.
pub trait Ledger: Send + Sync + Debug {
    /// What was spent in the day or month that is now.
    fn spent<'a>(&'a self, by: Spender<'a>, period: Period) -> BoxFuture<'a, Result<Money, Error>>;

    /// A try is over. One whose cost is unknown counts for nothing, and the user was warned of that.
    fn record(&self, key: &str, attempt: &Attempt);
}

/// A ledger in memory: what was spent since the program started.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<HashMap<(Owner, Period), (u64, Money)>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    All,
    Key(String),
    Model(String),
}

impl MemoryLedger {
    fn add(&self, owner: Owner, cost: Money) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for period in [Period::Day, Period::Month] {
            let now = number(period, SystemTime::now());
            let sum = sums.entry((owner.clone(), period)).or_default();
            *sum = if sum.0 == now { (now, sum.1.saturating_add(cost)) } else { (now, cost) };
        }
    }
}

impl Ledger for MemoryLedger {
    fn spent<'a>(&'a self, by: Spender<'a>, period: Period) -> BoxFuture<'a, Result<Money, Error>> {
        let owner = match by {
            Spender::All => Owner::All,
            Spender::Key(key) => Owner::Key(key.to_owned()),
            Spender::Model(model) => Owner::Model(model.to_owned()),
        };
        let sum = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(owner, period)).copied();
        let now = number(period, SystemTime::now());
        let spent = sum.filter(|(at, _)| *at == now).map_or(Money(0), |(_, spent)| spent);
        Box::pin(std::future::ready(Ok(spent)))
    }

    fn record(&self, key: &str, attempt: &Attempt) {
        let Some(cost) = attempt.cost.filter(|cost| cost.0 > 0) else { return };
        self.add(Owner::All, cost);
        self.add(Owner::Key(key.to_owned()), cost);
        self.add(Owner::Model(attempt.target.clone()), cost);
    }
}

/// The day or month that a moment is in, counted in UTC.
fn number(period: Period, at: SystemTime) -> u64 {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match period {
        Period::Day => seconds / 86_400,
        Period::Month => {
            let Date { year, month, .. } = Date::of_seconds(seconds);
            year.unsigned_abs() * 12 + u64::from(month)
        }
    }
}

/// The budgets of a route.
#[derive(Debug, Clone)]
pub(crate) struct Spending {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) budgets: Vec<Budget>,
}

impl Spending {
    /// Whether more may be spent on a request; on a target, where one is given. What a warning is due for is added.
    pub(crate) async fn check(
        &self,
        context: &Context,
        target: Option<&str>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), Error> {
        for budget in &self.budgets {
            let by = match (budget.per, target) {
                (Per::All, None) => Spender::All,
                (Per::Key, None) => Spender::Key(key(context)),
                (Per::Model, Some(target)) => Spender::Model(target),
                _ => continue,
            };
            let spent = self.ledger.spent(by, budget.period).await?;
            let (whose, when) = (whose(by), when(budget.period));
            if let Some(hard) = budget.hard.filter(|hard| spent >= *hard) {
                let what = format!("the budget {whose} of {hard:#} {when} is spent ({spent:#})");
                return Err(Error::new(ErrorKind::Quota, what)
                    .vendor(Some("budget_exceeded".to_owned()), None)
                    .hint("raise `hard` in the route's budgets, or wait"));
            }
            if let Some(soft) = budget.soft.filter(|soft| spent >= *soft) {
                let what = format!("{spent} of the budget {whose} of {soft} {when} are spent");
                warnings.push(Warning::new("budget", what));
            }
        }
        Ok(())
    }
}

/// The name of the caller's key, or nothing.
pub(crate) fn key(context: &Context) -> &str {
    context.key.as_deref().unwrap_or_default()
}

fn whose(by: Spender<'_>) -> String {
    match by {
        Spender::All => "of all".to_owned(),
        Spender::Key("") => "of those without a key".to_owned(),
        Spender::Key(key) => format!("of the key `{key}`"),
        Spender::Model(model) => format!("for {model}"),
    }
}

fn when(period: Period) -> &'static str {
    match period {
        Period::Day => "a day",
        Period::Month => "a month",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn months_follow_the_calendar() {
        let month = |days: u64| number(Period::Month, UNIX_EPOCH + Duration::from_secs(days * 86_400));
        // 1970-01-31 and 02-01; 2024-02-29 and 03-01; 2026-12-31 and 2027-01-01.
        for (before, after) in [(30, 31), (19_782, 19_783), (20_818, 20_819)] {
            assert_eq!(month(before) + 1, month(after), "{before}");
        }
        assert_eq!(month(20_819), month(20_819 + 30));
        assert_eq!(month(19_783) - month(0), 54 * 12 + 2);
    }
}
