//! Schedules of all kinds, with connections that end anywhere: no event is lost but sound, nothing that was typed is lost,
//! and each session has one end.
use super::vendor::{Server, Tongue, Vendor, script};
use consort_core::{CloseReason, SessionEvent, SessionInput, Speaker, TranscriptMode};
use proptest::prelude::*;
use std::time::Duration;

/// One thing that a server does.
#[derive(Debug, Clone)]
enum Act {
    /// Tells what the user said, under a number.
    User,
    Answer {
        is_whole: bool,
    },
    Wait(u64),
    Stall(u64),
    Garbage,
    Leave,
    Close(u16),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::User),
        4 => any::<bool>().prop_map(|is_whole| Act::Answer { is_whole }),
        3 => (0_u64..3_000).prop_map(Act::Wait),
        1 => (0_u64..9_000).prop_map(Act::Stall),
        1 => Just(Act::Garbage),
        1 => Just(Act::Leave),
        1 => prop_oneof![Just(1001_u16), Just(1006), Just(1011)].prop_map(Act::Close),
    ]
}

/// Plays a schedule, and notes which words of the user it told.
async fn play(
    tongue: Tongue,
    number: usize,
    acts: Vec<Act>,
    told: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
    mut server: Server,
) {
    tongue.open(&mut server).await;
    for (at, act) in acts.into_iter().enumerate() {
        let name = format!("{number}.{at}");
        match act {
            Act::User => {
                let words = format!("said {name}.");
                told.lock().unwrap().push(words.clone());
                server.tell([tongue.user(&name, &words)]);
            }
            Act::Answer { is_whole } => {
                server.tell(tongue.begin(&name, "Yes."));
                if is_whole {
                    server.tell(tongue.done(&name, "Yes."));
                }
            }
            Act::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Act::Stall(ms) => {
                server.stall(true);
                tokio::time::sleep(Duration::from_millis(ms)).await;
                server.stall(false);
            }
            Act::Garbage => server.bytes("{\"type"),
            Act::Leave => {
                server.tell([tongue.expired()]);
                return server.rest().await;
            }
            Act::Close(code) => {
                server.end(Some(code), "");
                return;
            }
        }
    }
    server.end(None, "");
}

async fn run(tongue: Tongue, connections: Vec<Vec<Act>>, inputs: Vec<u64>) {
    let told = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let mut scripts: Vec<_> = Vec::new();
    for (number, acts) in connections.into_iter().enumerate() {
        let told = told.clone();
        scripts.push(script(move |server| play(tongue, number, acts, told, server)));
    }
    let last = scripts.len();
    scripts.push(script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.rest().await;
    }));
    let vendor = Vendor::new(scripts);
    let mut session = tongue.session(&vendor).await;
    let sink = session.sink.clone();
    let count = inputs.len();
    let state = vendor.state.clone();
    tokio::spawn(async move {
        for (number, wait) in inputs.into_iter().enumerate() {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            sink.send(SessionInput::text(format!("typed {number}."))).await.unwrap();
        }
        // Up to the last connection, and until it heard what there is.
        while state.opened.load(std::sync::atomic::Ordering::SeqCst) <= last {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        sink.close();
    });
    let mut events = Vec::new();
    while let Some(event) = session.events.next().await {
        events.push(event);
    }
    let ends = events.iter().filter(|event| event.kind() == "closed").count();
    assert_eq!(ends, 1, "{events:?}");
    assert!(matches!(events.last(), Some(SessionEvent::Closed { reason: CloseReason::Asked })), "{events:?}");
    let connected = events.iter().filter(|event| event.kind() == "connected").count();
    assert_eq!(connected, vendor.connections(), "{events:?}");
    // What the server told before it went was told to us, once and in order.
    let heard: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::Transcript { by: Speaker::User, mode: TranscriptMode::Final, text, .. } => {
                Some(text.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(heard, *told.lock().unwrap());
    // What was typed was heard by the last connection: as it was typed, or as what was said before.
    let end = vendor.heard(last);
    let end = serde_json::to_string(&end).unwrap();
    for number in 0..count {
        assert!(end.contains(&format!("typed {number}.")), "typed {number} is lost: {end}");
    }
    for words in told.lock().unwrap().iter() {
        assert!(end.contains(words), "{words} is not known any more");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schedule_of_connections_loses_nothing_but_sound(
        connections in proptest::collection::vec(proptest::collection::vec(act(), 0..8), 1..4),
        inputs in proptest::collection::vec(0_u64..2_000, 0..8),
        tongue in prop_oneof![Just(Tongue::OpenAi), Just(Tongue::Xai), Just(Tongue::VoiceLive), Just(Tongue::Gemini)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(tongue, connections, inputs));
    }
}
