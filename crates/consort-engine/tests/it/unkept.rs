//! A store that refuses: the answer is given all the same, and the user is told.
use crate::support::{Desk, Scripted, Step, notices};
use consort_core::{Attempt, BoxFuture, Context, Error, ErrorKind, Event, Media, Role, ToolOutput};
use consort_engine::{Ask, Heard, Tools, What, function};
use consort_store::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, CostRow, Ending, GroupBy, Hit,
    MemoryStore, NewConversation, NewRecord, NewTurn, Record, RecordId, RecordQuery, Spend, SpendQuery,
    Status, Store, Summary, SummaryId, Turn, TurnId, TurnQuery,
};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Refuses to write once it was written to so often, or what a turn grows by.
struct Full {
    below: MemoryStore,
    left: AtomicU32,
    grows: bool,
    /// How many turns may begin by now, where that is limited.
    begins: Option<Arc<Semaphore>>,
}

impl Default for Full {
    fn default() -> Self {
        Self { below: MemoryStore::default(), left: AtomicU32::new(u32::MAX), grows: true, begins: None }
    }
}

impl Full {
    fn write<'a, T: Send + 'a>(
        &'a self,
        write: BoxFuture<'a, Result<T, Error>>,
    ) -> BoxFuture<'a, Result<T, Error>> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            return Box::pin(std::future::ready(Err(Error::new(ErrorKind::Setup, "the disk is full"))));
        }
        write
    }
}

macro_rules! reads {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($arg: $kind),*) -> BoxFuture<'_, Result<$out, Error>> {
            self.below.$name($($arg),*)
        })*
    };
}

macro_rules! writes {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($arg: $kind),*) -> BoxFuture<'_, Result<$out, Error>> {
            self.write(self.below.$name($($arg),*))
        })*
    };
}

impl Store for Full {
    fn media(&self, hash: &str) -> BoxFuture<'_, Result<Option<Media>, Error>> {
        self.below.media(hash)
    }

    fn grow(&self, turn: TurnId, events: Vec<Event>) -> BoxFuture<'_, Result<(), Error>> {
        if !self.grows {
            return Box::pin(std::future::ready(Err(Error::new(ErrorKind::Timeout, "the database is busy"))));
        }
        self.write(self.below.grow(turn, events))
    }

    fn begin(&self, turn: NewTurn) -> BoxFuture<'_, Result<(), Error>> {
        let (begun, gate) = (self.write(self.below.begin(turn)), self.begins.clone());
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.acquire().await.unwrap().forget();
            }
            begun.await
        })
    }

    reads! {
        create(new: NewConversation) -> Conversation;
        conversation(id: ConversationId) -> Option<Conversation>;
        conversations(query: ConversationQuery) -> Vec<Conversation>;
        turn(id: TurnId) -> Option<Turn>;
        path(to: TurnId) -> Vec<Turn>;
        tree(conversation: ConversationId) -> Vec<Turn>;
        turns(query: TurnQuery) -> Vec<Hit>;
        summaries(conversation: ConversationId) -> Vec<Summary>;
        records(query: RecordQuery) -> Vec<Record>;
        spend(query: SpendQuery) -> Spend;
        costs(query: SpendQuery, by: GroupBy) -> Vec<CostRow>;
    }
    writes! {
        change(id: ConversationId, change: ConversationChange) -> bool;
        purge(id: ConversationId) -> ();
        append(turn: NewTurn) -> ();
        end(turn: TurnId, ending: Ending) -> ();
        pin(turn: TurnId, pinned: bool) -> ();
        book(conversation: ConversationId, key: Option<String>, attempts: Vec<Attempt>) -> ();
        put_summary(summary: Summary) -> ();
        remove_summary(id: SummaryId) -> ();
        remember(record: NewRecord) -> Record;
        forget(id: RecordId) -> bool;
    }
}

#[tokio::test]
async fn an_answer_is_not_lost_to_a_full_disk() {
    for writes in 0..5 {
        let store = Full { left: AtomicU32::new(writes), ..Full::default() };
        let desk = Desk::on(Arc::new(store)).await;
        let model = Scripted::new(vec![vec![Step::Say("All the same.")]]);
        let (outcome, envelopes) = desk.run(desk.ask(&model, "Hello")).await;
        assert_eq!(
            (outcome.status, outcome.response.unwrap().text().as_str()),
            (Status::Complete, "All the same.")
        );
        assert_eq!(outcome.kept, writes == 4, "after {writes} writes");
        let told = notices(&envelopes);
        let expected = "this conversation is not kept from here on: the disk is full";
        assert_eq!(told, if writes == 4 { vec![] } else { vec![expected] }, "after {writes} writes");
    }
}

#[tokio::test]
async fn an_answer_whose_pieces_were_refused_ends_all_the_same() {
    let store = Arc::new(Full { grows: false, ..Full::default() });
    let desk = Desk::on(store.clone()).await;
    let model = Scripted::new(vec![vec![Step::Say("All of it.")]]);
    let (outcome, envelopes) = desk.run(desk.ask(&model, "Hello")).await;
    assert_eq!((outcome.kept, notices(&envelopes)), (true, vec![]));
    let turn = desk.branch().await.pop().unwrap();
    assert_eq!((turn.status, turn.parts[0].as_text()), (Status::Complete, Some("All of it.")));
    // The next one is kept too.
    let (outcome, _) = desk.run(desk.ask(&model, "Again")).await;
    assert_eq!((outcome.kept, desk.branch().await.len()), (true, 4));
}

#[tokio::test]
async fn nothing_of_a_turn_is_told_before_it_is_kept() {
    let gate = Arc::new(Semaphore::new(0));
    let store = Arc::new(Full { begins: Some(gate.clone()), ..Full::default() });
    let desk = Desk::on(store).await;
    let model = Scripted::new(vec![
        vec![Step::Say("Let me look."), Step::Call("c1", "look", "{}")],
        vec![Step::Say("A cat.")],
    ]);
    let look = function("look", "Looks.", |_: Value, _: Context| async { Ok(ToolOutput::text("a cat")) });
    let ask = Ask { tools: Tools::new(vec![Arc::new(look)]).unwrap(), ..desk.ask(&model, "What is there?") };
    let mut heard = desk.engine.bus().subscribe();
    let engine = desk.engine.clone();
    let run = tokio::spawn(async move { engine.start(ask).await.unwrap().done().await });
    // The question, the answer that calls, the result, the answer that tells.
    let (mut roles, mut said) = (Vec::new(), String::new());
    for (turns, words) in
        [(0, ""), (1, ""), (2, "Let me look."), (3, "Let me look."), (4, "Let me look.A cat.")]
    {
        while let Ok(Some(Heard::Envelope(heard))) =
            tokio::time::timeout(Duration::from_millis(100), heard.next()).await
        {
            said.extend(heard.delta());
            if let What::TurnStarted { role, .. } = heard.what {
                roles.push(role);
            }
        }
        assert_eq!((roles.len(), said.as_str()), (turns, words));
        gate.add_permits(1);
    }
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::Assistant]);
    let outcome = run.await.unwrap();
    // Each answer was paid for.
    assert_eq!((outcome.status, outcome.kept, outcome.attempts.len()), (Status::Complete, true, 2));
}
