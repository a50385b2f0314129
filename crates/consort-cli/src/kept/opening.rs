//! A store that opens while something else goes on: what is written is handed over at once, and waited for before
//! anything is shown.
use consort_core::{Attempt, BoxFuture, Error, ErrorKind, Event, Media};
use consort_store::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, CostRow, Ending, GroupBy, Hit,
    NewConversation, NewRecord, NewTurn, Record, RecordId, RecordQuery, Spend, SpendQuery, Store, Summary,
    SummaryId, Turn, TurnId, TurnQuery,
};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// What the thread does next with the store, or with the reason why there is none.
type Job = Box<dyn FnOnce(Result<&dyn Store, &Error>) + Send>;

/// A store behind a thread that opens it and then does one thing after the other.
pub(crate) struct Opening {
    thread: Mutex<Option<(Sender<Job>, JoinHandle<()>)>>,
    /// The first thing that could not be kept.
    refused: Arc<Mutex<Option<Error>>>,
}

impl Opening {
    pub(crate) fn new<S: Store + 'static>(open: impl FnOnce() -> Result<S, Error> + Send + 'static) -> Self {
        let (jobs, todo) = channel::<Job>();
        let work = move || {
            let store = open();
            for job in todo {
                job(store.as_ref().map(|store| store as &dyn Store));
            }
        };
        // Where no thread starts, nothing is kept, and whoever asks is told.
        let thread = std::thread::Builder::new().name("store".into()).spawn(work).ok();
        Self { thread: Mutex::new(thread.map(|thread| (jobs, thread))), refused: Arc::default() }
    }

    /// Waits until all that was handed over is kept, or could not be.
    pub(crate) async fn settled(&self) {
        let (say, said) = oneshot::channel();
        self.hand_over(Box::new(move |_| {
            let _ = say.send(());
        }));
        let _ = said.await;
    }

    /// Closes it, when all is written.
    pub(crate) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((jobs, thread)) = thread {
            drop(jobs);
            // One that panicked has said so.
            let _ = thread.join();
        }
    }

    fn hand_over(&self, job: Job) {
        if let Some((jobs, _)) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            // A job that nobody takes drops its sender, which says so.
            let _ = jobs.send(job);
        }
    }

    /// Does it, and waits for what comes of it.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, Error> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Error>> {
        let (say, said) = oneshot::channel();
        self.hand_over(Box::new(move |store| {
            let result = match store {
                Ok(store) => work(store),
                Err(error) => Err(error.clone()),
            };
            let _ = say.send(result);
        }));
        Box::pin(async { said.await.unwrap_or_else(|_| Err(closed())) })
    }

    /// The same, unless something before it was refused already.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, Error> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Error>> {
        let refused = self.refused.clone();
        self.ask(move |store| {
            let before = refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
            before.map_or_else(|| work(store), Err)
        })
    }

    /// Does it without being waited for. A refusal is what the next one that waits is told.
    fn later(&self, work: impl FnOnce(&dyn Store) -> Result<(), Error> + Send + 'static) {
        let refused = self.refused.clone();
        self.hand_over(Box::new(move |store| {
            let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
            if refused.is_none() {
                *refused = match store {
                    Ok(store) => work(store).err(),
                    Err(error) => Some(error.clone()),
                };
            }
        }));
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Server, "the store was closed before it was done")
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.close();
    }
}

/// Hands a call over to the thread, which waits for it.
macro_rules! hand_over {
    ($($how:ident $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self $(, $argument: $kind)*) -> BoxFuture<'_, Result<$answer, Error>> {
            self.$how(move |store| pollster::block_on(store.$name($($argument),*)))
        })*
    };
}

impl Store for Opening {
    fn create(&self, mut new: NewConversation) -> BoxFuture<'_, Result<Conversation, Error>> {
        new.id.get_or_insert_with(ConversationId::new);
        let made = new.clone().begun();
        self.later(move |store| pollster::block_on(store.create(new)).map(drop));
        Box::pin(std::future::ready(Ok(made)))
    }

    fn begin(&self, turn: NewTurn) -> BoxFuture<'_, Result<(), Error>> {
        self.later(move |store| pollster::block_on(store.begin(turn)));
        Box::pin(std::future::ready(Ok(())))
    }

    fn media(&self, hash: &str) -> BoxFuture<'_, Result<Option<Media>, Error>> {
        let hash = hash.to_owned();
        self.ask(move |store| pollster::block_on(store.media(&hash)))
    }

    hand_over! {
        write append(turn: NewTurn) -> ();
        write change(id: ConversationId, change: ConversationChange) -> bool;
        write grow(turn: TurnId, events: Vec<Event>) -> ();
        write end(turn: TurnId, ending: Ending) -> ();
        write pin(turn: TurnId, pinned: bool) -> ();
        write purge(id: ConversationId) -> ();
        write book(conversation: ConversationId, key: Option<String>, attempts: Vec<Attempt>) -> ();
        write put_summary(summary: Summary) -> ();
        write remove_summary(id: SummaryId) -> ();
        write remember(record: NewRecord) -> Record;
        write forget(id: RecordId) -> bool;
        ask conversation(id: ConversationId) -> Option<Conversation>;
        ask conversations(query: ConversationQuery) -> Vec<Conversation>;
        ask turn(id: TurnId) -> Option<Turn>;
        ask path(to: TurnId) -> Vec<Turn>;
        ask tree(conversation: ConversationId) -> Vec<Turn>;
        ask turns(query: TurnQuery) -> Vec<Hit>;
        ask summaries(conversation: ConversationId) -> Vec<Summary>;
        ask records(query: RecordQuery) -> Vec<Record>;
        ask spend(query: SpendQuery) -> Spend;
        ask costs(query: SpendQuery, by: GroupBy) -> Vec<CostRow>;
    }
}
