//! What the store costs, in milliseconds of CPU: `cargo bench -p consort-store`.
//!
//! The first run writes a million turns to `target/store-bench/`, which takes minutes; `TURNS` sets another number.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench prints, and fails by stopping"
)]
use consort_core::{Delta, Event, Part, PartKey, Role};
use consort_store::{
    Answer, ConversationQuery, Ending, GroupBy, NewConversation, NewRecord, NewTurn, RecordQuery, SpendQuery,
    SqliteStore, Status, Store, TurnId, TurnQuery, Vector,
};
use pollster::block_on;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PER_TALK: usize = 20;
const RECORDS: usize = 100_000;
const DIMENSIONS: usize = 384;

fn main() {
    let turns: usize = std::env::var("TURNS").map_or(1_000_000, |turns| turns.parse().unwrap());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/store-bench");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{turns}.db"));
    if !path.exists() {
        // One that was stopped half way is not taken for whole.
        let half = folder.join(format!("{turns}.half"));
        let _ = std::fs::remove_file(&half);
        fill(&half, turns);
        std::fs::rename(&half, &path).unwrap();
    }
    println!("{turns} turns, {} MB; ms of CPU, the median of 11, opening included", size(&path));
    reads(&path);
    let records = folder.join("records.db");
    if !records.exists() {
        remember(&records);
    }
    nearest(&records);
    streams(&folder);
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len() / 1_000_000
}

/// All that a command would do, from opening on.
fn reads(path: &Path) {
    let search = |words: &str, limit| TurnQuery {
        search: Some(words.into()),
        limit: Some(limit),
        ..TurnQuery::default()
    };
    let cases: [(&str, TurnQuery); 8] = [
        ("the last three turns", TurnQuery { limit: Some(3), ..TurnQuery::default() }),
        (
            "the last three of a model",
            TurnQuery { model: Some("zoo/crow".into()), limit: Some(3), ..TurnQuery::default() },
        ),
        ("a word in 10 turns", search("needle", 20)),
        ("a word in 1 of 100 turns and another", search("pelican w7", 20)),
        ("two Chinese characters in 1 of 500 turns", search("学习", 20)),
        ("a word in every turn", search("the", 20)),
        ("the beginning of a hundred words", search("w12", 20)),
        ("the beginning of ten words", search("w123", 20)),
    ];
    for (name, query) in cases {
        measure(name, || {
            let store = SqliteStore::open(path).unwrap();
            block_on(store.turns(query.clone())).unwrap().len()
        });
    }
    measure("the list of conversations", || {
        let query = ConversationQuery { limit: Some(30), ..ConversationQuery::default() };
        block_on(SqliteStore::open(path).unwrap().conversations(query)).unwrap().len()
    });
    for (name, words) in
        [("conversations by a rare word", "needle"), ("conversations by a word in all", "the")]
    {
        measure(name, || {
            let query = ConversationQuery {
                search: Some(words.into()),
                limit: Some(30),
                ..ConversationQuery::default()
            };
            block_on(SqliteStore::open(path).unwrap().conversations(query)).unwrap().len()
        });
    }
    measure("the path to the last turn", || {
        let store = SqliteStore::open(path).unwrap();
        let last = block_on(store.turns(TurnQuery { limit: Some(1), ..TurnQuery::default() })).unwrap();
        block_on(store.path(last[0].turn.id)).unwrap().len()
    });
    measure("costs by month", || {
        block_on(SqliteStore::open(path).unwrap().costs(SpendQuery::default(), GroupBy::Month)).unwrap().len()
    });
}

fn nearest(path: &Path) {
    println!("{RECORDS} records of {DIMENSIONS} numbers");
    let vector = Some(Vector { embedder: "eye".into(), values: numbers(7) });
    for (name, search, vector) in [
        ("by words", Some("w7 w9"), None),
        ("by vector", None, vector.clone()),
        ("by both", Some("w7 w9"), vector),
    ] {
        measure(name, || {
            let query = RecordQuery {
                scope: "ada".into(),
                search: search.map(str::to_owned),
                vector: vector.clone(),
                limit: Some(10),
            };
            block_on(SqliteStore::open(path).unwrap().records(query)).unwrap().len()
        });
    }
}

fn measure(name: &str, work: impl Fn() -> usize) {
    let mut all: Vec<(Duration, Duration)> = Vec::new();
    let mut found = 0;
    for _ in 0..11 {
        let (cpu, wall) = (cpu(), Instant::now());
        found = work();
        all.push((self::cpu().saturating_sub(cpu), wall.elapsed()));
    }
    all.sort();
    let (cpu, wall) = all[all.len() / 2];
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!("  {name:44} {:8.2} ms CPU {:8.2} ms   {found} found", millis(cpu), millis(wall));
}

/// The CPU time of this process, all its threads.
fn cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// Many turns that stream at once, each a few events at a time.
fn streams(folder: &Path) {
    const STREAMS: usize = 200;
    const ROUNDS: usize = 50;
    const PIECES: usize = 4;
    let path = folder.join("streams.db");
    let _ = std::fs::remove_file(&path);
    let store = SqliteStore::open(&path).unwrap();
    let talk = block_on(store.create(NewConversation::default())).unwrap().id;
    let (cpu, wall) = (cpu(), Instant::now());
    let mut ids = Vec::new();
    for _ in 0..STREAMS {
        let new = NewTurn { status: Status::Running, ..turn(talk, None, "zoo/parrot", "") };
        ids.push(new.id);
        block_on(store.begin(new)).unwrap();
    }
    for _ in 0..ROUNDS {
        let piece = Event::PartDelta { part: PartKey(0), delta: Delta::Text("token ".into()) };
        let kept: Vec<_> = ids.iter().map(|id| store.grow(*id, vec![piece.clone(); PIECES])).collect();
        kept.into_iter().for_each(|kept| block_on(kept).unwrap());
    }
    for id in ids {
        let parts = vec![Part::text("token ".repeat(ROUNDS * PIECES))];
        block_on(store.end(id, Ending { status: Status::Complete, parts, answer: None })).unwrap();
    }
    let (cpu, wall) = (self::cpu().saturating_sub(cpu), wall.elapsed());
    println!(
        "{STREAMS} streams of {} events each: {:.1} us CPU an event, {:.2} s in all",
        ROUNDS * PIECES,
        cpu.as_secs_f64() * 1e6 / (STREAMS * ROUNDS * PIECES) as f64,
        wall.as_secs_f64()
    );
}

fn turn(
    conversation: consort_store::ConversationId,
    parent: Option<TurnId>,
    model: &str,
    text: &str,
) -> NewTurn {
    NewTurn {
        answer: Some(Box::new(Answer {
            model: model.into(),
            instructions: "Be brief.".into(),
            ..Answer::default()
        })),
        ..NewTurn::complete(conversation, parent, Role::Assistant, vec![Part::text(text)])
    }
}

fn fill(path: &Path, turns: usize) {
    let store = SqliteStore::open(path).unwrap();
    let mut dice = 1;
    for number in (0..turns).step_by(PER_TALK) {
        let title = Some(format!("Talk {number}"));
        let talk =
            block_on(store.create(NewConversation { title, ..NewConversation::default() })).unwrap().id;
        let mut parent = None;
        let begun: Vec<_> = (number..number + PER_TALK)
            .map(|number| {
                let model = if number % 1000 == 0 { "zoo/crow" } else { "zoo/parrot" };
                let new = turn(talk, parent, model, &text(number, turns, &mut dice));
                parent = Some(new.id);
                store.begin(new)
            })
            .collect();
        begun.into_iter().for_each(|begun| block_on(begun).unwrap());
    }
}

/// Sixty words, some of which are rare.
fn text(number: usize, turns: usize, dice: &mut u64) -> String {
    let mut words: Vec<String> = (0..58).map(|_| format!("w{}", roll(dice) % 5000)).collect();
    words.push("the".into());
    if number % (turns / 10) == 7 {
        words.push("needle".into());
    }
    if number % 100 == 3 {
        words.push("pelican".into());
    }
    if number % 500 == 5 {
        words.push("今天我们学习编程语言".into());
    }
    words.join(" ")
}

fn roll(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice >> 16
}

fn numbers(seed: u64) -> Vec<f32> {
    let mut dice = seed * 2 + 1;
    (0..DIMENSIONS).map(|_| (roll(&mut dice) % 2001) as f32 - 1000.5).collect()
}

fn remember(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let mut dice = 1;
    let kept: Vec<_> = (0..RECORDS)
        .map(|number| {
            let text = (0..20).map(|_| format!("w{}", roll(&mut dice) % 5000)).collect::<Vec<_>>().join(" ");
            let vector = Some(Vector { embedder: "eye".into(), values: numbers(number as u64) });
            store.remember(NewRecord { scope: "ada".into(), text, vector, ..NewRecord::default() })
        })
        .collect();
    kept.into_iter().for_each(|kept| drop(block_on(kept).unwrap()));
}
