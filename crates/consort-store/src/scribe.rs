//! Keeps what running turns say a moment behind what is shown, without holding up who shows it.
use crate::{Ending, Store, TurnId};
use consort_core::{BoxFuture, Error, ErrorKind, Event};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long what was said may wait. What is shown is kept 100 ms later at most: the rest of it is for the disk.
const WAITS: Duration = Duration::from_millis(40);

/// Writes down what is said in any number of turns: one thread, which sleeps while nothing is said.
pub struct Scribe {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is said in one turn.
pub struct Script {
    turn: TurnId,
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    turns: HashMap<TurnId, Said>,
    /// When the first of what waits was said.
    since: Option<Instant>,
    closed: bool,
}

#[derive(Default)]
struct Said {
    waiting: Vec<Event>,
    problem: Option<Error>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scribe {
    pub fn new(store: Arc<dyn Store>) -> Self {
        let shared = Shared { store, state: Mutex::default(), wake: Condvar::new() };
        Self { shared: Arc::new(shared), thread: Mutex::new(None) }
    }

    /// Writes for a turn that has begun.
    pub fn script(&self, turn: TurnId) -> Script {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = self.shared.clone();
            // Where no thread starts, turns are still kept whole when they end.
            *thread = std::thread::Builder::new().name("scribe".into()).spawn(move || write(&shared)).ok();
        }
        self.shared.state().turns.insert(turn, Said::default());
        Script { turn, shared: self.shared.clone() }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.wake.notify_all();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Script {
    /// Takes what was said, and never waits.
    pub fn push(&self, event: Event) {
        let mut state = self.shared.state();
        let Some(said) = state.turns.get_mut(&self.turn) else { return };
        said.waiting.push(event);
        if state.since.is_none() {
            state.since = Some(Instant::now());
            self.shared.wake.notify_one();
        }
    }

    /// Why what was said is not being kept; it is tried again until the turn ends.
    pub fn problem(&self) -> Option<Error> {
        self.shared.state().turns.get(&self.turn)?.problem.clone()
    }

    /// Ends the turn. What still waits is part of its ending.
    pub fn end(self, ending: Ending) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move {
            self.shared.state().turns.remove(&self.turn);
            self.shared.store.end(self.turn, ending).await
        })
    }
}

impl Drop for Script {
    /// A turn that is left without an ending keeps what was said last, too.
    fn drop(&mut self) {
        let left = self.shared.state().turns.remove(&self.turn);
        if let Some(said) = left.filter(|said| !said.waiting.is_empty()) {
            // Nobody is left to be told.
            let _ = pollster::block_on(self.shared.store.grow(self.turn, said.waiting));
        }
    }
}

fn write(shared: &Shared) {
    while let Some(waiting) = next(shared) {
        // All are handed over before the first is waited for: a store may keep them together.
        let kept: Vec<_> = waiting
            .into_iter()
            .map(|(turn, events)| (turn, shared.store.grow(turn, events.clone()), events))
            .collect();
        for (turn, kept, events) in kept {
            note(shared, turn, events, pollster::block_on(kept));
        }
    }
}

/// Waits until something was said long enough ago, and takes all that waits.
fn next(shared: &Shared) -> Option<Vec<(TurnId, Vec<Event>)>> {
    let mut state = shared.state();
    loop {
        if state.closed {
            return None;
        }
        let Some(since) = state.since else {
            state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let left = WAITS.saturating_sub(since.elapsed());
        if left.is_zero() {
            break;
        }
        state = shared.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    state.since = None;
    let turns = state.turns.iter_mut().filter(|(_, said)| !said.waiting.is_empty());
    Some(turns.map(|(turn, said)| (*turn, std::mem::take(&mut said.waiting))).collect())
}

/// What could not be kept waits again, before what came meanwhile.
fn note(shared: &Shared, turn: TurnId, mut events: Vec<Event>, kept: Result<(), Error>) {
    let mut state = shared.state();
    let Some(said) = state.turns.get_mut(&turn) else { return };
    said.problem = kept.err();
    match &said.problem {
        // The turn is gone, or has ended: no second try changes that.
        Some(error) if error.kind() == ErrorKind::InvalidRequest => said.waiting.clear(),
        Some(_) => {
            events.append(&mut said.waiting);
            said.waiting = events;
            state.since.get_or_insert_with(Instant::now);
        }
        None => {}
    }
}

impl std::fmt::Debug for Scribe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scribe")
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("turn", &self.turn).finish_non_exhaustive()
    }
}
