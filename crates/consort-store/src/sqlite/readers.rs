//! Threads that read. They start when there is something to read, and each opens the database for itself.
use super::call::Work;
use super::open;
use consort_core::Error;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// More would wait for two cores' worth of disk, and each holds a cache.
const MOST: usize = 4;

#[derive(Debug)]
pub(super) struct Readers(Arc<Shared>);

struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Box<dyn Work<Connection>>>,
    idle: usize,
    threads: Vec<JoinHandle<()>>,
    /// One that was opened to look at the file.
    first: Option<Connection>,
    closed: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readers {
    pub(super) fn new(path: PathBuf, first: Connection) -> Self {
        let state = State { first: Some(first), ..State::default() };
        Self(Arc::new(Shared { path, state: Mutex::new(state), wake: Condvar::new() }))
    }

    pub(super) fn send(&self, work: Box<dyn Work<Connection>>) {
        let mut state = self.0.state();
        state.queue.push_back(work);
        if state.idle < state.queue.len() && state.threads.len() < MOST {
            let shared = self.0.clone();
            let thread = std::thread::Builder::new().name("store reader".into()).spawn(move || read(&shared));
            match thread {
                Ok(thread) => state.threads.push(thread),
                // Where no thread starts, those that there are do the work; where there is none, it is not done.
                Err(_) if state.threads.is_empty() => state.queue.clear(),
                Err(_) => {}
            }
        }
        self.0.wake.notify_one();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let threads = {
            let mut state = self.0.state();
            state.closed = true;
            state.queue.clear();
            std::mem::take(&mut state.threads)
        };
        self.0.wake.notify_all();
        for thread in threads {
            let _ = thread.join();
        }
    }
}

fn read(shared: &Shared) {
    let mut connection = None;
    while let Some(work) = next(shared) {
        // A database that was not there may be there now.
        if connection.as_ref().is_some_and(|open: &Connection| open.path().is_none_or(str::is_empty)) {
            connection = None;
        }
        let ready = match connection.take() {
            Some(open) => Ok(open),
            None => open_one(shared),
        };
        connection = match ready {
            Ok(open) => {
                answer(shared, &open, work);
                Some(open)
            }
            Err(error) => {
                work.answer(&shared.path, Some(&error));
                None
            }
        };
    }
}

fn open_one(shared: &Shared) -> Result<Connection, Error> {
    let first = shared.state().first.take();
    match first.filter(|first| first.path().is_some_and(|path| !path.is_empty())) {
        Some(first) => Ok(first),
        None => open::to_read(&shared.path, false),
    }
}

/// All of it sees the database as it was at one moment.
fn answer(shared: &Shared, connection: &Connection, mut work: Box<dyn Work<Connection>>) {
    match connection.unchecked_transaction() {
        Ok(moment) => {
            let _ = work.run(&moment);
            drop(moment);
            work.answer(&shared.path, None);
        }
        Err(error) => {
            let error = super::fault::Fault::from(error).of(&shared.path);
            work.answer(&shared.path, Some(&error));
        }
    }
}

fn next(shared: &Shared) -> Option<Box<dyn Work<Connection>>> {
    let mut state = shared.state();
    loop {
        if state.closed {
            return None;
        }
        if let Some(work) = state.queue.pop_front() {
            return Some(work);
        }
        state.idle += 1;
        state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
    }
}
