//! What routes' budgets count: what the database has booked, and what this process spent beside it.
use crate::time::begin;
use consort_core::{Attempt, BoxFuture, Error, Money};
use consort_routes::{Ledger, MemoryLedger, Period, Spender};
use consort_store::{GroupBy, SpendQuery, SqliteStore, Store};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// A ledger over the database, which is opened when a budget is looked at, and never written: answers book themselves
/// when they end.
#[derive(Debug)]
pub(crate) struct Spending {
    database: PathBuf,
    /// Whether answers are kept there. Else they need no database, and one that cannot be read counts for nothing.
    keeps: bool,
    open: Mutex<Option<Arc<SqliteStore>>>,
    /// What this process spent: also on answers that have not ended, or that are not kept.
    here: MemoryLedger,
    begun: SystemTime,
}

impl Spending {
    pub(crate) fn new(database: PathBuf, keeps: bool) -> Self {
        let (open, here) = (Mutex::default(), MemoryLedger::default());
        Self { database, keeps, open, here, begun: SystemTime::now() }
    }

    /// The database, where there is one by now.
    fn store(&self) -> Result<Option<Arc<SqliteStore>>, Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() && self.database.exists() {
            *open = Some(Arc::new(SqliteStore::open_to_read(&self.database)?));
        }
        Ok(open.clone())
    }

    async fn sum(&self, by: Spender<'_>, period: Period) -> Result<Money, Error> {
        let here = self.here.spent(by, period).await?;
        match self.booked_and(here, by, period).await {
            Err(_) if !self.keeps => Ok(here),
            sum => sum,
        }
    }

    async fn booked_and(&self, here: Money, by: Spender<'_>, period: Period) -> Result<Money, Error> {
        let Some(store) = self.store()? else { return Ok(here) };
        let since = Some(begin(SystemTime::now(), period == Period::Month));
        let now = booked(&store, by, SpendQuery { since, ..SpendQuery::default() }).await?;
        let until = Some(self.begun);
        let before = booked(&store, by, SpendQuery { since, until, ..SpendQuery::default() }).await?;
        // What was spent here is booked too, as far as it has ended and is kept.
        Ok(now.max(before.saturating_add(here)))
    }
}

async fn booked(store: &SqliteStore, by: Spender<'_>, query: SpendQuery) -> Result<Money, Error> {
    match by {
        Spender::All => Ok(store.spend(query).await?.cost),
        Spender::Model(model) => {
            Ok(store.spend(SpendQuery { model: Some(model.to_owned()), ..query }).await?.cost)
        }
        // Those without a key are a row of their own.
        Spender::Key(key) => {
            let rows = store.costs(query, GroupBy::Key).await?;
            Ok(rows.into_iter().find(|row| row.name == key).map_or(Money(0), |row| row.spend.cost))
        }
    }
}

impl Ledger for Spending {
    fn spent<'a>(&'a self, by: Spender<'a>, period: Period) -> BoxFuture<'a, Result<Money, Error>> {
        Box::pin(self.sum(by, period))
    }

    fn record(&self, key: &str, attempt: &Attempt) {
        self.here.record(key, attempt);
    }
}
