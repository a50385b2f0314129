//! Every backend keeps the promises of the suite.
use consort_store::{MemoryStore, SqliteStore, suite};
use tempfile::TempDir;

#[test]
fn memory_keeps_the_promises() {
    suite::run(|| async { MemoryStore::new() });
}

#[test]
fn sqlite_keeps_the_promises() {
    let folder = TempDir::new().unwrap();
    let count = std::cell::Cell::new(0);
    suite::run(|| async {
        count.set(count.get() + 1);
        SqliteStore::open(folder.path().join(format!("{}.db", count.get()))).unwrap()
    });
}

#[test]
fn the_same_work_has_the_same_answers() {
    let folder = TempDir::new().unwrap();
    for seed in 0..20 {
        let sqlite = SqliteStore::open(folder.path().join(format!("{seed}.db"))).unwrap();
        suite::compare(&MemoryStore::new(), &sqlite, seed, 300);
    }
}
