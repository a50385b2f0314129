//! Connections that are to be left soon, since their server goes or settings change: what holds them, and for how long.
use super::vendor::{Script, Server, Tongue, Vendor, script};
use super::{kinds, until};
use consort_core::{Part, RealtimeSession, SessionEvent, SessionInput, SessionUpdate, ToolResult};
use serde_json::{Value, json};
use std::time::Duration;

const TONGUE: Tongue = Tongue::Gemini;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn listens() -> Script {
    script(|mut server: Server| async move {
        TONGUE.open(&mut server).await;
        server.rest().await;
    })
}

fn update() -> SessionInput {
    let update = SessionUpdate { instructions: Some("Shout.".into()), ..SessionUpdate::default() };
    SessionInput::Update { update }
}

fn noon() -> SessionInput {
    let content = vec![Part::text("noon")];
    let result = ToolResult { call_id: "c1".into(), name: "clock".into(), content, is_error: false };
    SessionInput::ToolResult { result }
}

fn goes(left: &str) -> Value {
    json!({"goAway": {"timeLeft": left}})
}

/// How long the session stays where it is.
async fn stays(session: &mut RealtimeSession) -> (Duration, Vec<SessionEvent>) {
    let begun = tokio::time::Instant::now();
    let told = until(session, "reconnecting").await;
    (begun.elapsed(), told)
}

/// A tool was called, the turn is over, and this is said then.
fn calls(then: Vec<Value>) -> Script {
    script(move |mut server: Server| async move {
        TONGUE.open(&mut server).await;
        server.tell(TONGUE.call("a", "c1"));
        server.tell([json!({"serverContent": {"turnComplete": true}})]);
        server.tell(then);
        if server.hear("toolResponse").await {
            // It thinks about it first.
            tokio::time::sleep(seconds(2)).await;
            server.tell(TONGUE.begin("b", "It is noon."));
            server.tell(TONGUE.done("b", "It is noon."));
        }
        server.rest().await;
    })
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_runs_holds_the_connection_and_so_does_its_result() {
    for (leaves, after) in [(Vec::new(), 30), (vec![goes("50s")], 30), (vec![json!({"goAway": {}})], 3)] {
        let is_wanted = leaves.is_empty();
        let vendor = Vendor::new(vec![calls(leaves), listens()]);
        let mut session = TONGUE.session(&vendor).await;
        until(&mut session, "turn_done").await;
        if is_wanted {
            session.sink.send(update()).await.unwrap();
        }
        tokio::time::sleep(seconds(after)).await;
        session.sink.send(noon()).await.unwrap();
        let told = until(&mut session, "reconnecting").await;
        assert!(kinds(&told).contains(&"turn_done"), "it was answered: {told:?}");
        let is_lost = |kind: &&str| matches!(*kind, "tool_cancelled" | "warning");
        assert!(!kinds(&told).iter().any(is_lost), "{told:?}");
        let told = until(&mut session, "connected").await;
        assert_eq!(kinds(&told), ["connected"]);
        let is_result = |message: &Value| message["toolResponse"].is_object();
        assert_eq!(vendor.heard(0).iter().filter(|message| is_result(message)).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_does_not_end_holds_a_connection_for_no_longer_than_there_is_time() {
    // The server's time, less what a goodbye takes; times that nobody knows of; and our own patience.
    let known = [(Some("15s"), 13), (Some("2s"), 0), (Some("300s"), 60), (None, 60)];
    let unknown = ["", "soon", "-5s", "10000000000000000000s", "1e300s"].map(|left| (Some(left), 10));
    let checks = known.into_iter().chain(unknown);
    for (left, wanted) in checks {
        let vendor = Vendor::new(vec![calls(left.map(goes).into_iter().collect()), listens()]);
        let mut session = TONGUE.session(&vendor).await;
        until(&mut session, "turn_done").await;
        if left.is_none() {
            session.sink.send(update()).await.unwrap();
        }
        let (stayed, told) = stays(&mut session).await;
        assert!(stayed >= seconds(wanted) && stayed < seconds(wanted + 1), "{left:?}: {stayed:?} {told:?}");
    }
}

/// Nobody says anything more, and still it is left.
#[tokio::test(start_paused = true)]
async fn a_user_who_is_not_answered_holds_a_connection_for_no_longer_than_there_is_time() {
    for (left, wanted) in [(Some("5s"), 3), (Some("2s"), 0), (Some("50s"), 10), (Some(""), 10), (None, 60)] {
        for is_over in [false, true] {
            // Who speaks is not cut for what we want ourselves.
            let wanted = if is_over { wanted.min(10) } else { wanted };
            let first = script(move |mut server: Server| async move {
                TONGUE.open(&mut server).await;
                let words = if is_over { TONGUE.user("u", "Well.") } else { TONGUE.user_begins("u", "Well") };
                server.tell([words]);
                server.tell(left.map(goes));
                server.rest().await;
            });
            let vendor = Vendor::new(vec![first, listens()]);
            let mut session = TONGUE.session(&vendor).await;
            until(&mut session, "transcript").await;
            if left.is_none() {
                session.sink.send(update()).await.unwrap();
            }
            let (stayed, told) = stays(&mut session).await;
            assert!(
                stayed >= seconds(wanted) && stayed < seconds(wanted + 1),
                "{left:?}: {stayed:?} {told:?}"
            );
        }
    }
}

/// However long it is made: the server's own end is early enough.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_made_is_not_cut_by_us() {
    for left in [Some("9s"), None] {
        let first = script(move |mut server: Server| async move {
            TONGUE.open(&mut server).await;
            server.hear("One?").await;
            server.tell(TONGUE.begin("a", "one two"));
            server.tell(left.map(goes));
            for _ in 0..if left.is_some() { 1 } else { 12 } {
                tokio::time::sleep(seconds(8)).await;
                server.alive();
            }
            server.tell(TONGUE.done("a", "one two"));
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first, listens()]);
        let mut session = TONGUE.session(&vendor).await;
        session.sink.send(SessionInput::text("One?")).await.unwrap();
        until(&mut session, "audio").await;
        if left.is_none() {
            session.sink.send(update()).await.unwrap();
        }
        let (_, told) = stays(&mut session).await;
        let is_whole =
            |event: &SessionEvent| matches!(event, SessionEvent::AudioDone { interrupted: false, .. });
        assert!(told.iter().any(is_whole), "{left:?}: {told:?}");
    }
}
