//! Live models in Rust: served over pipes, fed, interrupted, closed; and what the messages of sessions mean.
use crate::support::driver;
use consort_core::{
    BoxFuture, CloseReason, Context, Error, ErrorKind, FinishReason, Media, ModelCard, Part, Pcm,
    RealtimeModel, RealtimeSession, SessionConfig, SessionEvent, SessionInput, SessionInputs, SessionTeller,
    SessionUpdate, Speaker, ToolCall, TranscriptMode, Usage, Warning,
};
use consort_plugin::Plugin;
use consort_plugin::protocol::{
    self, LiveEvent, LiveEventReader, LiveEvents, LiveInput, LiveInputs, LiveOpenParams,
};
use consort_plugin::testing::{Driver, Transcript, check};
use serde_json::{Value, json};
use std::time::Duration;

/// A live model that is a function.
struct Live<F>(ModelCard, F);

impl<F, W> RealtimeModel for Live<F>
where
    F: Fn(SessionConfig, SessionInputs, SessionTeller) -> W + Clone + Send + Sync,
    W: Future<Output = CloseReason> + Send + 'static,
{
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn connect(&self, config: SessionConfig, _: Context) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        let talk = self.1.clone();
        Box::pin(async move { Ok(RealtimeSession::driven(move |inputs, say| talk(config, inputs, say))) })
    }
}

fn plugin<F, W>(talk: F) -> Plugin
where
    F: Fn(SessionConfig, SessionInputs, SessionTeller) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = CloseReason> + Send + 'static,
{
    Plugin::new("Zoo").realtime(Live(ModelCard::new("zoo", "m"), talk))
}

/// Says back what it hears and reads, and calls a tool for a text that begins with `tool`.
fn parrot() -> Plugin {
    plugin(|config: SessionConfig, mut inputs: SessionInputs, say: SessionTeller| async move {
        say.push(SessionEvent::connected());
        while let Some(input) = inputs.next().await {
            match input {
                SessionInput::Audio(pcm) => say.push(SessionEvent::audio("i", pcm)),
                SessionInput::Text { text } if text.starts_with("tool") => {
                    let arguments = json!({"of": text}).into();
                    let call = ToolCall { id: "c1".into(), name: "weather".into(), arguments };
                    say.push(SessionEvent::ToolCall { call });
                }
                SessionInput::Text { text } if text == "end" => {
                    return CloseReason::Ended { message: "as you wish".into() };
                }
                SessionInput::Text { text } if text == "fail" => {
                    return Error::new(ErrorKind::Quota, "no money").into();
                }
                SessionInput::Text { text } if text == "panic" => panic!("as asked"),
                SessionInput::Text { text } => {
                    let text = format!("{} {text}", config.instructions);
                    say.push(SessionEvent::Text { item: "i".into(), text });
                    let finish = FinishReason::Stop.into();
                    say.push(SessionEvent::TurnDone { finish, usage: None });
                }
                SessionInput::ToolResult { result } => {
                    say.push(SessionEvent::Text { item: "i".into(), text: result.text() });
                }
                _ => {}
            }
        }
        CloseReason::Asked
    })
}

fn open(driver: &mut Driver, more: Value) -> String {
    let mut params = json!({"model": "m"});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    driver.call("realtime/open", params).unwrap()["session"].as_str().unwrap().to_owned()
}

fn feed(driver: &mut Driver, session: &str, inputs: Value) {
    driver.send(&protocol::notification("realtime/input", json!({"session": session, "inputs": inputs})));
}

fn close(driver: &mut Driver, session: &str) {
    driver.call("realtime/close", json!({"session": session})).unwrap();
}

#[test]
fn a_session_is_fed_told_of_and_closed() {
    let mut driver = driver(parrot());
    let listed = driver.call("models/list", json!({})).unwrap();
    assert_eq!((&listed["models"][0]["id"], &listed["models"][0]["kind"]), (&json!("m"), &json!("realtime")));
    let session = open(&mut driver, json!({"system": "Squawk:"}));
    let other = open(&mut driver, json!({}));
    assert_ne!(session, other);
    feed(
        &mut driver,
        &session,
        json!([{"type": "text", "text": "hi"}, {"type": "audio", "data": "AQACAA==", "rate": 8000, "channels": 1}]),
    );
    let heard = driver.heard(&session, "audio");
    let kinds: Vec<&str> = heard.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, ["text", "turn_done", "audio"]);
    assert_eq!((&heard[0]["text"], &heard[2]["data"]), (&json!("Squawk: hi"), &json!("AQACAA==")));
    // The host runs tools: the driver says back their arguments.
    feed(&mut driver, &session, json!([{"type": "text", "text": "tool"}]));
    assert_eq!(driver.heard(&session, "text").pop().unwrap()["text"], r#"{"of":"tool"}"#);
    // What is wrong is told, and the session goes on.
    feed(
        &mut driver,
        &session,
        json!([{"type": "audio", "data": "AQA=", "rate": 0, "channels": 1}, {"type": "smell"}, {"type": "text", "text": "still"}]),
    );
    let heard = driver.heard(&session, "turn_done");
    assert_eq!(heard[0]["error"]["data"]["kind"], "invalid_request", "{heard:?}");
    close(&mut driver, &session);
    assert_eq!(driver.heard(&session, "closed"), [json!({"type": "closed", "reason": "asked for"})]);
    assert!(driver.call("realtime/close", json!({"session": session})).is_err());
    feed(&mut driver, &session, json!([{"type": "commit"}]));
    close(&mut driver, &other);
    let unlike = |wrong: &&String| !wrong.contains("smell") && !wrong.contains("/rate");
    assert_eq!(driver.wrong().iter().filter(unlike).count(), 0, "{:?}", driver.wrong());
}

#[test]
fn a_session_ends_with_its_reason() {
    let mut driver = driver(parrot());
    for (text, reason, kind) in [
        ("end", "as you wish", None),
        ("fail", "error", Some("quota")),
        ("panic", "error", Some("plugin_bug")),
    ] {
        let session = open(&mut driver, json!({}));
        feed(&mut driver, &session, json!([{"type": "text", "text": text}]));
        let closed = driver.heard(&session, "closed").pop().unwrap();
        assert_eq!(closed["reason"], reason, "{closed}");
        assert_eq!(closed["error"]["data"]["kind"].as_str(), kind, "{closed}");
    }
    assert_eq!(
        driver.call("realtime/open", json!({"model": "no"})).unwrap_err().kind(),
        ErrorKind::ModelNotFound
    );
    assert!(driver.wrong().is_empty(), "{:?}", driver.wrong());
}

#[test]
fn one_that_does_not_end_is_closed_all_the_same() {
    let mut driver = driver(plugin(|_, _inputs: SessionInputs, say: SessionTeller| async move {
        say.push(SessionEvent::connected());
        std::future::pending().await
    }));
    let session = open(&mut driver, json!({}));
    close(&mut driver, &session);
    assert_eq!(driver.heard(&session, "closed").len(), 1);
}

/// Says back what it reads.
async fn good(_: SessionConfig, mut inputs: SessionInputs, say: SessionTeller) -> CloseReason {
    say.push(SessionEvent::connected());
    while let Some(input) = inputs.next().await {
        if let SessionInput::Text { text } = input {
            say.push(SessionEvent::Text { item: "i".into(), text });
            say.push(SessionEvent::TurnDone { finish: FinishReason::Stop.into(), usage: None });
        }
    }
    CloseReason::Asked
}

#[test]
fn the_contract_test_knows_live_models() {
    fn live<F, W>(talk: F) -> Plugin
    where
        F: Fn(SessionConfig, SessionInputs, SessionTeller) -> W + Clone + Send + Sync + 'static,
        W: Future<Output = CloseReason> + Send + 'static,
    {
        let card = ModelCard { kind: consort_core::ModelKind::Realtime, ..ModelCard::new("zoo", "m") };
        Plugin::new("Zoo").realtime(Live(card, talk))
    }
    check(live(good)).assert();
    let rude = |config: SessionConfig, inputs: SessionInputs, say: SessionTeller| async move {
        say.push(SessionEvent::warning("x", "before it is connected"));
        good(config, inputs, say).await
    };
    let report = check(live(rude));
    let wrong: Vec<String> = report.wrong().map(|finding| finding.what.clone()).collect();
    assert_eq!(wrong, ["`m` answers in a session, and closes it"], "{report}");
}

fn events() -> Vec<SessionEvent> {
    let (item, text) = (|| "i".to_owned(), || "é\n".to_owned());
    vec![
        SessionEvent::Connected { model: Some("m-2".into()), session: None },
        SessionEvent::SpeechStarted { by: Speaker::User },
        SessionEvent::SpeechStopped { by: Speaker::Assistant },
        SessionEvent::Transcript {
            item: item(),
            by: Speaker::User,
            mode: TranscriptMode::Replacement,
            text: text(),
        },
        SessionEvent::Text { item: item(), text: text() },
        SessionEvent::audio("i", Pcm { samples: vec![1, -1, 7, 9], rate: 48_000, channels: 2 }),
        SessionEvent::AudioDone { item: item(), interrupted: true },
        SessionEvent::Interrupted { item: Some(item()) },
        SessionEvent::TurnDone {
            finish: FinishReason::Length.into(),
            usage: Some(Usage {
                input: Some(3),
                cached_in_input: true,
                reasoning_in_output: true,
                ..Usage::default()
            }),
        },
        SessionEvent::Reconnecting { reason: text() },
        SessionEvent::Warning { warning: Warning::new("vendor", "w") },
        SessionEvent::Error { error: Error::new(ErrorKind::Server, "x") },
        SessionEvent::Native { value: json!({"a": 1}) },
        SessionEvent::Closed { reason: CloseReason::Ended { message: "enough".into() } },
        SessionEvent::Closed { reason: Error::new(ErrorKind::Network, "cut").into() },
    ]
}

#[test]
fn events_fit_the_schema_and_mean_the_same() {
    let (mut both, mut reader) = (Transcript::default(), LiveEventReader::default());
    for event in events() {
        let written = LiveEvent::of(&event).unwrap();
        let params = LiveEvents { session: "rt1".into(), events: vec![written] };
        let line = protocol::notification("realtime/event", &params);
        both.from_plugin(&line).unwrap_or_else(|wrong| panic!("{wrong}\n{line}"));
        let text = serde_json::to_string(&params.events[0]).unwrap();
        let read = reader.read(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(read, Some(event), "{text}");
    }
    let asked = LiveEvent::of(&SessionEvent::Closed { reason: CloseReason::Asked }).unwrap();
    assert_eq!(asked.reason.as_deref(), Some("asked for"));
}

#[test]
fn what_is_wrong_with_an_event_is_said() {
    let mut reader = LiveEventReader::default();
    let mut read = |event: Value| {
        let text = event.to_string();
        let event: Result<LiveEvent<'_>, _> = serde_json::from_str(&text);
        event.map_err(|error| error.to_string()).and_then(|event| reader.read(event))
    };
    for (event, wrong) in [
        (json!({"type": "audio", "data": "!", "rate": 8000}), "no base64"),
        (json!({"type": "audio", "data": "AAA=", "rate": 8000}), ""),
        (json!({"type": "audio", "data": "AQID", "rate": 8000}), "ends within a sample"),
        (json!({"type": "audio", "data": "AQI=", "rate": 8000, "channels": 2}), "ends within a sample"),
        (json!({"type": "audio", "data": "", "rate": 0}), "sound of 0 Hz"),
        (json!({"type": "audio", "data": "", "rate": 8000, "channels": 99}), "99 channels"),
        (json!({"type": "audio", "data": "", "rate": 2000}), "4000 to 192000 Hz and up to 16 channels"),
        (json!({"type": "audio", "data": "", "rate": 384_000}), "sound of 384000 Hz"),
        (json!({"type": "audio", "path": "/etc/passwd", "rate": 8000}), "came by a path"),
        (json!({"type": "audio", "rate": 8000}), "no data and no path"),
        (json!({"type": "transcript", "role": "cat", "text": "x"}), "cat"),
        (json!({"type": "audio", "rate": "fast"}), "fast"),
        (json!({"type": 7}), ""),
    ] {
        let error = read(event.clone());
        assert!(wrong.is_empty() || error.as_ref().unwrap_err().contains(wrong), "{event}: {error:?}");
    }
    assert_eq!(read(json!({"type": "smell", "of": 7})), Ok(None), "of a later version");
    // One that says `error`, and said which before.
    read(json!({"type": "error", "error": {"code": 1, "message": "broken", "data": {"kind": "auth"}}}))
        .unwrap();
    let closed = read(json!({"type": "closed", "reason": "error"})).unwrap().unwrap();
    assert!(
        matches!(closed, SessionEvent::Closed { reason: CloseReason::Failed { error } } if error.kind() == ErrorKind::Auth)
    );
}

/// What one side takes the other does, and whoever works with sound: see `Pcm::RATES`.
#[test]
fn sound_is_taken_as_it_is_elsewhere() {
    let samples = vec![-1, i16::MIN, 0x3f3e, -2];
    let bytes = Pcm::mono(samples.clone(), 8000).to_le_bytes();
    let usual = Pcm { samples, rate: 4000, channels: 2 };
    for data in ["//8AgD4//v8=", "//8AgD4//v8", "__8AgD4__v8=", "__8AgD4__v8"] {
        let event =
            json!({"type": "audio", "item": "i", "data": data, "rate": 4000, "channels": 2}).to_string();
        let read = LiveEventReader::default().read(serde_json::from_str(&event).unwrap()).unwrap().unwrap();
        assert!(matches!(&read, SessionEvent::Audio { pcm, .. } if *pcm == usual), "{data}: {read:?}");
        let input: LiveInput = serde_json::from_str(&event).unwrap();
        assert_eq!(input.into_core().unwrap(), Some(SessionInput::Audio(usual.clone())), "{data}");
        let text = json!({"samples": data, "rate": 4000, "channels": 2}).to_string();
        assert_eq!(serde_json::from_str::<Pcm>(&text).unwrap(), usual);
    }
    let wide = protocol::sound(&bytes.repeat(4), Some(192_000), Some(16)).unwrap();
    assert_eq!((wide.rate, wide.channels), (192_000, 16));
    for (rate, channels) in [(3_999, 1), (192_001, 1), (8_000, 0), (8_000, 17)] {
        protocol::sound(&[], Some(rate), Some(channels)).unwrap_err();
    }
}

#[test]
fn inputs_and_openings_fit_the_schema_and_mean_the_same() {
    let mut both = Transcript::default();
    let tools = vec![consort_core::FunctionSpec::new("f", "does", json!({"type": "object"}))];
    let update = SessionUpdate {
        instructions: Some("be kind".into()),
        voice: Some("alto".into()),
        tools: Some(tools.clone()),
        turn_detection: Some(false),
    };
    for input in [
        SessionInput::Audio(Pcm::mono(vec![1, 2, -3], 16_000)),
        SessionInput::text("hé"),
        SessionInput::Image { media: Media::bytes("image/png", vec![1u8, 2]) },
        SessionInput::Video { media: Media::path("image/jpeg", "/tmp/x.jpg") },
        SessionInput::Commit,
        SessionInput::Interrupt { item: Some("i".into()), heard: Duration::from_millis(1234) },
        SessionInput::Interrupt { item: None, heard: Duration::ZERO },
        SessionInput::Update { update },
    ] {
        let inputs = vec![LiveInput::of(&input).unwrap().unwrap()];
        let params = LiveInputs { session: "rt1".into(), inputs };
        let line = protocol::notification("realtime/input", &params);
        both.from_host(&line).unwrap_or_else(|wrong| panic!("{wrong}\n{line}"));
        let text = serde_json::to_string(&params).unwrap();
        let read: LiveInputs<LiveInput> = serde_json::from_str(&text).unwrap();
        assert_eq!(read.inputs[0].clone().into_core().unwrap(), Some(input), "{text}");
    }
    let by_address = SessionInput::Image { media: Media::url("image/png", "https://acme.example/a") };
    assert!(LiveInput::of(&by_address).unwrap_err().contains("by its address"));

    let config = SessionConfig {
        instructions: "Be brief.".into(),
        voice: Some("alto".into()),
        tools,
        messages: vec![consort_core::Message::user("hi")],
        input_rate: Some(16_000),
        output_rate: Some(24_000),
        turn_detection: Some(true),
        options: json!({"a": 1}).as_object().cloned().unwrap(),
        ..SessionConfig::default()
    };
    let (mut params, warnings) = LiveOpenParams::new("m", config.clone(), "plugin:acme");
    assert!(warnings.is_empty());
    params.meta.participant = Some("ada".into());
    let line = protocol::request(&protocol::Id::Number(1), "realtime/open", &params);
    both.from_host(&line).unwrap_or_else(|wrong| panic!("{wrong}\n{line}"));
    let read: LiveOpenParams = serde_json::from_str(&serde_json::to_string(&params).unwrap()).unwrap();
    assert_eq!(read.into_config("plugin:acme").unwrap(), config);
    let mut lossy = config;
    lossy.messages[0].parts.push(Part::native("openai", "search", json!({})));
    assert_eq!(LiveOpenParams::new("m", lossy, "plugin:acme").1.len(), 1);
}
