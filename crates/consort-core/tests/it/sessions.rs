//! Both ends of a session: what waits, what is dropped, and how it ends.
use consort_core::{
    CloseReason, ErrorKind, Media, Pcm, RealtimeSession, SessionEvent, SessionInput, SessionInputs,
    SessionTeller,
};
use std::time::Duration;

fn second(value: i16) -> Pcm {
    Pcm::mono(vec![value; 8000], 8000)
}

fn kinds(events: &[SessionEvent]) -> Vec<&'static str> {
    events.iter().map(SessionEvent::kind).collect()
}

/// All that is there up to the end.
fn rest(session: &mut RealtimeSession) -> Vec<SessionEvent> {
    pollster::block_on(async {
        let mut all = Vec::new();
        while let Some(event) = session.events.next().await {
            all.push(event);
        }
        all
    })
}

fn taken(inputs: &mut SessionInputs) -> Vec<SessionInput> {
    pollster::block_on(async {
        let mut all = Vec::new();
        while let Some(input) = inputs.next().await {
            all.push(input);
        }
        all
    })
}

#[test]
fn the_oldest_sound_is_dropped_and_nothing_else() {
    let (mut session, mut inputs, teller) = RealtimeSession::pair();
    for n in 0..50 {
        session.sink.push(SessionInput::Audio(second(n))).unwrap();
        session.sink.push(SessionInput::text(n.to_string())).unwrap();
        session.sink.push(SessionInput::Video { media: Media::bytes("image/png", vec![n as u8]) }).unwrap();
    }
    session.sink.close();
    let all = taken(&mut inputs);
    let heard: Vec<i16> = all
        .iter()
        .filter_map(|input| match input {
            SessionInput::Audio(pcm) => Some(pcm.samples[0]),
            _ => None,
        })
        .collect();
    assert_eq!(heard, (20..50).collect::<Vec<_>>());
    assert_eq!(all.iter().filter(|input| matches!(input, SessionInput::Text { .. })).count(), 50);
    let frames: Vec<&SessionInput> =
        all.iter().filter(|one| matches!(one, SessionInput::Video { .. })).collect();
    assert_eq!(frames, [&SessionInput::Video { media: Media::bytes("image/png", vec![49]) }]);
    drop(teller);
    let events = rest(&mut session);
    assert_eq!(kinds(&events), ["warning", "closed"]);
}

#[test]
fn one_piece_is_kept_however_long() {
    let (mut session, mut inputs, teller) = RealtimeSession::pair();
    session.sink.push(SessionInput::Audio(Pcm::mono(vec![1; 8000 * 600], 8000))).unwrap();
    session.sink.close();
    assert_eq!(taken(&mut inputs).len(), 1);
    teller.push(SessionEvent::audio("i", Pcm::mono(vec![1; 24_000 * 600], 24_000)));
    teller.close(CloseReason::Asked);
    assert_eq!(kinds(&rest(&mut session)), ["audio", "closed"]);
}

#[test]
fn sound_that_nobody_takes_is_dropped_after_a_warning() {
    let (mut session, _inputs, teller) = RealtimeSession::pair();
    for n in 0..1000 {
        // Whoever waits for room loses none of it.
        assert_eq!(teller.has_room_for_sound(), n < 22, "{n}");
        teller.push(SessionEvent::audio("i", Pcm::mono(vec![n; 24_000], 24_000)));
        teller.push(SessionEvent::Text { item: "i".into(), text: n.to_string() });
    }
    assert!(teller.has_room());
    teller.close(CloseReason::Asked);
    let events = rest(&mut session);
    let count = |kind| events.iter().filter(|event| event.kind() == kind).count();
    assert_eq!((count("text"), count("warning"), count("audio")), (1000, 1, (8 << 20) / (48_000 + 1 + 256)));
    assert!(
        matches!(events.iter().rev().find(|one| one.kind() == "audio"), Some(SessionEvent::Audio { pcm, .. }) if pcm.samples[0] == 999)
    );
}

#[test]
fn many_small_pieces_that_nobody_takes_have_a_bound_too() {
    let (mut session, mut inputs, teller) = RealtimeSession::pair();
    let name = "i".repeat(1000);
    for _ in 0..20_000 {
        teller.push(SessionEvent::audio(name.as_str(), Pcm::mono(vec![1], 24_000)));
        teller.push(SessionEvent::audio("i", Pcm::mono(Vec::new(), 24_000)));
        session.sink.push(SessionInput::Audio(Pcm::mono(Vec::new(), 24_000))).unwrap();
    }
    session.sink.close();
    assert_eq!(taken(&mut inputs), []);
    teller.close(CloseReason::Asked);
    let events = rest(&mut session);
    assert_eq!(events.iter().filter(|event| event.kind() == "audio").count(), (8 << 20) / (2 + 1000 + 256));
}

#[test]
fn a_cut_answer_is_not_heard() {
    let (mut session, mut inputs, teller) = RealtimeSession::pair();
    let say = |value| teller.push(SessionEvent::audio("i", second(value)));
    say(1);
    session.sink.push(SessionInput::Interrupt { item: None, heard: Duration::ZERO }).unwrap();
    // The model does not know yet.
    say(2);
    let _ = pollster::block_on(inputs.next());
    say(3);
    // What an older answer still gives is known by its epoch.
    teller.push(SessionEvent::Audio { item: "i".into(), epoch: 0, pcm: second(9) });
    // Here the model itself cuts.
    teller.push(SessionEvent::Interrupted { item: None });
    say(4);
    teller.push(SessionEvent::AudioDone { item: "i".into(), interrupted: true });
    teller.close(CloseReason::Asked);
    let events = rest(&mut session);
    assert_eq!(kinds(&events), ["interrupted", "audio", "audio_done", "closed"]);
    assert!(matches!(&events[1], SessionEvent::Audio { epoch: 2, pcm, .. } if pcm.samples[0] == 4));
}

#[test]
fn it_ends_once_with_its_reason() {
    let closed = |session: &mut RealtimeSession| match rest(session).pop() {
        Some(SessionEvent::Closed { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let (mut session, inputs, teller) = RealtimeSession::pair();
    teller.close(CloseReason::Ended { message: "enough".into() });
    teller.close(CloseReason::Asked);
    teller.push(SessionEvent::connected());
    assert_eq!(closed(&mut session), CloseReason::Ended { message: "enough".into() });
    assert_eq!(session.sink.push(SessionInput::Commit).unwrap_err().kind(), ErrorKind::Cancelled);
    drop((inputs, teller));

    let (mut session, _inputs, teller) = RealtimeSession::pair();
    drop(teller);
    let CloseReason::Failed { error } = closed(&mut session) else { panic!("it did not fail") };
    assert_eq!(error.kind(), ErrorKind::Interrupted);

    // Whoever drops the events ends it.
    let (session, mut inputs, teller) = RealtimeSession::pair();
    let sink = session.sink.clone();
    drop(session);
    assert!(taken(&mut inputs).is_empty() && teller.is_closed() && sink.is_closed());
    (0..10_000).for_each(|_| teller.push(SessionEvent::connected()));
    assert!(teller.has_room());
}

#[test]
fn whoever_may_wait_loses_nothing() {
    let (mut session, mut inputs, teller) = RealtimeSession::pair();
    let sink = session.sink.clone();
    let speaker = std::thread::spawn(move || {
        pollster::block_on(async {
            for n in 0..100 {
                sink.send(SessionInput::Audio(second(n))).await.unwrap();
            }
            sink.close();
        });
    });
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(taken(&mut inputs).len(), 100);
    speaker.join().unwrap();
    let model = std::thread::spawn(move || {
        pollster::block_on(async {
            for n in 0..20_000 {
                teller.send(SessionEvent::Text { item: "i".into(), text: n.to_string() }).await;
            }
        });
    });
    std::thread::sleep(Duration::from_millis(20));
    let events = rest(&mut session);
    assert_eq!(events.len(), 20_001);
    model.join().unwrap();
}

#[test]
fn a_driven_session_needs_no_runtime() {
    let mut session = RealtimeSession::driven(|mut inputs: SessionInputs, say: SessionTeller| async move {
        while let Some(input) = inputs.next().await {
            if let SessionInput::Text { text } = input {
                for n in 0..5000 {
                    say.send(SessionEvent::Text { item: n.to_string(), text: text.clone() }).await;
                }
            }
        }
        CloseReason::Asked
    });
    session.sink.push(SessionInput::text("hi")).unwrap();
    session.sink.close();
    let events = rest(&mut session);
    assert_eq!((events.len(), events.last().unwrap().kind()), (5001, "closed"));
}

#[test]
fn what_is_said_can_be_written_down() {
    let events = [
        SessionEvent::connected(),
        SessionEvent::audio("i", Pcm::mono(vec![1, -2, 300], 16_000)),
        SessionEvent::warning("dropped", "x"),
        SessionEvent::TurnDone { finish: consort_core::FinishReason::Stop.into(), usage: None },
        SessionEvent::Closed { reason: CloseReason::Asked },
    ];
    for event in events {
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains(&format!(r#""type":"{}""#, event.kind())), "{text}");
        assert_eq!(serde_json::from_str::<SessionEvent>(&text).unwrap(), event, "{text}");
    }
    let inputs = [
        SessionInput::Audio(Pcm::mono(vec![7], 8000)),
        SessionInput::Commit,
        SessionInput::Interrupt { item: Some("i".into()), heard: Duration::from_millis(1500) },
        SessionInput::text("hi"),
    ];
    for input in inputs {
        let text = serde_json::to_string(&input).unwrap();
        assert_eq!(serde_json::from_str::<SessionInput>(&text).unwrap(), input, "{text}");
    }
}
