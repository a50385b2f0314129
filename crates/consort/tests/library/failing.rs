//! When it fails: text so far stays, nothing is said twice, and what failed is told.
use crate::saying::sent;
use consort::store::TurnQuery;
use consort::{Assistant, Error, ErrorKind, MemoryStore, Part, Store};
use consort_testkit::{Scripted, Step};
use std::sync::Arc;
use std::time::Duration;

fn dead() -> Step {
    Step::Fail(Error::new(ErrorKind::Network, "the line is dead"))
}

#[tokio::test]
async fn the_text_so_far_is_kept_and_again_says_nothing_twice() {
    let model = Scripted::new(vec![
        vec![dead()],
        vec![Step::Say("So f"), dead()],
        vec![Step::Say("So far, so good.")],
        vec![Step::Say("Bye.")],
    ]);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let assistant = Assistant::builder("desk", model.clone()).store(store.clone()).build();
    let talk = assistant.talk("door");
    let failed = talk.say("How is it?").await.unwrap_err();
    assert_eq!((failed.error.kind(), failed.text.as_str(), failed.kept), (ErrorKind::Network, "", true));
    let failed = talk.again().await.unwrap_err();
    assert_eq!(failed.text, "So f");
    assert_eq!(talk.again().await.unwrap().text, "So far, so good.");
    talk.say("Bye").await.unwrap();
    for at in 0..3 {
        assert_eq!(sent(&model, at), ["How is it?"]);
    }
    assert_eq!(sent(&model, 3), ["How is it?", "So far, so good.", "Bye"]);
    // What broke off is in the log, on a branch of its own.
    let query =
        TurnQuery { search: Some("So".into()), conversation: Some(talk.id()), ..TurnQuery::default() };
    assert_eq!(store.turns(query).await.unwrap().len(), 2);
}

#[tokio::test]
async fn stopping_keeps_what_was_said() {
    let model = Scripted::new(vec![vec![Step::Say("So far"), Step::Hang]]);
    let assistant = Assistant::builder("desk", model).build();
    let mut reply = assistant.say("Hello");
    assert_eq!(reply.next_text().await.as_deref(), Some("So far"));
    reply.stop();
    let failed = reply.await.unwrap_err();
    assert_eq!((failed.error.kind(), failed.text.as_str()), (ErrorKind::Cancelled, "So far"));
    assert_eq!(assistant.talk("own").history().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_reply_that_is_dropped_goes_on() {
    let model = Scripted::new(vec![vec![Step::Wait(Duration::from_millis(20)), Step::Say("Done.")]]);
    let assistant = Assistant::builder("desk", model.clone()).build();
    drop(assistant.say("Hello"));
    assistant.say("And?").await.unwrap();
    assert_eq!(sent(&model, 1), ["Hello", "Done.", "And?"]);
}

#[tokio::test]
async fn nothing_said_is_refused_and_a_reply_needs_a_runtime() {
    let model = Scripted::new(vec![vec![Step::Say("?")]]);
    let assistant = Assistant::builder("desk", model).build();
    let failed = assistant.say(Vec::<Part>::new()).await.unwrap_err();
    assert_eq!(
        (failed.error.kind(), failed.error.message()),
        (ErrorKind::InvalidRequest, "nothing was said")
    );
    assert_eq!(
        assistant.talk("new").again().await.unwrap_err().error.message(),
        "there is nothing to answer yet"
    );
    let outside = std::thread::spawn(move || {
        let mut reply = assistant.say("Hello");
        let mut polled = std::pin::pin!(reply.next());
        let waker = std::task::Waker::noop();
        polled.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready()
    });
    assert!(outside.join().unwrap(), "it ends at once, and panics nowhere");
}
