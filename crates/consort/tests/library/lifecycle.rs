//! From the beginning to the end: abilities that begin and fail, health, closing.
use crate::saying::says;
use consort::{
    Ability, Assistant, BoxFuture, Context, Error, ErrorKind, Keeps, Memory, Tool, ToolOutput, function,
};
use consort_testkit::{Scripted, Step};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A line to somewhere, which may be down.
#[derive(Clone, Default)]
struct Line {
    down: Arc<AtomicBool>,
    begun: Arc<AtomicU32>,
    ended: Arc<AtomicU32>,
}

impl Line {
    fn state(&self) -> Result<(), Error> {
        let error = Error::new(ErrorKind::Network, "the line is down");
        if self.down.load(Ordering::SeqCst) { Err(error) } else { Ok(()) }
    }
}

impl Ability for Line {
    fn name(&self) -> &'static str {
        "line"
    }

    fn instructions(&self) -> &'static str {
        "The line is there."
    }

    fn tools(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Tool>>, Error>> {
        Box::pin(async {
            self.state()?;
            self.begun.fetch_add(1, Ordering::SeqCst);
            let ring = function("ring", "Rings.", |_: serde_json::Value, _: Context| async {
                Ok(ToolOutput::text("ringing"))
            });
            Ok(vec![Arc::new(ring) as Arc<dyn Tool>])
        })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(self.state()))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.ended.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn an_ability_that_is_down_is_missed_and_told_and_comes_back() {
    let (line, model) = (Line::default(), says(&["ok"]));
    line.down.store(true, Ordering::SeqCst);
    let assistant = Assistant::builder("desk", model.clone()).ability(line.clone()).build();
    let said = assistant.say("hello").await.unwrap();
    assert_eq!(said.notices[0].message, "the ability `line` is missing: the line is down");
    assert_eq!((model.requests()[0].tools.len(), model.requests()[0].instructions.len()), (0, 0));
    line.down.store(false, Ordering::SeqCst);
    assistant.initialise().await.unwrap();
    assert!(assistant.say("hello").await.unwrap().notices.is_empty());
    assert_eq!((model.requests()[1].tools.len(), model.requests()[1].instructions.len()), (1, 1));
}

/// A memory that cannot be reached.
struct Lost;

impl Memory for Lost {
    fn name(&self) -> &'static str {
        "lost"
    }

    fn keeps(&self) -> Keeps {
        Keeps::Records
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Err(Error::new(ErrorKind::Network, "nobody is there"))))
    }
}

#[tokio::test]
async fn health_names_what_does_not_hold() {
    let line = Line::default();
    let good = Assistant::builder("desk", says(&["OK"])).ability(line.clone()).build();
    let health = good.health().await;
    assert!(health.is_ok(), "{health:?}");
    assert_eq!((health.model.name.as_str(), health.memory.name.as_str()), ("test/model", "store"));
    line.down.store(true, Ordering::SeqCst);
    let no_key = Error::new(ErrorKind::Auth, "no such key");
    let bad = Assistant::builder("desk", Scripted::new(vec![vec![Step::Fail(no_key)]]))
        .ability(line)
        .memory(Arc::new(Lost))
        .instructions("@gone.md")
        .build();
    let health = bad.health().await;
    let json = serde_json::to_value(&health).unwrap();
    assert_eq!(json["model"], serde_json::json!({"name": "test/model", "ok": false, "why": "no such key"}));
    assert_eq!(json["memory"], serde_json::json!({"name": "lost", "ok": false, "why": "nobody is there"}));
    assert_eq!(json["abilities"][0]["why"], "the line is down");
    assert_eq!(json["abilities"][1]["name"], "instructions and tools");
    assert!(!health.is_ok());
}

#[tokio::test]
async fn closing_stops_what_runs_and_ends_the_abilities() {
    let (line, model) =
        (Line::default(), Scripted::new(vec![vec![Step::Say("So far"), Step::Hang], vec![Step::Say("OK")]]));
    let assistant = Assistant::builder("desk", model).ability(line.clone()).build();
    let mut reply = assistant.say("Hello");
    reply.next_text().await.unwrap();
    assistant.close().await;
    let failed = reply.await.unwrap_err();
    assert_eq!((failed.error.kind(), failed.text.as_str()), (ErrorKind::Cancelled, "So far"));
    assert_eq!((line.begun.load(Ordering::SeqCst), line.ended.load(Ordering::SeqCst)), (1, 1));
    let closed = assistant.say("Hello").await.unwrap_err().error;
    assert_eq!((closed.message(), closed.hints().len()), ("the assistant `desk` is closed", 1));
    assistant.health().await;
    assert_eq!(line.begun.load(Ordering::SeqCst), 1, "a look does not begin it again");
    assistant.initialise().await.unwrap();
    assert_eq!(line.begun.load(Ordering::SeqCst), 2);
}
