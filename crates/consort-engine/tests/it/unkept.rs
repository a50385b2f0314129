//! A store that refuses: the answer is given all the same, and the user is told.
use crate::support::{Desk, Scripted, Step, notices};
use consort_core::{
    Attempt, BoxFuture, Context, Delta, Error, ErrorKind, Event, EventStream, Media, Model, ModelCard, Part,
    Request, Role, ToolOutput,
};
use consort_engine::{Ask, Heard, Tools, What, function};
use consort_store::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, CostRow, Ending, GroupBy, Hit,
    MemoryStore, NewConversation, NewRecord, NewTurn, Record, RecordId, RecordQuery, Spend, SpendQuery,
    Status, Store, Summary, SummaryId, Turn, TurnId, TurnQuery,
};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Refuses to write once it was written to so often, or is busy when a turn is to grow or to end.
struct Full {
    below: MemoryStore,
    left: AtomicU32,
    /// How often it is too busy for what a turn grows by, and for the ends of turns.
    busy: [AtomicU32; 2],
    /// How long it takes for what a turn grows by, and how much text that was at most.
    slow: Duration,
    largest: AtomicUsize,
    /// How many turns may begin by now, where that is limited.
    begins: Option<Arc<Semaphore>>,
}

impl Default for Full {
    fn default() -> Self {
        Self {
            below: MemoryStore::default(),
            left: AtomicU32::new(u32::MAX),
            busy: Default::default(),
            slow: Duration::ZERO,
            largest: AtomicUsize::new(0),
            begins: None,
        }
    }
}

impl Full {
    /// Refuses once more, where it is still busy.
    fn busy<'a>(left: &AtomicU32) -> Option<BoxFuture<'a, Result<(), Error>>> {
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).ok()?;
        let error = Error::new(ErrorKind::Server, "the database is busy");
        Some(Box::pin(std::future::ready(Err(error))))
    }

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
        let text = |event: &Event| match event {
            Event::PartDelta { delta: Delta::Text(text), .. } => text.len(),
            _ => 0,
        };
        self.largest.fetch_max(events.iter().map(text).sum(), Ordering::SeqCst);
        if !self.slow.is_zero() {
            let grown = self.below.grow(turn, events);
            return Box::pin(async move {
                tokio::time::sleep(self.slow).await;
                grown.await
            });
        }
        Self::busy(&self.busy[0]).unwrap_or_else(|| self.write(self.below.grow(turn, events)))
    }

    fn end(&self, turn: TurnId, ending: Ending) -> BoxFuture<'_, Result<(), Error>> {
        Self::busy(&self.busy[1]).unwrap_or_else(|| self.write(self.below.end(turn, ending)))
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
    let store = Arc::new(Full { busy: [u32::MAX.into(), 0.into()], ..Full::default() });
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

/// What comes faster than it can be kept does not pile up, and a store that is stuck is waited for once.
#[tokio::test]
async fn an_answer_waits_for_a_slow_disk_and_not_for_a_stuck_one() {
    const PIECE: usize = 256 << 10;
    let piece: &'static str = "x".repeat(PIECE).leak();
    let model = || Scripted::new(vec![(0..24).map(|_| Step::Say(piece)).collect()]);
    let store = Arc::new(Full { slow: Duration::from_millis(100), ..Full::default() });
    let desk = Desk::on(store.clone()).await;
    let (outcome, _) = desk.run(desk.ask(&model(), "All")).await;
    assert_eq!((outcome.kept, outcome.response.unwrap().text().len()), (true, 24 * PIECE));
    let largest = store.largest.load(Ordering::SeqCst);
    assert!(largest < 3 << 20, "{largest}");
    let store = Arc::new(Full { busy: [u32::MAX.into(), 0.into()], ..Full::default() });
    let desk = Desk::on(store).await;
    let begun = std::time::Instant::now();
    let (outcome, _) = desk.run(desk.ask(&model(), "All")).await;
    assert_eq!((outcome.kept, outcome.response.unwrap().text().len()), (true, 24 * PIECE));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
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

#[tokio::test]
async fn what_a_busy_disk_refuses_is_kept_once_it_takes_it() {
    let store = Arc::new(Full { busy: [2.into(), 2.into()], ..Full::default() });
    let desk = Desk::on(store).await;
    let model = Scripted::new(vec![vec![
        Step::Say("One, "),
        Step::Wait(Duration::from_millis(60)),
        Step::Say("two, "),
        Step::Wait(Duration::from_millis(400)),
        Step::Say("three."),
    ]]);
    let run = desk.engine.start(desk.ask(&model, "Count.")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(350)).await;
    let running = desk.branch().await.pop().unwrap();
    let words = |turn: &Turn| turn.parts.iter().filter_map(Part::as_text).collect::<String>();
    assert_eq!((running.status, words(&running).as_str()), (Status::Running, "One, two, "));
    let outcome = run.done().await;
    let ended = desk.branch().await.pop().unwrap();
    assert_eq!((outcome.kept, ended.status), (true, Status::Complete));
    assert_eq!(words(&ended), "One, two, three.");
}

/// Says a word, and panics.
struct Panics(ModelCard);

impl Model for Panics {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn stream(&self, _: Arc<Request>, _: Context) -> EventStream {
        let said = Event::text_answer("So far.").into_iter().take(3).map(Ok);
        stream::iter(said).chain(stream::once(async { panic!("as planned") })).boxed()
    }
}

#[tokio::test]
async fn a_model_that_panics_takes_nothing_with_it() {
    let store = Arc::new(Full::default());
    let left = Arc::downgrade(&store);
    let desk = Desk::on(store).await;
    let model = Arc::new(Panics(ModelCard::new("test", "model")));
    let ask = Ask::new(desk.conversation, model, vec![Part::text("Hello")]);
    let outcome = desk.engine.start(ask).await.unwrap().done().await;
    assert_eq!(outcome.status, Status::Interrupted);
    assert!(outcome.error.unwrap().message().contains("panicked"));
    let turn = desk.branch().await.pop().unwrap();
    assert_eq!((turn.status, turn.parts[0].as_text()), (Status::Interrupted, Some("So far.")));
    drop(desk);
    for _ in 0..50 {
        if left.strong_count() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("something holds the store");
}
