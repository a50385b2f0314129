//! What every backend promises, as tests that any backend's author can run.
//!
//! ```
//! consort_store::suite::run(|| async { consort_store::MemoryStore::new() });
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]
mod conversations;
mod kit;
mod money;
mod random;
mod records;
mod search;
mod summaries;
mod turns;

use crate::Store;
use consort_core::BoxFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use random::compare;

/// One promise, tested on a store that is empty.
pub(crate) type Promise = (&'static str, for<'a> fn(&'a dyn Store) -> BoxFuture<'a, ()>);

/// Holds a backend to all promises. Each is tested on a store of its own, empty, that `make` makes.
///
/// # Panics
/// Where a promise is broken: with the names of all that are.
pub fn run<S: Store, F: Future<Output = S>>(make: impl Fn() -> F) {
    let promises = [
        conversations::PROMISES,
        turns::PROMISES,
        search::PROMISES,
        summaries::PROMISES,
        money::PROMISES,
        records::PROMISES,
    ];
    let broken: Vec<&str> = promises
        .into_iter()
        .flatten()
        .filter(|(_, test)| {
            let tested = AssertUnwindSafe(|| pollster::block_on(async { test(&make().await).await }));
            catch_unwind(tested).is_err()
        })
        .map(|(name, _)| *name)
        .collect();
    assert!(broken.is_empty(), "broken: {}", broken.join("; "));
}

/// Names tests by their functions, as a list of promises.
macro_rules! promises {
    ($($name:ident),+ $(,)?) => {
        pub(super) const PROMISES: &[$crate::suite::Promise] =
            &[$((stringify!($name), |store| Box::pin($name(store)))),+];
    };
}
use promises;
