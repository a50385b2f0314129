//! Servers as strict as their vendors: what they refuse is not said to them, and what one refused is told in another way.
use super::vendor::{Server, TONGUES, Tongue, Vendor, past, script};
use super::{kinds, until};
use consort_core::{
    FunctionSpec, Media, Message, Part, Pcm, RealtimeSession, Role, SessionConfig, SessionEvent,
    SessionInput, ToolResult,
};
use serde_json::{Value, json};
use std::time::Duration;

/// What was said before a session, with all that a chat may hold.
fn before() -> Vec<Message> {
    let mut answer = Message::assistant("It is noon.");
    answer.parts.insert(0, Part::tool_call("c0", "clock", "{}"));
    vec![
        Message::new(Role::User, vec![Part::text("When?")]),
        answer,
        Message::new(Role::Tool, vec![Part::tool_result("c0", "clock", "noon")]),
    ]
}

fn config() -> SessionConfig {
    let schema =
        json!({"type": "object", "properties": {"zone": {"type": "string"}}, "additionalProperties": false});
    SessionConfig {
        messages: before(),
        instructions: "Be kind.".into(),
        tools: vec![FunctionSpec::new("clock", "Tells the time", schema)],
        ..SessionConfig::default()
    }
}

/// The user says something: in words where the model takes them.
async fn say(tongue: Tongue, session: &RealtimeSession, words: &str) {
    if tongue.reads() {
        session.sink.send(SessionInput::text(words)).await.unwrap();
    } else {
        session.sink.send(SessionInput::Audio(Pcm::mono(vec![1; 4_800], 24_000))).await.unwrap();
        session.sink.send(SessionInput::Commit).await.unwrap();
    }
}

/// What the server hears of it.
fn said(tongue: Tongue, words: &'static str) -> &'static str {
    if tongue.reads() { words } else { "input_audio_buffer.append" }
}

async fn answer(tongue: Tongue, server: &mut Server, heard: &'static str, name: &str) {
    if server.hear(said(tongue, heard)).await {
        // Where it was spoken, it is known what it was.
        server.tell([tongue.user(&format!("u{name}"), heard)].into_iter().filter(|_| !tongue.reads()));
        server.tell(tongue.begin(name, "Yes."));
        server.tell(tongue.done(name, "Yes."));
    }
}

async fn close(session: &mut RealtimeSession) {
    session.sink.close();
    until(session, "closed").await;
}

#[tokio::test(start_paused = true)]
async fn a_whole_session_says_nothing_that_its_vendor_refuses() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            answer(tongue, &mut server, "One?", "a").await;
            answer(tongue, &mut server, "Two?", "b").await;
            if server.hear(said(tongue, "Three?")).await {
                server.tell([tongue.user("u3", "Three?")].into_iter().filter(|_| !tongue.reads()));
                server.tell(tongue.call("c", "c1"));
            }
            if server.hear("noon").await {
                server.tell(tongue.begin("d", "It is noon, "));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            server.end(None, "");
        });
        let second = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            answer(tongue, &mut server, "Four?", "e").await;
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first, second]);
        let mut session = tongue.session_of(&vendor, config()).await;
        for words in ["One?", "Two?"] {
            say(tongue, &session, words).await;
            until(&mut session, "turn_done").await;
        }
        say(tongue, &session, "Three?").await;
        until(&mut session, "tool_call").await;
        session.sink.send(noon("c1")).await.unwrap();
        until(&mut session, "audio").await;
        // It is cut, in the middle of what is known by now.
        let interrupt = SessionInput::Interrupt { item: None, heard: Duration::ZERO };
        session.sink.send(interrupt).await.unwrap();
        until(&mut session, "reconnecting").await;
        let told = until(&mut session, "connected").await;
        assert!(!kinds(&told).contains(&"error"), "{tongue:?} {told:?}");
        say(tongue, &session, "Four?").await;
        until(&mut session, "turn_done").await;
        close(&mut session).await;
        assert_eq!(vendor.refused(), [""; 0], "{tongue:?}");
        let known = past(&vendor.heard(1)).join("\n");
        for words in ["When?", "noon", "One?", "Two?", "Three?"] {
            assert!(known.contains(words) || words == "noon", "{tongue:?} {words} of {known}");
        }
        let all = serde_json::to_string(&vendor.heard(1)).unwrap();
        assert!(all.contains("noon"), "{tongue:?} {all}");
    }
}

fn noon(id: &str) -> SessionInput {
    let content = vec![Part::text("noon")];
    let result = ToolResult { call_id: id.into(), name: "clock".into(), content, is_error: false };
    SessionInput::ToolResult { result }
}

#[tokio::test(start_paused = true)]
async fn who_says_when_they_speak_says_it_of_words_too() {
    for tongue in [Tongue::Gemini, Tongue::GeminiTwo] {
        let only = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            answer(tongue, &mut server, "One?", "a").await;
            server.rest().await;
        });
        let vendor = Vendor::new(vec![only]);
        let config = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
        let mut session = tongue.session_of(&vendor, config).await;
        session.sink.send(SessionInput::Audio(Pcm::mono(vec![1; 4_800], 24_000))).await.unwrap();
        session.sink.send(SessionInput::Commit).await.unwrap();
        session.sink.send(SessionInput::text("One?")).await.unwrap();
        until(&mut session, "turn_done").await;
        close(&mut session).await;
        if tongue == Tongue::Gemini {
            let kinds: Vec<String> = vendor
                .heard(0)
                .iter()
                .filter_map(|message| message["realtimeInput"].as_object()?.keys().next().cloned())
                .collect();
            let wanted =
                ["activityStart", "audio", "audio", "activityEnd", "activityStart", "text", "activityEnd"];
            assert_eq!(kinds, wanted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_that_is_refused_is_told_below_the_instructions() {
    let tongue = Tongue::Gemini;
    let refuses = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        if server.hear("clientContent").await {
            server.end(Some(1007), "Request contains an invalid argument.");
        }
    });
    let second = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        answer(tongue, &mut server, "One?", "a").await;
        server.rest().await;
    });
    let vendor = Vendor::new(vec![refuses, second]);
    let mut session = tongue.session_of(&vendor, config()).await;
    until(&mut session, "reconnecting").await;
    session.sink.send(SessionInput::text("One?")).await.unwrap();
    until(&mut session, "turn_done").await;
    close(&mut session).await;
    let wanted =
        ["user: When?", "you: [called clock with {}]", "you: It is noon.", "tool: [clock gave: noon]"];
    assert_eq!(past(&vendor.heard(1)), wanted);
    // Words in the middle of a session that are refused are nothing that another connection would mend.
    let only = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        answer(tongue, &mut server, "One?", "a").await;
        server.hear("Two?").await;
        server.end(Some(1007), "Request contains an invalid argument.");
    });
    let vendor = Vendor::new(vec![only]);
    let mut session = tongue.session_of(&vendor, config()).await;
    session.sink.send(SessionInput::text("One?")).await.unwrap();
    until(&mut session, "turn_done").await;
    session.sink.send(SessionInput::text("Two?")).await.unwrap();
    assert!(!kinds(&until(&mut session, "closed").await).contains(&"reconnecting"));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_no_words_keeps_what_was_said_through_new_instructions() {
    let tongue = Tongue::Qwen;
    let only = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.hear("Be loud.").await;
        answer(tongue, &mut server, "One?", "a").await;
        server.rest().await;
    });
    let vendor = Vendor::new(vec![only]);
    let mut session = tongue.session_of(&vendor, config()).await;
    let update = consort_core::SessionUpdate { instructions: Some("Be loud.".into()), ..Default::default() };
    session.sink.send(SessionInput::Update { update }).await.unwrap();
    say(tongue, &session, "One?").await;
    until(&mut session, "turn_done").await;
    close(&mut session).await;
    let updates: Vec<Value> =
        vendor.heard(0).into_iter().filter(|message| message["type"] == "session.update").collect();
    let instructions = updates[1]["session"]["instructions"].as_str().unwrap();
    assert!(instructions.starts_with("Be loud.\n\n") && !instructions.contains("kind"), "{instructions}");
    assert_eq!(past(&updates[..1]), past(&updates[1..]));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_is_said_once_however_often_the_connection_is_made() {
    for tongue in TONGUES {
        let open = move |ends: bool| {
            script(move |mut server: Server| async move {
                tongue.open(&mut server).await;
                if ends {
                    server.end(None, "");
                }
                server.rest().await;
            })
        };
        let vendor = Vendor::new(vec![open(true), open(true), open(false)]);
        let sound = Message::new(Role::User, vec![Part::media(Media::bytes("audio/wav", vec![1]))]);
        let config = SessionConfig { messages: vec![sound, Message::user("Hi")], ..SessionConfig::default() };
        let mut session = tongue.session_of(&vendor, config).await;
        let mut told: Vec<SessionEvent> = Vec::new();
        for _ in 0..3 {
            told.extend(until(&mut session, "connected").await);
        }
        close(&mut session).await;
        let warnings = told.iter().filter(|event| event.kind() == "warning").count();
        assert_eq!(warnings, 1, "{tongue:?} {told:?}");
    }
}
