//! Processes that stream turns are killed at any moment; what they showed is found.
use crate::child::child;
use consort_core::{Delta, Event, Part, PartKey, PartKind, Role};
use consort_store::{
    Answer, ConversationId, Ending, NewConversation, NewTurn, SpendQuery, SqliteStore, Status, Store, TurnId,
    TurnQuery,
};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

const TURNS: usize = 500;
const PROCESSES: usize = 4;
/// Turns that one process streams at once.
const STREAMS: u64 = 8;

/// What a process showed of a turn.
#[derive(Default)]
struct Shown {
    /// When each piece was shown, in microseconds.
    pieces: Vec<u64>,
    finished: bool,
}

/// The process that is killed: it streams turns for ever, and says on its output what it shows.
#[test]
#[ignore = "a part of the test below, in a process of its own"]
fn streams() {
    let store: &dyn Store = &SqliteStore::open(database()).unwrap();
    let said = &Said::default();
    std::thread::scope(|threads| {
        for stream in 0..STREAMS {
            threads.spawn(move || pollster::block_on(talk(store, said, stream)));
        }
        threads.spawn(move || keep(store, said));
    });
}

/// What was said in each turn, and waits to be kept.
type Said = Mutex<HashMap<TurnId, Vec<Event>>>;

/// Keeps it, 40 ms after it was said at most, as the engine does.
fn keep(store: &dyn Store, said: &Said) {
    loop {
        std::thread::sleep(Duration::from_millis(40));
        let waiting = std::mem::take(&mut *said.lock().unwrap());
        let kept: Vec<_> = waiting.into_iter().map(|(turn, events)| store.grow(turn, events)).collect();
        // A turn that ended meanwhile grows no more.
        kept.into_iter().for_each(|kept| drop(pollster::block_on(kept)));
    }
}

fn database() -> PathBuf {
    std::env::var_os("STORE_UNDER_TEST").expect("the test says which").into()
}

async fn talk(store: &dyn Store, said: &Said, stream: u64) {
    let talk = store.create(NewConversation::default()).await.unwrap();
    let mut parent = None;
    for number in 0.. {
        parent = Some(answer(store, said, talk.id, parent, 10 + (stream * 7 + number * 13) % 50).await);
    }
}

async fn answer(
    store: &dyn Store,
    said: &Said,
    conversation: ConversationId,
    parent: Option<TurnId>,
    pieces: u64,
) -> TurnId {
    let id = TurnId::new();
    let answer = Answer { model: "zoo/parrot".into(), ..Answer::default() };
    let new = NewTurn {
        id,
        status: Status::Running,
        answer: Some(Box::new(answer)),
        ..NewTurn::complete(conversation, parent, Role::Assistant, Vec::new())
    };
    store.begin(new).await.unwrap();
    let push = |event| said.lock().unwrap().entry(id).or_default().push(event);
    push(Event::PartStart { part: PartKey(0), choice: 0, kind: PartKind::Text });
    for piece in 0..pieces {
        push(Event::PartDelta { part: PartKey(0), delta: Delta::Text(format!("{piece} ")) });
        show(&format!("shown {id} {piece} {}", micros()));
        std::thread::sleep(Duration::from_millis(1 + piece % 9));
    }
    let text = all(pieces);
    let ending = Ending { status: Status::Complete, parts: vec![Part::text(text)], answer: None };
    store.end(id, ending).await.unwrap();
    show(&format!("finished {id} {pieces} {}", micros()));
    id
}

/// The text of so many pieces.
fn all(pieces: u64) -> String {
    let pieces: Vec<String> = (0..pieces).map(|piece| format!("{piece} ")).collect();
    pieces.concat()
}

fn show(line: &str) {
    // One write: a line is there whole, or not at all.
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn micros() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64
}

/// Streams in a process of its own for a while, kills it, and tells what it showed and when it showed the last of it.
fn stream_and_kill(database: &Path, lives: Duration) -> (HashMap<TurnId, Shown>, u64) {
    let mut process = child("crash::streams", database).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let (mut shown, mut last): (HashMap<TurnId, Shown>, u64) = (HashMap::new(), 0);
        for line in output.lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            let [what @ ("shown" | "finished"), turn, number, at] = words[..] else { continue };
            last = last.max(at.parse().unwrap());
            let of = shown.entry(turn.parse().unwrap()).or_default();
            if what == "shown" {
                assert_eq!(of.pieces.len(), number.parse::<usize>().unwrap());
                of.pieces.push(at.parse().unwrap());
            } else {
                of.finished = true;
            }
        }
        (shown, last)
    });
    std::thread::sleep(lives);
    process.kill().unwrap();
    process.wait().unwrap();
    reader.join().unwrap()
}

/// How far what is kept of a turn is behind what was shown, in microseconds.
fn behind(store: &SqliteStore, turn: TurnId, shown: &Shown, last: u64) -> u64 {
    let kept = pollster::block_on(store.turn(turn)).unwrap().expect("a turn that was shown is there");
    let text: String = kept.parts.iter().filter_map(Part::as_text).collect();
    let pieces = text.split_whitespace().count();
    assert_eq!(text, all(pieces as u64), "each piece once, in its order");
    if shown.finished {
        assert_eq!((kept.status, pieces), (Status::Complete, shown.pieces.len()));
        return 0;
    }
    // It may have ended a moment before it could be shown that it did.
    assert!(matches!(kept.status, Status::Interrupted | Status::Complete), "{:?}", kept.status);
    assert!(pieces + 1 >= shown.pieces.len() || kept.status == Status::Interrupted);
    shown.pieces.get(pieces).map_or(0, |first_lost| last - first_lost)
}

#[test]
fn killed_processes_lose_a_moment_at_most() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("consort.db");
    let (mut turns, mut finished, mut kills, mut delays) = (0, 0, 0u64, Vec::new());
    let (start, stall) = (Instant::now(), Stall::begin());
    while turns < TURNS {
        let lives: Vec<_> = (0..PROCESSES)
            .map(|number| {
                let millis =
                    250 + (kills * 331 + number as u64 * 177 + start.elapsed().as_micros() as u64 % 97) % 900;
                let database = database.clone();
                std::thread::spawn(move || stream_and_kill(&database, Duration::from_millis(millis)))
            })
            .collect();
        kills += PROCESSES as u64;
        let lives: Vec<_> = lives.into_iter().map(|life| life.join().unwrap()).collect();
        // Whoever opens it next finds what they left.
        let store = SqliteStore::open(&database).unwrap();
        for (shown, last) in &lives {
            turns += shown.len();
            finished += shown.values().filter(|shown| shown.finished).count();
            delays.extend(shown.iter().map(|(turn, shown)| behind(&store, *turn, shown, *last)));
        }
    }
    whole(&database);
    let (most, stall) = (delays.iter().max().unwrap() / 1000, stall.end());
    println!(
        "{turns} turns, {finished} finished, {kills} processes killed, behind what was shown by {most} ms at most, \
         on a machine that kept a sleeper waiting for {stall} ms"
    );
    assert!(finished > TURNS / 4, "they were killed too early to finish");
    // Three times somebody has to be woken: who writes it down, who commits it, and who waits for another process.
    assert!(most <= 100 + 3 * stall, "behind by {most} ms");
}

/// How long the machine keeps somebody waiting who should have been woken: a busy one has no 100 ms to promise.
struct Stall {
    done: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<u64>,
}

impl Stall {
    fn begin() -> Self {
        const NAP: Duration = Duration::from_millis(5);
        let done = Arc::new(AtomicBool::new(false));
        let seen = done.clone();
        let thread = std::thread::spawn(move || {
            let mut most = Duration::ZERO;
            while !seen.load(Ordering::Relaxed) {
                let start = Instant::now();
                std::thread::sleep(NAP);
                most = most.max(start.elapsed().saturating_sub(NAP));
            }
            most.as_millis() as u64
        });
        Self { done, thread }
    }

    fn end(self) -> u64 {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// The file is sound, no turn runs any more, and each is there and booked once.
fn whole(database: &Path) {
    let store = SqliteStore::open(database).unwrap();
    // A write waits for what the opening set going.
    pollster::block_on(store.create(NewConversation::default())).unwrap();
    let all = pollster::block_on(store.turns(TurnQuery::default())).unwrap();
    assert!(all.iter().all(|hit| hit.turn.status != Status::Running));
    let ids: std::collections::HashSet<_> = all.iter().map(|hit| hit.turn.id).collect();
    assert_eq!(ids.len(), all.len());
    let spend = pollster::block_on(store.spend(SpendQuery::default())).unwrap();
    assert_eq!(spend.tries, all.len() as u64);
    drop(store);
    let plain = rusqlite::Connection::open(database).unwrap();
    let text = |sql: &str| plain.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let count = |sql: &str| plain.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_eq!(count("SELECT count(*) FROM pieces"), 0);
    assert_eq!(count("SELECT count(*) FROM writers"), 0);
    for table in ["turn_words", "title_words", "record_words"] {
        plain.execute(&format!("INSERT INTO {table} ({table}) VALUES ('integrity-check')"), []).unwrap();
    }
}
