//! What other processes of the same user hear.
use crate::support::{Desk, Scripted, Step};
use consort_core::Part;
use consort_engine::{Ask, Bus, Engine, Feed, Listener};
use consort_store::{MemoryStore, NewConversation, Store};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

fn kind(line: &str) -> String {
    serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_listener_hears_runs_that_start_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new().await;
    let feed = Feed::new(folder.path());
    desk.engine.feed(feed.clone());
    let model = Scripted::new(vec![vec![Step::Say("Good day.")]]);
    desk.run(desk.ask(&model, "Nobody listens")).await;
    let mut listener = Listener::bind(folder.path()).unwrap();
    let (_, envelopes) = desk.run(desk.ask(&model, "Hello")).await;
    for envelope in envelopes {
        let line: Value = serde_json::from_str(&listener.next().await.unwrap()).unwrap();
        assert_eq!(line["sequence_number"], envelope.sequence_number);
        assert_eq!(line["run"], envelope.run.to_string());
    }
}

#[tokio::test]
async fn a_slow_listener_is_told_what_it_missed_and_slows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    let conversation = store.create(NewConversation::default()).await.unwrap().id;
    let engine = Engine::with_bus(store, Bus::with_capacity(8));
    let feed = Feed::new(folder.path());
    engine.feed(feed.clone());
    let mut listener = Listener::bind(folder.path()).unwrap();
    let words = vec![Step::Say("word "); 500];
    let ask = Ask::new(conversation, Scripted::new(vec![words]), vec![Part::text("Talk")]);
    let run = engine.start(ask).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), run.done()).await.unwrap();
    drop((run, engine));
    feed.finish(Duration::from_secs(10)).await;
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|last| last != "run_ended") {
        kinds.push(kind(&listener.next().await.unwrap()));
    }
    assert!(kinds.iter().any(|kind| kind == "missed"), "{kinds:?}");
}

#[tokio::test]
async fn the_socket_of_a_killed_listener_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    std::fs::write(folder.path().join("notes.txt"), "not a socket").unwrap();
    let desk = Desk::new().await;
    let feed = Feed::new(folder.path());
    desk.engine.feed(feed.clone());
    let (outcome, _) = desk.run(desk.ask(&Scripted::new(vec![vec![Step::Say("Hi")]]), "Hello")).await;
    assert!(outcome.error.is_none());
    feed.finish(Duration::from_secs(10)).await;
    assert!(!path.exists() && folder.path().join("notes.txt").exists());
}
