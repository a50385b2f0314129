//! Sessions with the demo, from their caller's side.
use super::DemoLive;
use super::tone::pitch;
use consort_core::{
    CloseReason, Context, ErrorKind, FunctionSpec, Media, Part, Pcm, RealtimeModel, RealtimeSession,
    SessionConfig, SessionEvent, SessionInput, SessionUpdate, Speaker, ToolResult, TranscriptMode,
};
use serde_json::json;
use std::time::Duration;

fn open(config: SessionConfig) -> RealtimeSession {
    pollster::block_on(DemoLive::new().connect(config, Context::default())).unwrap()
}

fn voice(ms: usize) -> SessionInput {
    SessionInput::Audio(Pcm::mono(vec![8000; ms * 16], 16_000))
}

fn silence(ms: usize) -> SessionInput {
    SessionInput::Audio(Pcm::mono(vec![0; ms * 16], 16_000))
}

/// All events of a session that is told this and then closed.
fn told(session: &mut RealtimeSession, inputs: impl IntoIterator<Item = SessionInput>) -> Vec<SessionEvent> {
    inputs.into_iter().for_each(|input| session.sink.push(input).unwrap());
    session.sink.close();
    pollster::block_on(async {
        let mut all = Vec::new();
        while let Some(event) = session.events.next().await {
            all.push(event);
        }
        all
    })
}

/// What was finally said by whom.
fn lines(events: &[SessionEvent]) -> Vec<(Speaker, &str)> {
    let said = events.iter().filter_map(|event| match event {
        SessionEvent::Transcript { by, mode: TranscriptMode::Final, text, .. } => Some((*by, text.as_str())),
        _ => None,
    });
    said.collect()
}

#[test]
fn a_turn_ends_by_silence_or_by_a_word() {
    for end in [silence(600), SessionInput::Commit] {
        let events = told(
            &mut open(SessionConfig::default()),
            [silence(100), voice(400), silence(100), voice(300), end],
        );
        let said = [(Speaker::User, "(0.8 s of sound)"), (Speaker::Assistant, "I heard 0.8 s of sound.")];
        assert_eq!(lines(&events), said);
        let kinds: Vec<&str> = events.iter().map(SessionEvent::kind).collect();
        assert_eq!(
            kinds[..5],
            ["connected", "speech_started", "speech_stopped", "transcript", "speech_started"]
        );
        assert_eq!(
            kinds[kinds.len() - 5..],
            ["audio_done", "transcript", "speech_stopped", "turn_done", "closed"]
        );
        assert_eq!(kinds.iter().filter(|kind| **kind == "audio").count(), 6, "a tone for each word");
    }
    let patient = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
    let events =
        told(&mut open(patient), [voice(400), silence(5000), SessionInput::Commit, SessionInput::Commit]);
    assert_eq!(lines(&events).len(), 2);
}

#[test]
fn words_are_tones_of_their_own_in_the_rate_that_was_asked_for() {
    let config = SessionConfig { output_rate: Some(16_000), ..SessionConfig::default() };
    let events = told(&mut open(config), [SessionInput::text("hello hello")]);
    let tones: Vec<&Pcm> = events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::Audio { pcm, .. } => Some(pcm),
            _ => None,
        })
        .collect();
    assert_eq!((tones.len(), tones[0].rate), (4, 16_000));
    assert_eq!(tones[2], tones[3]);
    assert_ne!(tones[0], tones[1]);
    // The tone of a word crosses zero twice in each of its periods.
    let Pcm { samples, .. } = tones[2];
    let crossings = samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    let wanted = 2.0 * pitch("hello") * 0.12;
    assert!((crossings as f32 - wanted).abs() <= 3.0, "{crossings} crossings, {wanted} wanted");
}

#[test]
fn it_says_what_else_it_was_given() {
    let update = SessionUpdate { instructions: Some("be kind".into()), ..SessionUpdate::default() };
    let picture = SessionInput::Image { media: Media::bytes("image/png", vec![1u8]) };
    let events = told(
        &mut open(SessionConfig::default()),
        [SessionInput::Update { update }, picture, SessionInput::text("hi")],
    );
    let said = "You said: hi My instructions: be kind You showed me 1 picture(s).";
    assert_eq!(lines(&events), [(Speaker::Assistant, said)]);
}

#[test]
fn tools_that_are_named_are_called() {
    let tool = FunctionSpec::new(
        "weather",
        "",
        json!({"type": "object", "properties": {"city": {"type": "string"}}}),
    );
    let mut session = open(SessionConfig { tools: vec![tool], ..SessionConfig::default() });
    session.sink.push(SessionInput::text("the weather please")).unwrap();
    let call = pollster::block_on(async {
        loop {
            if let Some(SessionEvent::ToolCall { call }) = session.events.next().await {
                return call;
            }
        }
    });
    assert_eq!((call.name.as_str(), call.id.as_str()), ("weather", "call0_0"));
    let content = vec![Part::text("4 °C")];
    let result = ToolResult { call_id: call.id, name: call.name, content, is_error: false };
    let events = told(&mut session, [SessionInput::ToolResult { result }]);
    assert_eq!(lines(&events), [(Speaker::Assistant, "You said: the weather please weather said: 4 °C")]);
}

/// A session that asks for the weather, and the call that it waits for.
fn asking(session: &mut RealtimeSession) -> consort_core::ToolCall {
    session.sink.push(SessionInput::text("the weather please")).unwrap();
    pollster::block_on(async {
        loop {
            if let Some(SessionEvent::ToolCall { call }) = session.events.next().await {
                return call;
            }
        }
    })
}

fn with_tool() -> SessionConfig {
    let tool = FunctionSpec::new("weather", "", json!({"type": "object"}));
    SessionConfig { tools: vec![tool], ..SessionConfig::default() }
}

#[test]
fn a_turn_that_is_cut_while_its_tools_run_gets_no_answer() {
    let mut session = open(with_tool());
    asking(&mut session);
    let cut = SessionInput::Interrupt { item: None, heard: Duration::ZERO };
    let events = told(&mut session, [cut, SessionInput::text("hi")]);
    let kinds: Vec<&str> = events.iter().map(SessionEvent::kind).collect();
    assert_eq!(kinds[..2], ["tool_cancelled", "turn_done"]);
    assert_eq!(lines(&events), [(Speaker::Assistant, "You said: hi")]);
    // What is cut by name is what was said before.
    let mut session = open(with_tool());
    let call = asking(&mut session);
    let cut = SessionInput::Interrupt { item: Some("answer9".into()), heard: Duration::ZERO };
    let content = vec![Part::text("4 °C")];
    let result = ToolResult { call_id: call.id, name: call.name, content, is_error: false };
    let events = told(&mut session, [cut, SessionInput::ToolResult { result }]);
    assert_eq!(lines(&events), [(Speaker::Assistant, "You said: the weather please weather said: 4 °C")]);
}

#[test]
fn of_frames_that_come_while_it_is_busy_the_newest_counts() {
    let mut session = open(with_tool());
    let call = asking(&mut session);
    let frame = |n: u8| SessionInput::Video { media: Media::bytes("image/png", vec![n]) };
    // One at a time, since frames that wait in the session are one already.
    for n in 0..50 {
        session.sink.push(frame(n)).unwrap();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let next = std::pin::pin!(session.events.next()).poll(&mut context);
        assert!(next.is_pending());
    }
    let result = ToolResult { call_id: call.id, name: call.name, content: Vec::new(), is_error: false };
    let events = told(&mut session, [SessionInput::ToolResult { result }, SessionInput::text("hi")]);
    assert_eq!(lines(&events)[1].1, "You said: hi You showed me 1 picture(s).");
}

#[test]
fn a_turn_in_which_nobody_spoke_ends_as_well() {
    let patient = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
    let events = told(&mut open(patient), [silence(1000), SessionInput::Commit, SessionInput::Commit]);
    let kinds: Vec<&str> = events.iter().map(SessionEvent::kind).collect();
    assert_eq!(kinds, ["connected", "warning", "turn_done", "closed"]);
    // The silence behind a turn that it answered is no turn.
    let events = told(&mut open(SessionConfig::default()), [voice(400), silence(2000), SessionInput::Commit]);
    assert_eq!(events.iter().filter(|event| event.kind() == "turn_done").count(), 1);
}

#[test]
fn a_cut_of_another_answer_cuts_none() {
    let options = json!({"delay_ms": 20}).as_object().cloned().unwrap();
    let mut session = open(SessionConfig { options, ..SessionConfig::default() });
    session.sink.push(SessionInput::text("one two three")).unwrap();
    pollster::block_on(async {
        while session.events.next().await.is_some_and(|one| one.kind() != "audio") {}
    });
    let cut = SessionInput::Interrupt { item: Some("answer9".into()), heard: Duration::ZERO };
    session.sink.push(cut).unwrap();
    let events = pollster::block_on(async {
        let mut all = Vec::new();
        while let Some(event) = session.events.next().await {
            all.push(event);
            if all.last().is_some_and(|event| event.kind() == "turn_done") {
                break;
            }
        }
        all
    });
    assert_eq!(lines(&events), [(Speaker::Assistant, "You said: one two three")]);
    assert_eq!(events.iter().filter(|event| event.kind() == "audio").count(), 4);
}

#[test]
fn one_can_speak_into_its_answer() {
    let options = json!({"delay_ms": 50}).as_object().cloned().unwrap();
    let mut session = open(SessionConfig { options, ..SessionConfig::default() });
    session.sink.push(SessionInput::text("one two three four five six")).unwrap();
    pollster::block_on(async {
        for _ in 0..2 {
            while session.events.next().await.is_some_and(|event| event.kind() != "audio") {}
        }
    });
    let events =
        told(&mut session, [SessionInput::Interrupt { item: None, heard: Duration::from_millis(200) }]);
    assert_eq!(lines(&events), [(Speaker::Assistant, "You said:")]);
    let kinds: Vec<&str> = events.iter().map(SessionEvent::kind).collect();
    assert_eq!(kinds[..2], ["interrupted", "audio_done"]);
    assert!(matches!(events.last(), Some(SessionEvent::Closed { reason: CloseReason::Asked })));
}

#[test]
fn an_option_that_it_has_not_is_refused() {
    for options in [json!({"loud": true}), json!({"delay_ms": "long"})] {
        let options = options.as_object().cloned().unwrap();
        let config = SessionConfig { options, ..SessionConfig::default() };
        let refused = pollster::block_on(DemoLive::new().connect(config, Context::default())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    }
}

#[test]
fn who_asks_for_a_voice_that_it_has_not_is_told() {
    let asked =
        |voice: Option<&str>| SessionConfig { voice: voice.map(str::to_owned), ..SessionConfig::default() };
    let warned = |events: &[SessionEvent]| {
        let warnings = events.iter().filter_map(|event| match event {
            SessionEvent::Warning { warning } => Some(warning.message.clone()),
            _ => None,
        });
        warnings.collect::<Vec<_>>()
    };
    let none = "demo/live has no voice `alloy` and speaks as it always does: it has one only, without a name";
    assert_eq!(warned(&told(&mut open(asked(Some("alloy"))), [SessionInput::text("hi")])), [none]);
    let update = SessionUpdate { voice: Some("alloy".to_owned()), ..SessionUpdate::default() };
    let inputs = [SessionInput::Update { update }, SessionInput::text("hi")];
    assert_eq!(warned(&told(&mut open(asked(None)), inputs)), [none]);
}
