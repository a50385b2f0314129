//! The process that is killed: its engine answers questions for ever, and it says on its output what it shows.
use super::all;
use consort_core::{
    Context, Delta, Event, EventStream, FinishReason, Model, ModelCard, Part, PartKey, PartKind, Request,
};
use consort_engine::{Ask, Engine};
use consort_store::{NewConversation, SqliteStore, Status, TurnId};
use futures_util::{StreamExt, stream};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Conversations that one process leads at once.
const STREAMS: usize = 8;

/// How often the process says that it runs.
pub(super) const BEAT: Duration = Duration::from_millis(5);

#[test]
#[ignore = "a part of the test above, in a process of its own"]
fn streams() {
    let database = std::env::var_os("STORE_UNDER_TEST").expect("the test says which");
    std::thread::spawn(|| {
        loop {
            show(&format!("beat {}", micros()));
            std::thread::sleep(BEAT);
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let engine = Engine::new(Arc::new(SqliteStore::open(database).unwrap()));
        let talks: Vec<_> = (0..STREAMS).map(|stream| tokio::spawn(talk(engine.clone(), stream))).collect();
        for talk in talks {
            talk.await.unwrap();
        }
    });
}

/// Says the numbers up to the one that it is asked for, a few milliseconds apart.
struct Counting(ModelCard);

impl Model for Counting {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn stream(&self, request: Arc<Request>, _: Context) -> EventStream {
        let asked = request.last_user_text();
        let pieces: usize = asked.split(' ').next_back().unwrap().parse().unwrap();
        let part = PartKey(0);
        let begin = [
            Event::Started { model: Some("counting-1".into()), response_id: None },
            Event::PartStart { part, choice: 0, kind: PartKind::Text },
        ];
        let words = stream::iter(0..pieces).then(move |piece| async move {
            tokio::time::sleep(Duration::from_millis(1 + piece as u64 % 9)).await;
            Event::PartDelta { part, delta: Delta::Text(format!("{piece} ")) }
        });
        let end = [Event::PartEnd { part }, Event::Finished(FinishReason::Stop.into())];
        stream::iter(begin).chain(words).chain(stream::iter(end)).map(Ok).boxed()
    }
}

async fn talk(engine: Engine, stream: usize) {
    let model = Arc::new(Counting(ModelCard::new("zoo", "parrot")));
    let talk = engine.store().create(NewConversation::default()).await.unwrap();
    for number in 0.. {
        let pieces = 10 + (stream * 7 + number * 13) % 50;
        let question = vec![Part::text(format!("question {number}: count to {pieces}"))];
        answer(&engine, Ask::new(talk.id, model.clone(), question), pieces).await;
    }
}

async fn answer(engine: &Engine, ask: Ask, pieces: usize) {
    let run = engine.start(ask).await.unwrap();
    let mut events = run.events(0);
    let (mut turn, mut shown) = (None::<TurnId>, 0);
    while let Some(envelope) = events.next().await {
        if envelope.delta().is_some() {
            turn = envelope.turn;
            show(&format!("shown {} {shown} {}", envelope.turn.unwrap(), micros()));
            shown += 1;
        }
    }
    let outcome = run.done().await;
    assert_eq!((outcome.status, outcome.kept), (Status::Complete, true));
    assert_eq!(outcome.response.unwrap().text(), all(pieces));
    show(&format!("finished {} {pieces} {}", turn.unwrap(), micros()));
}

fn show(line: &str) {
    // One write: a line is there whole, or not at all.
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn micros() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64
}
