//! Writes the log of a run, to the store or to a memory. Where it refuses, the run goes on and the user is told: no answer is lost to a full disk.
use crate::memory::History;
use consort_core::{Delta, Error, ErrorKind, Event, Role};
use consort_store::{Ending, NewTurn, Status, Store, TurnId};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long text may be shown before it is kept. The store itself takes a part of the 100 ms that are promised.
const BEHIND: Duration = Duration::from_millis(40);

/// How often the end of a turn is tried again. Each try of a store may itself wait for those who hold it.
const AGAIN: u32 = 3;

/// How long a store that refuses is left alone at most: what waits for it is written anew with each try.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log as a run or a call writes it.
#[derive(Clone)]
pub struct Journal {
    keeper: Keeper,
    refused: Arc<AtomicBool>,
}

/// Who keeps it.
#[derive(Clone)]
enum Keeper {
    Store(Arc<dyn Store>),
    Memory(History),
}

impl Journal {
    /// Written to the store, unless a memory keeps the conversation.
    pub fn new(store: &Arc<dyn Store>, history: Option<&History>) -> Self {
        let keeper =
            history.map_or_else(|| Keeper::Store(store.clone()), |history| Keeper::Memory(history.clone()));
        Self { keeper, refused: Arc::default() }
    }

    /// The store that the whole of it is in.
    pub(crate) fn whole_in(&self) -> Option<&Arc<dyn Store>> {
        match &self.keeper {
            Keeper::Store(store) if self.is_whole() => Some(store),
            _ => None,
        }
    }

    /// Whether everything so far is kept.
    pub(crate) fn is_whole(&self) -> bool {
        !self.refused.load(Ordering::SeqCst)
    }

    /// Keeps a turn that begins. The first refusal is given back, to be told; after it nothing is tried.
    pub async fn begin(&self, turn: NewTurn) -> Option<Error> {
        if !self.is_whole() {
            return None;
        }
        let refused = match &self.keeper {
            Keeper::Store(store) => store.begin(turn).await,
            // A memory takes messages that are whole, or as far as they came.
            Keeper::Memory(_) if turn.status == Status::Running => Ok(()),
            Keeper::Memory(history) => {
                history.append(turn.role, turn.participant, &turn.parts, turn.status).await
            }
        };
        let refused = refused.err();
        self.note(refused)
    }

    /// Begins to keep the events of a running turn.
    pub fn grow(&self, turn: TurnId) -> Growth {
        let pending = Arc::new(Pending::default());
        let task = tokio::spawn(keep(self.clone(), turn, pending.clone()));
        Growth { pending, task }
    }

    /// Keeps the end of a turn. A store that is only busy is asked again: the end holds all of the answer.
    pub async fn end(&self, turn: TurnId, ending: Ending) -> Option<Error> {
        if !self.is_whole() {
            return None;
        }
        let refused = match &self.keeper {
            Keeper::Store(store) => {
                let mut refused = store.end(turn, ending.clone()).await.err();
                for _ in 0..AGAIN {
                    if refused.as_ref().is_none_or(|error| error.kind() != ErrorKind::Server) {
                        break;
                    }
                    tokio::time::sleep(BEHIND).await;
                    refused = store.end(turn, ending.clone()).await.err();
                }
                refused
            }
            Keeper::Memory(history) => {
                history.append(Role::Assistant, None, &ending.parts, ending.status).await.err()
            }
        };
        self.note(refused)
    }

    fn note(&self, refused: Option<Error>) -> Option<Error> {
        let first = refused.is_some() && !self.refused.swap(true, Ordering::SeqCst);
        refused.filter(|_| first)
    }
}

/// A turn that grows.
pub struct Growth {
    pending: Arc<Pending>,
    task: JoinHandle<()>,
}

/// What came and is not kept yet: as large as its text, however slow the disk is.
#[derive(Default)]
struct Pending {
    events: Mutex<Vec<Event>>,
    /// About how many bytes they are, those that are being kept among them.
    bytes: AtomicUsize,
    /// It was waited for, and nothing was kept since.
    stuck: AtomicBool,
    over: AtomicBool,
    more: Notify,
    /// Rings when some of it was kept.
    kept: Notify,
}

impl Growth {
    pub fn push(&self, event: &Event) {
        join(&mut self.pending.events(), event);
        self.pending.bytes.fetch_add(event.size(), Ordering::SeqCst);
        self.pending.more.notify_one();
    }

    /// Whether much of it is not kept yet.
    pub(crate) fn is_behind(&self) -> bool {
        const MUCH: usize = 1 << 20;
        self.pending.bytes.load(Ordering::SeqCst) > MUCH && !self.pending.stuck.load(Ordering::SeqCst)
    }

    /// Lets a store that is behind catch up: an answer that comes faster than it can be kept waits a little, and only once
    /// for a store that is stuck.
    pub(crate) async fn room(&self) {
        const MOMENT: Duration = Duration::from_millis(500);
        let kept = async {
            while self.is_behind() {
                self.pending.kept.notified().await;
            }
        };
        if tokio::time::timeout(MOMENT, kept).await.is_err() {
            self.pending.stuck.store(true, Ordering::SeqCst);
        }
    }

    /// Waits until all of it is kept, or could not be: the end of the turn, which holds all of it, is tried all the same.
    pub async fn done(mut self) {
        self.pending.ends();
        // A task that panicked has said so.
        let _ = (&mut self.task).await;
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("refused", &self.refused).finish_non_exhaustive()
    }
}

impl fmt::Debug for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Growth").finish_non_exhaustive()
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.pending.ends();
    }
}

impl Pending {
    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ends(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.more.notify_one();
    }

    /// Waits for the end, of which `more` tells too.
    async fn over(&self) {
        while !self.over.load(Ordering::SeqCst) {
            self.more.notified().await;
        }
    }
}

/// Adds an event; a piece that goes on with the last one's text becomes part of it.
fn join(events: &mut Vec<Event>, event: &Event) {
    if let Event::PartDelta { part, delta } = event
        && let Some(Event::PartDelta { part: last, delta: so_far }) = events.last_mut()
        && part == last
    {
        match (so_far, delta) {
            (Delta::Text(so_far), Delta::Text(text)) | (Delta::Arguments(so_far), Delta::Arguments(text)) => {
                return so_far.push_str(text);
            }
            _ => {}
        }
    }
    events.push(event.clone());
}

/// Keeps what comes, a little later and many at once. What is refused goes first in what is tried next: a piece that is
/// missing would make those behind it wrong.
async fn keep(journal: Journal, turn: TurnId, pending: Arc<Pending>) {
    let (mut batch, mut wait) = (Vec::new(), BEHIND);
    loop {
        let over = pending.over.load(Ordering::SeqCst);
        // Counted first: what comes meanwhile counts with the next.
        let bytes = pending.bytes.load(Ordering::SeqCst);
        for event in std::mem::take(&mut *pending.events()) {
            join(&mut batch, &event);
        }
        if !batch.is_empty() {
            let kept = match journal.whole_in() {
                Some(store) => store.grow(turn, batch.clone()).await.is_ok(),
                // Nothing more is tried.
                None => true,
            };
            if kept {
                batch.clear();
                wait = BEHIND;
                pending.bytes.fetch_sub(bytes, Ordering::SeqCst);
                pending.stuck.store(false, Ordering::SeqCst);
                pending.kept.notify_one();
            } else {
                wait = (wait * 2).min(PATIENCE);
            }
        }
        if over {
            return;
        }
        if batch.is_empty() && pending.events().is_empty() {
            pending.more.notified().await;
        }
        // The end does not wait for more.
        let _ = tokio::time::timeout(wait, pending.over()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::join;
    use consort_core::{Accumulator, Delta, Event, PartKey};

    fn piece(part: u32, delta: Delta) -> Event {
        Event::PartDelta { part: PartKey(part), delta }
    }

    #[test]
    fn pieces_of_one_text_are_kept_as_one() {
        let text = |part, text: &str| piece(part, Delta::Text(text.into()));
        let mut came = Event::text_answer("Good ");
        let end = came.split_off(3);
        came.extend([text(0, "mor"), text(0, "ning"), text(1, "!"), text(0, ".")]);
        came.extend(end);
        let mut kept = Vec::new();
        came.iter().for_each(|event| join(&mut kept, event));
        assert_eq!(kept.len(), came.len() - 2);
        let fold = |events: Vec<Event>| {
            let mut fold = Accumulator::default();
            events.into_iter().for_each(|event| fold.push(event));
            fold.finish().unwrap()
        };
        assert_eq!(fold(kept), fold(came));
    }
}
