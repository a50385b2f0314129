//! What is said to a session while it has no connection: it is told to the next one in its order, and what the user stops
//! meanwhile is known to that one.
use super::until;
use super::vendor::{Server, Tongue, Vendor, past, script};
use consort_core::{CloseReason, Pcm, RealtimeSession, SessionEvent, SessionInput};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

async fn listens(tongue: Tongue, mut server: Server) {
    tongue.open(&mut server).await;
    server.rest().await;
}

/// A session whose first connection ends at once, and whose second takes so long to be made.
async fn away(tongue: Tongue, connecting: Duration) -> (Arc<Vendor>, RealtimeSession) {
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.let_hear().await;
        server.end(None, "");
    });
    let vendor = Vendor::new(vec![first, script(move |server| listens(tongue, server))]);
    let mut session = tongue.session(&vendor).await;
    vendor.state.connecting.store(connecting.as_millis() as u64, SeqCst);
    until(&mut session, "reconnecting").await;
    (vendor, session)
}

async fn close(mut session: RealtimeSession) -> Vec<SessionEvent> {
    session.sink.close();
    until(&mut session, "closed").await
}

#[tokio::test(start_paused = true)]
async fn what_the_user_stops_while_there_is_no_connection_is_known_to_the_next() {
    for (tongue, says_goodbye, is_named) in [
        (Tongue::OpenAi, true, true),
        (Tongue::OpenAi, false, true),
        (Tongue::OpenAi, false, false),
        (Tongue::Gemini, true, true),
        (Tongue::Gemini, false, true),
        (Tongue::Gemini, false, false),
    ] {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear("One?").await;
            server.tell(tongue.begin("a", "one two three four"));
            server.tell([tongue.sound("a", 4_000)]);
            server.tell(tongue.done("a", "one two three four"));
            server.let_hear().await;
            if says_goodbye {
                server.tell([tongue.expired()]);
                tokio::time::sleep(ms(1_000)).await;
            }
            server.end(None, "");
        });
        let vendor = Vendor::new(vec![first, script(move |server| listens(tongue, server))]);
        let mut session = tongue.session(&vendor).await;
        vendor.state.connecting.store(1_000, SeqCst);
        session.sink.send(SessionInput::text("One?")).await.unwrap();
        let told = until(&mut session, "turn_done").await;
        let item = told.iter().find_map(|event| match event {
            SessionEvent::Audio { item, .. } => Some(item.clone()),
            _ => None,
        });
        // The connection is being left, or is gone.
        if says_goodbye {
            tokio::time::sleep(ms(500)).await;
        } else {
            until(&mut session, "reconnecting").await;
            tokio::time::sleep(ms(300)).await;
        }
        let cut = SessionInput::Interrupt { item: item.filter(|_| is_named), heard: ms(1_100) };
        session.sink.send(cut).await.unwrap();
        until(&mut session, "connected").await;
        close(session).await;
        let answer = format!("{}: one", tongue.assistant());
        let told = past(&vendor.heard(1));
        assert_eq!(told, ["user: One?".to_owned(), answer], "{tongue:?} {says_goodbye} {is_named}");
    }
}

/// In short, what a connection heard behind its beginning.
fn said(vendor: &Vendor) -> Vec<String> {
    let short = |message: &Value| {
        let kind = message["type"].as_str()?;
        match (kind, message["item"]["content"][0]["text"].as_str()) {
            ("session.update", _) => None,
            (_, Some(words)) => Some(words.to_owned()),
            (kind, None) => Some(kind.rsplit_once('.').map_or(kind, |(_, last)| last).to_owned()),
        }
    };
    let mut said: Vec<String> = vendor.heard(1).iter().filter_map(short).collect();
    said.dedup();
    said
}

#[tokio::test(start_paused = true)]
async fn what_is_said_while_there_is_no_connection_is_told_to_the_next_in_its_order() {
    let (vendor, mut session) = away(Tongue::OpenAi, ms(3_000)).await;
    let sound = || SessionInput::Audio(Pcm::mono(vec![1; 2_400], 24_000));
    let cut = SessionInput::Interrupt { item: Some("gone".into()), heard: ms(10) };
    for input in [SessionInput::text("One."), sound(), cut, SessionInput::text("Two."), sound()] {
        session.sink.send(input).await.unwrap();
        tokio::time::sleep(ms(200)).await;
    }
    until(&mut session, "connected").await;
    session.sink.send(SessionInput::text("Three.")).await.unwrap();
    close(session).await;
    assert_eq!(said(&vendor), ["One.", "create", "append", "Two.", "append", "Three."]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_with_sound_while_there_is_no_connection_loses_none() {
    let (vendor, mut session) = away(Tongue::OpenAi, ms(15_000)).await;
    let sink = session.sink.clone();
    let sent = tokio::spawn(async move {
        for _ in 0..1_000 {
            sink.send(SessionInput::Audio(Pcm::mono(vec![1; 2_400], 24_000))).await.unwrap();
        }
    });
    tokio::time::sleep(ms(10_000)).await;
    assert!(!sent.is_finished(), "it takes no end of it");
    let told = until(&mut session, "connected").await;
    assert!(told.iter().all(|event| event.kind() != "warning"), "{told:?}");
    sent.await.unwrap();
    close(session).await;
    let sounds =
        vendor.heard(1).iter().filter(|message| message["type"] == "input_audio_buffer.append").count();
    assert_eq!(sounds, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_closed_without_a_connection_ends_at_once_and_says_what_was_lost() {
    let (_vendor, session) = away(Tongue::OpenAi, ms(10_000)).await;
    session.sink.send(SessionInput::text("The gate code is 12.")).await.unwrap();
    tokio::time::sleep(ms(500)).await;
    session.sink.send(SessionInput::text("And the door is open.")).await.unwrap();
    let begun = tokio::time::Instant::now();
    let told = close(session).await;
    assert!(begun.elapsed() < ms(100), "{:?}", begun.elapsed());
    assert!(matches!(told.last(), Some(SessionEvent::Closed { reason: CloseReason::Asked })), "{told:?}");
    let is_told = |event: &SessionEvent| matches!(event, SessionEvent::Warning { warning } if warning.message.contains("2 things"));
    assert!(told.iter().any(is_told), "{told:?}");
}
