//! Processes whose engine streams answers are killed at any moment; what they showed is found.
mod shown;
mod talk;

use consort_core::Part;
use consort_store::{NewConversation, SpendQuery, SqliteStore, Status, Store, Turn, TurnId, TurnQuery};
use shown::{Life, Shown, stalled};
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Answers, in all.
const TURNS: usize = 500;
const PROCESSES: usize = 4;
/// What is kept may be so far behind what was shown, in microseconds.
const BEHIND: u64 = 100_000;

/// The text of so many pieces.
fn all(pieces: usize) -> String {
    let pieces: Vec<String> = (0..pieces).map(|piece| format!("{piece} ")).collect();
    pieces.concat()
}

/// What is kept, once all that was shown is over.
struct Kept {
    store: SqliteStore,
    runtime: tokio::runtime::Runtime,
}

impl Kept {
    fn open(database: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { store: SqliteStore::open(database).unwrap(), runtime }
    }

    fn turn(&self, id: TurnId) -> Turn {
        self.runtime.block_on(self.store.turn(id)).unwrap().expect("a turn that was shown is there")
    }

    /// How many microseconds what is kept of an answer is behind what was shown.
    fn behind(&self, id: TurnId, shown: &Shown, life: &Life) -> u64 {
        let turn = self.turn(id);
        let question = self.turn(turn.parent.expect("an answer has a question"));
        assert!(question.parts[0].as_text().unwrap().starts_with("question"), "{question:?}");
        let text: String = turn.parts.iter().filter_map(Part::as_text).collect();
        let pieces = text.split_whitespace().count();
        assert_eq!(text, all(pieces), "each piece once, in its order");
        if shown.finished {
            assert_eq!((turn.status, pieces), (Status::Complete, shown.pieces.len()));
            return 0;
        }
        // It may have ended a moment before it could be shown that it did.
        assert!(matches!(turn.status, Status::Interrupted | Status::Complete), "{:?}", turn.status);
        assert!(pieces >= shown.pieces.len() || turn.status == Status::Interrupted);
        shown.pieces.get(pieces).map_or(0, |first_lost| life.last - first_lost)
    }
}

#[test]
fn killed_processes_lose_a_moment_at_most() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("consort.db");
    let (mut turns, mut finished, mut kills) = (0, 0, 0_u64);
    // The longest delay as it was, and without the time in which the machine kept one of the processes from running.
    let (mut raw, mut fair) = (0, 0);
    let start = Instant::now();
    while turns < TURNS {
        let lives: Vec<_> = (0..PROCESSES)
            .map(|number| {
                let odd = start.elapsed().as_micros() as u64 % 97;
                let millis = 250 + (kills * 331 + number as u64 * 177 + odd) % 900;
                let database = database.clone();
                std::thread::spawn(move || Life::stream_and_kill(&database, Duration::from_millis(millis)))
            })
            .collect();
        kills += PROCESSES as u64;
        let lives: Vec<_> = lives.into_iter().map(|life| life.join().unwrap()).collect();
        // Whoever opens it next finds what they left.
        let kept = Kept::open(&database);
        for life in &lives {
            turns += life.shown.len();
            finished += life.shown.values().filter(|shown| shown.finished).count();
            for (id, shown) in &life.shown {
                let behind = kept.behind(*id, shown, life);
                raw = raw.max(behind);
                fair = fair.max(behind - stalled(&lives, life.last - behind, life.last));
            }
        }
    }
    whole(&database);
    println!(
        "{turns} answers, {finished} finished, {kills} processes killed; behind what was shown by {} ms at most, {} ms \
         of them while all processes could run",
        raw / 1000,
        fair / 1000
    );
    assert!(finished > TURNS / 4, "they were killed too early to finish");
    assert!(fair <= BEHIND, "behind by {} ms", fair / 1000);
}

/// The file is sound, no turn runs any more, and each is there and booked once.
fn whole(database: &Path) {
    let kept = Kept::open(database);
    // A write waits for what the opening set going.
    kept.runtime.block_on(kept.store.create(NewConversation::default())).unwrap();
    let all = kept.runtime.block_on(kept.store.turns(TurnQuery::default())).unwrap();
    assert!(all.iter().all(|hit| hit.turn.status != Status::Running));
    let ids: HashSet<_> = all.iter().map(|hit| hit.turn.id).collect();
    assert_eq!(ids.len(), all.len());
    // Each answer has a question of its own, and each question was asked once.
    let answers: Vec<&Turn> = all.iter().map(|hit| &hit.turn).filter(|turn| turn.answer.is_some()).collect();
    let parents: HashSet<_> = answers.iter().map(|turn| turn.parent).collect();
    assert_eq!(parents.len(), answers.len());
    let questions: Vec<_> = all.iter().map(|hit| &hit.turn).filter(|turn| turn.answer.is_none()).collect();
    let said: HashSet<_> =
        questions.iter().map(|turn| (turn.conversation, turn.parts[0].as_text().unwrap())).collect();
    assert_eq!(said.len(), questions.len());
    let spend = kept.runtime.block_on(kept.store.spend(SpendQuery::default())).unwrap();
    assert_eq!(spend.tries, answers.len() as u64);
    drop(kept);
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
