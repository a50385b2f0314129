//! Writes the log of a run, to the store or to a memory. Where it refuses, the run goes on and the user is told: no answer is lost to a full disk.
use crate::memory::History;
use consort_core::{Error, Event, Role};
use consort_store::{Ending, NewTurn, Status, Store, TurnId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long text may be shown before it is kept. The store itself takes a part of the 100 ms that are promised.
const BEHIND: Duration = Duration::from_millis(40);

/// The log as a run writes it.
#[derive(Clone)]
pub(crate) struct Journal {
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
    pub(crate) fn new(store: &Arc<dyn Store>, history: Option<&History>) -> Self {
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
    pub(crate) async fn begin(&self, turn: NewTurn) -> Option<Error> {
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
    pub(crate) fn grow(&self, turn: TurnId) -> Growth {
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(keep(self.clone(), turn, receiver));
        Growth { sender, task }
    }

    pub(crate) async fn end(&self, turn: TurnId, ending: Ending) -> Option<Error> {
        if !self.is_whole() {
            return None;
        }
        let refused = match &self.keeper {
            Keeper::Store(store) => store.end(turn, ending).await,
            Keeper::Memory(history) => {
                history.append(Role::Assistant, None, &ending.parts, ending.status).await
            }
        };
        let refused = refused.err();
        self.note(refused)
    }

    fn note(&self, refused: Option<Error>) -> Option<Error> {
        let first = refused.is_some() && !self.refused.swap(true, Ordering::SeqCst);
        refused.filter(|_| first)
    }
}

/// A turn that grows.
pub(crate) struct Growth {
    sender: mpsc::UnboundedSender<Event>,
    task: JoinHandle<()>,
}

impl Growth {
    pub(crate) fn push(&self, event: &Event) {
        // The other end waits for this one.
        let _ = self.sender.send(event.clone());
    }

    /// Waits until all of it is kept, or could not be: the end of the turn, which holds all of it, is tried all the same.
    pub(crate) async fn done(self) {
        drop(self.sender);
        // A task that panicked has said so.
        let _ = self.task.await;
    }
}

/// Keeps what comes, a little later and many at once.
async fn keep(journal: Journal, turn: TurnId, mut events: mpsc::UnboundedReceiver<Event>) {
    let mut refused = false;
    while let Some(first) = events.recv().await {
        let mut batch = vec![first];
        let due = tokio::time::sleep(BEHIND);
        tokio::pin!(due);
        loop {
            tokio::select! {
                () = &mut due => break,
                event = events.recv() => match event {
                    Some(event) => batch.push(event),
                    None => break,
                },
            }
        }
        // A piece that is missing would make those behind it wrong.
        if let Some(store) = journal.whole_in().filter(|_| !refused) {
            refused = store.grow(turn, batch).await.is_err();
        }
    }
}
