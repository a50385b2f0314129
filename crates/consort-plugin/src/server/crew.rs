//! Threads for requests: one each, kept for a while for the next.
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More requests at once than any host has open.
const MOST: usize = 512;
const KEPT: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The threads of one plugin.
#[derive(Default)]
pub(super) struct Crew {
    state: Mutex<State>,
    more: Condvar,
    fewer: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
    all: usize,
}

impl Crew {
    /// Runs the job on a thread of its own. An error means that there are no more threads.
    pub(super) fn run(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.state();
        if state.idle > state.jobs.len() {
            state.jobs.push_back(Box::new(job));
            drop(state);
            self.more.notify_one();
            return Ok(());
        }
        if state.all >= MOST {
            return Err(io::Error::other("too many requests at once"));
        }
        let crew = self.clone();
        let work = move || crew.work(Box::new(job));
        std::thread::Builder::new().name("request".into()).spawn(work)?;
        state.all += 1;
        Ok(())
    }

    fn work(&self, first: Job) {
        let mut job = first;
        loop {
            // Requests catch their own panics; this keeps the count right whatever happens.
            let _ = catch_unwind(AssertUnwindSafe(job));
            let mut state = self.state();
            state.idle += 1;
            self.fewer.notify_all();
            let (mut state, _) = self
                .more
                .wait_timeout_while(state, KEPT, |state| state.jobs.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            let Some(next) = state.jobs.pop_front() else {
                state.all -= 1;
                return;
            };
            job = next;
        }
    }

    /// Waits until nothing is worked on, but not longer than this.
    pub(super) fn settle(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut state = self.state();
        while state.all > state.idle || !state.jobs.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.fewer.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
