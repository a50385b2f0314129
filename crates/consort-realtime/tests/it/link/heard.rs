//! How much of an answer was heard, as another connection and the vendor are told it; and connections that are left because
//! we want to.
use super::vendor::{Script, Server, Tongue, Vendor, past, script};
use super::{kinds, until};
use consort_core::{Context, NoCredentials, SessionConfig, SessionEvent, SessionInput, SessionUpdate};
use consort_providers::TokioClock;
use consort_realtime::call::{Call, CallSetup};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn listens(tongue: Tongue, mut server: Server) {
    tongue.open(&mut server).await;
    server.rest().await;
}

/// So much of an answer was heard, or will be, when this connection is lost, and the next knows it.
async fn knows(tongue: Tongue, first: Script, heard: &str) {
    let vendor = Vendor::new(vec![first, script(move |server| listens(tongue, server))]);
    let mut session = tongue.session(&vendor).await;
    session.sink.send(SessionInput::text("One?")).await.unwrap();
    until(&mut session, "reconnecting").await;
    until(&mut session, "connected").await;
    session.sink.close();
    until(&mut session, "closed").await;
    let answer = format!("{}: {heard}", tongue.assistant());
    assert_eq!(past(&vendor.heard(1)), ["user: One?".to_owned(), answer], "{tongue:?}");
}

/// What came is played to its end, whatever becomes of the connection. An answer that never ended sounds as far as it came.
#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_followed_by_one_that_knows_what_is_heard() {
    for tongue in [Tongue::OpenAi, Tongue::Gemini] {
        for (is_whole, wanted) in [(true, "one two three four five six"), (false, "one two")] {
            let first = script(move |mut server: Server| async move {
                tongue.open(&mut server).await;
                server.hear("One?").await;
                server.tell(tongue.begin("a", "one two three four five six"));
                server.tell([tongue.sound("a", 100)]);
                tokio::time::sleep(seconds(9)).await;
                server.tell([tongue.sound("a", 400)]);
                if is_whole {
                    server.tell(tongue.done("a", "one two three four five six"));
                }
                server.end(None, "");
            });
            knows(tongue, first, wanted).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_soon_is_left_behind_its_answer_which_plays_on() {
    let tongue = Tongue::Gemini;
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.hear("One?").await;
        server.tell(tongue.begin("a", "one two three four"));
        server.tell([json!({"goAway": {"timeLeft": "2s"}}), tongue.sound("a", 4_000)]);
        server.tell(tongue.done("a", "one two three four"));
        server.rest().await;
    });
    let vendor = Vendor::new(vec![first, script(move |server| listens(tongue, server))]);
    let mut session = tongue.session(&vendor).await;
    session.sink.send(SessionInput::text("One?")).await.unwrap();
    until(&mut session, "turn_done").await;
    let begun = tokio::time::Instant::now();
    until(&mut session, "reconnecting").await;
    assert!(begun.elapsed() < seconds(1), "it ends in two: {:?}", begun.elapsed());
    until(&mut session, "connected").await;
    session.sink.close();
    until(&mut session, "closed").await;
    assert_eq!(past(&vendor.heard(1)), ["user: One?", "model: one two three four"]);
}

/// Vendors write faster than they speak: of words whose sound had no time to be made nothing was heard.
#[tokio::test(start_paused = true)]
async fn words_that_run_ahead_of_their_sound_are_not_told_as_heard() {
    for tongue in [Tongue::OpenAi, Tongue::Gemini] {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear("One?").await;
            server.tell(tongue.begin("a", "one two three four five six seven eight nine ten"));
            server.tell([tongue.sound("a", 500)]);
            tokio::time::sleep(seconds(1)).await;
            server.end(None, "");
        });
        knows(tongue, first, "one two").await;
    }
}

/// Of words whose sound had not begun nothing was heard, whether the connection ended there or somebody stopped them.
#[tokio::test(start_paused = true)]
async fn words_whose_sound_never_began_were_not_heard() {
    for tongue in [Tongue::OpenAi, Tongue::Gemini] {
        for interrupt in [None, Some(None), Some(Some(()))] {
            let first = script(move |mut server: Server| async move {
                tongue.open(&mut server).await;
                server.hear("One?").await;
                let words: Vec<_> = tongue.begin("a", "one two three four").into_iter().collect();
                server.tell(words.into_iter().filter(|message| !message.to_string().contains("inlineData")));
                tokio::time::sleep(seconds(1)).await;
                server.end(None, "");
            });
            let vendor = Vendor::new(vec![first, script(move |server| listens(tongue, server))]);
            let mut session = tongue.session(&vendor).await;
            session.sink.send(SessionInput::text("One?")).await.unwrap();
            let told = until(&mut session, "transcript").await;
            let named = told.iter().find_map(|event| match event {
                SessionEvent::Transcript { item, .. } => Some(item.clone()),
                _ => None,
            });
            if let Some(by_name) = interrupt {
                let item = named.filter(|_| by_name.is_some());
                let cut = SessionInput::Interrupt { item, heard: Duration::ZERO };
                session.sink.send(cut).await.unwrap();
            }
            until(&mut session, "reconnecting").await;
            until(&mut session, "connected").await;
            session.sink.close();
            until(&mut session, "closed").await;
            assert_eq!(past(&vendor.heard(1)), ["user: One?"], "{tongue:?} {interrupt:?}");
        }
    }
}

/// Gemini cannot be told of a cut: it goes on, and nobody hears it.
#[tokio::test(start_paused = true)]
async fn what_a_vendor_still_says_of_an_answer_that_was_cut_was_not_heard() {
    let tongue = Tongue::Gemini;
    // By its name, or with all that is there; and before any of its sound came.
    for (is_named, early) in [(true, 2_000), (false, 2_000), (true, 0), (false, 0)] {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear("One?").await;
            server.tell([json!({"serverContent": {"outputTranscription": {"text": "one two three four"}}})]);
            server.tell(Some(early).filter(|ms| *ms > 0).map(|ms| tongue.sound("a", ms)));
            tokio::time::sleep(seconds(2)).await;
            server.tell([tongue.sound("a", 32_000 - early)]);
            server.tell(tongue.done("a", "one two three four"));
            server.hear("Two?").await;
            server.tell(tongue.begin("b", "five six seven eight"));
            server.tell([json!({"goAway": {"timeLeft": "2s"}}), tongue.sound("a", 4_000)]);
            server.tell(tongue.done("b", "five six seven eight"));
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first, script(move |server| listens(tongue, server))]);
        let mut session = tongue.session(&vendor).await;
        session.sink.send(SessionInput::text("One?")).await.unwrap();
        let told = until(&mut session, if early > 0 { "audio" } else { "transcript" }).await;
        let item = told.iter().find_map(|event| match event {
            SessionEvent::Audio { item, .. } | SessionEvent::Transcript { item, .. } => Some(item.clone()),
            _ => None,
        });
        tokio::time::sleep(seconds(1)).await;
        let heard = seconds(early.min(1) as u64);
        session.sink.send(SessionInput::Interrupt { item: item.filter(|_| is_named), heard }).await.unwrap();
        let told = until(&mut session, "turn_done").await;
        assert!(!kinds(&told).contains(&"audio"), "{told:?}");
        session.sink.send(SessionInput::text("Two?")).await.unwrap();
        until(&mut session, "turn_done").await;
        until(&mut session, "reconnecting").await;
        until(&mut session, "connected").await;
        session.sink.close();
        until(&mut session, "closed").await;
        let told = past(&vendor.heard(1));
        assert_eq!(told, ["user: One?Two?", "model: five six seven eight"], "{is_named} {early}");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_change_in_every_turn_end_no_session() {
    const TURNS: usize = 60;
    let tongue = Tongue::Gemini;
    let turn = |number: usize| {
        script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear(&format!("Question {number}?")).await;
            server.tell(tongue.begin("a", "Yes."));
            tokio::time::sleep(seconds(1)).await;
            server.tell(tongue.done("a", "Yes."));
            server.rest().await;
        })
    };
    let vendor = Vendor::new((0..=TURNS).map(turn).collect());
    let mut session = tongue.session(&vendor).await;
    let begun = tokio::time::Instant::now();
    for number in 0..TURNS {
        session.sink.send(SessionInput::text(format!("Question {number}?"))).await.unwrap();
        until(&mut session, "audio").await;
        // While it is answered: they count when the answer is over.
        let update = SessionUpdate { instructions: Some(number.to_string()), ..SessionUpdate::default() };
        session.sink.send(SessionInput::Update { update }).await.unwrap();
        let told = until(&mut session, "reconnecting").await;
        assert!(kinds(&told).contains(&"turn_done"), "{told:?}");
        let left = tokio::time::Instant::now();
        until(&mut session, "connected").await;
        assert!(
            left.elapsed() < Duration::from_millis(100),
            "{number}: nothing failed: {:?}",
            left.elapsed()
        );
        tokio::time::sleep(seconds(3)).await;
    }
    assert!(begun.elapsed() > seconds(180), "{:?}", begun.elapsed());
    assert_eq!(vendor.connections(), TURNS + 1);
    session.sink.close();
    until(&mut session, "closed").await;
}

#[tokio::test(start_paused = true)]
async fn a_vendor_is_told_what_was_played_and_not_how_long_it_took() {
    let tongue = Tongue::OpenAi;
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.hear("One?").await;
        server.tell([json!({"type": "response.created", "response": {"id": "a"}}), tongue.sound("a", 1_000)]);
        tokio::time::sleep(seconds(5)).await;
        server.tell([tongue.sound("a", 2_000)]);
        tokio::time::sleep(Duration::from_millis(510)).await;
        server.tell(tongue.starts("u"));
        server.rest().await;
    });
    let vendor = Vendor::new(vec![first]);
    let context = Context::new(Arc::new(TokioClock), Arc::new(NoCredentials));
    let setup = CallSetup::new(SessionConfig::default(), context);
    let mut call = Call::open(&tongue.model(&vendor), setup).await.unwrap();
    call.say("One?");
    let _ = tokio::time::timeout(seconds(8), async { while call.next().await.is_some() {} }).await;
    let heard = vendor.heard(0);
    let cuts = heard.iter().filter(|message| message["type"] == "conversation.item.truncate");
    let ends: Vec<u64> = cuts.map(|cut| cut["audio_end_ms"].as_u64().unwrap()).collect();
    assert!(ends.len() == 1 && (1_480..=1_540).contains(&ends[0]), "{ends:?}");
}
