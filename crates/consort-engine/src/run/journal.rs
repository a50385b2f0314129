//! Writes the log of a run. Where the store refuses, the run goes on and the user is told: no answer is lost to a full disk.
use consort_core::{Error, Event};
use consort_store::{Ending, NewTurn, Store, TurnId};
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
    store: Arc<dyn Store>,
    refused: Arc<AtomicBool>,
}

impl Journal {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, refused: Arc::default() }
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
        let refused = self.store.begin(turn).await.err();
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
        let refused = self.store.end(turn, ending).await.err();
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
    task: JoinHandle<Option<Error>>,
}

impl Growth {
    pub(crate) fn push(&self, event: &Event) {
        // The other end waits for this one.
        let _ = self.sender.send(event.clone());
    }

    /// Waits until all of it is kept.
    pub(crate) async fn done(self) -> Option<Error> {
        drop(self.sender);
        self.task.await.ok().flatten()
    }
}

/// Keeps what comes, a little later and many at once.
async fn keep(journal: Journal, turn: TurnId, mut events: mpsc::UnboundedReceiver<Event>) -> Option<Error> {
    let mut told = None;
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
        if journal.is_whole() {
            let refused = journal.store.grow(turn, batch).await.err();
            told = journal.note(refused).or(told);
        }
    }
    told
}
