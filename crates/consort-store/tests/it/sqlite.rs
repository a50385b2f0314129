//! What only the file must bear: several processes, turns that were left, payloads that are kept once.
use bytes::Bytes;
use consort_core::{Delta, Event, Media, Part, PartKey, PartKind, Role};
use consort_store::{
    Answer, ConversationChange, ConversationId, Ending, NewConversation, NewTurn, SpendQuery, SqliteStore,
    Status, Store, TurnId, TurnQuery,
};
use pollster::block_on;
use std::path::Path;
use tempfile::TempDir;

fn talk(store: &dyn Store) -> ConversationId {
    block_on(store.create(NewConversation::default())).unwrap().id
}

fn begin(store: &dyn Store, conversation: ConversationId, status: Status, parts: Vec<Part>) -> TurnId {
    let answer =
        Answer { model: "zoo/parrot".into(), instructions: "Be brief.".repeat(100), ..Answer::default() };
    let new = NewTurn {
        status,
        answer: Some(Box::new(answer)),
        ..NewTurn::complete(conversation, None, Role::Assistant, parts)
    };
    let id = new.id;
    block_on(store.begin(new)).unwrap();
    id
}

fn said(text: &str) -> Vec<Event> {
    let part = PartKey(0);
    vec![
        Event::PartStart { part, choice: 0, kind: PartKind::Text },
        Event::PartDelta { part, delta: Delta::Text(text.to_owned()) },
    ]
}

fn read(store: &dyn Store, turn: TurnId) -> (Status, String) {
    let turn = block_on(store.turn(turn)).unwrap().unwrap();
    (turn.status, turn.parts.iter().filter_map(Part::as_text).collect())
}

fn found(store: &dyn Store, word: &str) -> usize {
    block_on(store.turns(TurnQuery { search: Some(word.into()), ..TurnQuery::default() })).unwrap().len()
}

fn count(path: &Path, table: &str) -> i64 {
    let plain = rusqlite::Connection::open(path).unwrap();
    plain.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_was_left_and_cannot_be_read_is_in_nobodys_way() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consort.db");
    let one = SqliteStore::open(&path).unwrap();
    let conversation = talk(&one);
    let bad = begin(&one, conversation, Status::Running, Vec::new());
    block_on(one.grow(bad, said("lost"))).unwrap();
    let good = begin(&one, conversation, Status::Running, Vec::new());
    block_on(one.grow(good, said("found"))).unwrap();
    drop(one);
    let plain = rusqlite::Connection::open(&path).unwrap();
    plain.execute("UPDATE pieces SET events = '[{' WHERE seq = (SELECT min(seq) FROM pieces)", []).unwrap();
    drop(plain);
    let next = SqliteStore::open(&path).unwrap();
    begin(&next, conversation, Status::Complete, Vec::new());
    assert_eq!(read(&next, good), (Status::Interrupted, "found".into()));
    assert_eq!(read(&next, bad), (Status::Interrupted, String::new()));
}

#[test]
fn a_database_that_is_just_being_made_is_one() {
    for _ in 0..60 {
        let folder = TempDir::new().unwrap();
        let path = &folder.path().join("consort.db");
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| (0..40).for_each(|_| drop(SqliteStore::open_to_read(path).unwrap())));
            }
            threads.spawn(|| talk(&SqliteStore::open(path).unwrap()));
        });
    }
}

#[test]
fn what_is_left_running_is_interrupted_and_what_runs_is_not() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consort.db");
    let (one, other) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    let conversation = talk(&one);
    let left = begin(&one, conversation, Status::Running, Vec::new());
    block_on(one.grow(left, said("halfway there"))).unwrap();
    let runs = begin(&other, conversation, Status::Running, Vec::new());
    // Who comes while both live touches neither.
    let third = SqliteStore::open(&path).unwrap();
    begin(&third, conversation, Status::Running, Vec::new());
    assert_eq!(read(&third, left), (Status::Running, "halfway there".into()));
    drop(one);
    // Also who may only read is told the truth at once.
    let reader = SqliteStore::open_to_read(&path).unwrap();
    assert_eq!(read(&reader, left), (Status::Interrupted, "halfway there".into()));
    assert_eq!((read(&reader, runs).0, found(&reader, "halfway")), (Status::Running, 0));
    let next = SqliteStore::open(&path).unwrap();
    talk(&next);
    assert_eq!(read(&next, left), (Status::Interrupted, "halfway there".into()));
    assert_eq!((read(&next, runs).0, found(&next, "halfway")), (Status::Running, 1));
    let spend = block_on(next.spend(SpendQuery::default())).unwrap();
    assert_eq!((spend.tries, spend.unpriced), (1, 1), "nobody knows what it cost");
    block_on(other.grow(left, said("more"))).unwrap_err();
    block_on(other.end(runs, Ending { status: Status::Complete, parts: vec![], answer: None })).unwrap();
}

#[test]
fn a_clean_end_leaves_no_trace_of_its_process() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consort.db");
    let store = SqliteStore::open(&path).unwrap();
    let conversation = talk(&store);
    let turn = begin(&store, conversation, Status::Running, Vec::new());
    block_on(store.end(turn, Ending { status: Status::Complete, parts: vec![], answer: None })).unwrap();
    drop(store);
    assert_eq!(count(&path, "writers"), 0);
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["consort.db"]);
}

#[test]
fn payloads_are_kept_once_and_go_with_their_last_turn() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consort.db");
    let store = SqliteStore::open(&path).unwrap();
    let picture = || Part::media(Media::bytes("image/png", Bytes::from(vec![7; 100_000])));
    let (one, other) = (talk(&store), talk(&store));
    begin(&store, one, Status::Complete, vec![picture(), picture()]);
    let turn = begin(&store, other, Status::Running, vec![picture()]);
    // The picture, and what the model was asked with.
    assert_eq!((count(&path, "blobs"), count(&path, "attachments")), (2, 3));
    block_on(store.end(turn, Ending { status: Status::Complete, parts: vec![picture()], answer: None }))
        .unwrap();
    assert_eq!((count(&path, "blobs"), count(&path, "attachments")), (2, 3));
    block_on(store.purge(one)).unwrap();
    assert_eq!((count(&path, "blobs"), count(&path, "attachments")), (2, 1));
    block_on(store.purge(other)).unwrap();
    assert_eq!((count(&path, "blobs"), count(&path, "attachments"), count(&path, "turns")), (0, 0, 0));
}

#[test]
fn many_may_make_one_file_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consort.db");
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                begin(
                    &SqliteStore::open(&path).unwrap(),
                    talk(&SqliteStore::open(&path).unwrap()),
                    Status::Running,
                    vec![],
                )
            });
        }
    });
    assert_eq!(count(&path, "conversations"), 8);
}

#[test]
fn what_is_refused_takes_nothing_else_with_it() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("consort.db")).unwrap();
    // All are handed over before the first is done, so that they are written together.
    let first = store.create(NewConversation::default());
    let wrong = store.change(ConversationId::new(), ConversationChange::default());
    let last = store.create(NewConversation::default());
    assert!(block_on(wrong).is_err());
    for made in [first, last] {
        let made = block_on(made).unwrap();
        assert_eq!(block_on(store.conversation(made.id)).unwrap(), Some(made));
    }
}

#[test]
fn nobody_has_to_wait_for_what_is_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consort.db");
    let store = SqliteStore::open(&path).unwrap();
    drop(store.create(NewConversation::default()));
    drop(store);
    assert_eq!(count(&path, "conversations"), 1);
}

#[test]
fn a_file_of_the_first_version_is_read_and_goes_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consort.db");
    let plain = rusqlite::Connection::open(&path).unwrap();
    plain.execute_batch(include_str!("../../src/sqlite/1.sql")).unwrap();
    plain
        .execute_batch(
            "PRAGMA application_id = 0x636f6e73; PRAGMA user_version = 1; PRAGMA journal_mode = WAL",
        )
        .unwrap();
    let (talk, turn) = (ConversationId::new(), TurnId::new());
    let made = "INSERT INTO conversations (id, title, created, updated, settings, changed) VALUES (?, 'old', 1, 2, '{}', 7)";
    plain.execute(made, [talk.0.as_bytes()]).unwrap();
    let said = "INSERT INTO turns (id, conversation, role, status, created, media, parts)
                VALUES (?, 1, 'user', 'complete', 1, 0, '[{\"type\":\"text\",\"text\":\"hello\"}]')";
    plain.execute(said, [turn.0.as_bytes()]).unwrap();
    drop(plain);
    let is_old = |store: &SqliteStore| {
        assert_eq!(read(store, turn), (Status::Complete, "hello".into()));
        let kept = block_on(store.conversation(talk)).unwrap().unwrap();
        assert_eq!((kept.title.as_deref(), kept.revision, kept.changed), (Some("old"), 1, 7));
    };
    let before = std::fs::read(&path).unwrap();
    let reader = SqliteStore::open_to_read(&path).unwrap();
    is_old(&reader);
    assert_eq!(std::fs::read(&path).unwrap(), before, "reading writes nothing");
    let store = SqliteStore::open(&path).unwrap();
    is_old(&store);
    begin(&store, talk, Status::Complete, vec![Part::text("more")]);
    for one in [&store, &reader] {
        assert_eq!(block_on(one.conversation(talk)).unwrap().unwrap().revision, 2);
    }
}
