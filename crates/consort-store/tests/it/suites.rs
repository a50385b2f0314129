//! Every backend keeps the promises of the suite.
use consort_store::{MemoryStore, suite};

#[test]
fn memory_keeps_the_promises() {
    suite::run(|| async { MemoryStore::new() });
}

#[test]
fn the_same_work_has_the_same_answers() {
    for seed in 0..20 {
        suite::compare(&MemoryStore::new(), &MemoryStore::new(), seed, 200);
    }
}
