//! Writes the minutes of a call into the log, behind the call's back: no sound waits for a disk.
use super::minutes::Write;
use consort_core::{Error, Part};
use consort_engine::{Growth, Journal, title};
use consort_store::{ConversationChange, ConversationId, Store, TurnId};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What came of it.
#[derive(Debug)]
pub(super) enum Told {
    /// A turn began or ended.
    Kept(TurnId),
    /// Nothing is kept from here on. Told once.
    Refused(Error),
}

/// The end that is written into. When it is dropped, what was written is kept all the same.
#[derive(Debug)]
pub(super) struct Keeper {
    to: Option<mpsc::UnboundedSender<Write>>,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Keeper {
    pub(super) fn start(store: Arc<dyn Store>, conversation: ConversationId, key: Option<String>) -> Self {
        let (to, todo) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::unbounded_channel();
        let journal = Journal::new(&store, None);
        let work = Work { store, conversation, key, journal, growing: HashMap::new(), tell, untitled: true };
        tokio::spawn(work.all(todo));
        Self { to: Some(to), told }
    }

    pub(super) fn write(&self, writes: Vec<Write>) {
        for write in writes {
            if let Some(to) = &self.to {
                // It ends with us alone.
                let _ = to.send(write);
            }
        }
    }

    /// Nothing more is written: `next` ends when all of it is kept.
    pub(super) fn finish(&mut self) {
        self.to = None;
    }

    pub(super) async fn next(&mut self) -> Option<Told> {
        self.told.recv().await
    }
}

struct Work {
    store: Arc<dyn Store>,
    conversation: ConversationId,
    key: Option<String>,
    journal: Journal,
    growing: HashMap<TurnId, Growth>,
    tell: mpsc::UnboundedSender<Told>,
    untitled: bool,
}

impl Work {
    async fn all(mut self, mut todo: mpsc::UnboundedReceiver<Write>) {
        while let Some(write) = todo.recv().await {
            match write {
                Write::Begin(turn) => {
                    let id = turn.id;
                    let refused = self.journal.begin(turn).await;
                    self.tell(id, refused);
                }
                Write::Grow(turn, events) => {
                    let growth = self.growing.entry(turn).or_insert_with(|| self.journal.grow(turn));
                    events.iter().for_each(|event| growth.push(event));
                }
                Write::End(turn, ending) => {
                    if let Some(growth) = self.growing.remove(&turn) {
                        growth.done().await;
                    }
                    let refused = self.journal.end(turn, ending).await;
                    self.tell(turn, refused);
                }
                Write::Book(attempt) => {
                    // What a budget cannot be told is lost to it, and to nothing else.
                    let _ = self.store.book(self.conversation, self.key.clone(), vec![*attempt]).await;
                }
                Write::Title(parts) => self.title(&parts).await,
            }
        }
    }

    fn tell(&self, turn: TurnId, refused: Option<Error>) {
        let told = refused.map_or(Told::Kept(turn), Told::Refused);
        // A call that is gone is not told.
        let _ = self.tell.send(told);
    }

    /// Gives a conversation that has none a title. Without one, it is kept all the same.
    async fn title(&mut self, parts: &[Part]) {
        let Some(title) = title(parts).filter(|_| std::mem::take(&mut self.untitled)) else { return };
        while let Ok(Some(one)) = self.store.conversation(self.conversation).await {
            if one.title.is_some() {
                return;
            }
            let from = Some(one.revision);
            let change = ConversationChange {
                title: Some(Some(title.clone())),
                from,
                ..ConversationChange::default()
            };
            if !matches!(self.store.change(self.conversation, change).await, Ok(false)) {
                return;
            }
        }
    }
}
