//! The turns of a request under the limits of its route as a whole, from the first try to the end of the answer.
use crate::limit::Permit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(super) struct Turns {
    permits: Mutex<Vec<Permit>>,
    /// Whether any try may have used something.
    spent: AtomicBool,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Vec<Permit>> {
        self.permits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hold(&self, permits: Vec<Permit>) {
        *self.lock() = permits;
    }

    /// A try is sent: where the caller leaves now, nobody knows what it used.
    pub(super) fn sent(&self) {
        self.lock().iter_mut().for_each(Permit::sent);
    }

    /// A try is over that may have used something.
    pub(super) fn spent(&self) {
        self.spent.store(true, Ordering::Relaxed);
    }

    /// The answer is over. What it used is settled, where that is known.
    pub(super) fn settle(&self, used: Option<u64>) {
        let mut permits = std::mem::take(&mut *self.lock());
        if let Some(used) = used {
            permits.iter_mut().for_each(|permit| permit.settle(used));
        }
    }

    /// There is no answer. If no try used anything, the turns are given back.
    pub(super) fn end(&self) {
        let permits = std::mem::take(&mut *self.lock());
        if !self.spent.load(Ordering::Relaxed) {
            permits.into_iter().for_each(Permit::give_back);
        }
    }
}
