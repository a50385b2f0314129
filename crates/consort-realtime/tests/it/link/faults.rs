//! What goes wrong with each vendor's server, at a clock that stands still: the session survives, or ends with a reason.
use super::vendor::{Server, TONGUES, Tongue, Vendor, past, script};
use super::{kinds, until};
use consort_core::{
    CloseReason, Error, ErrorKind, Part, Pcm, RealtimeSession, SessionConfig, SessionEvent, SessionInput,
    ToolResult,
};
use serde_json::{Value, json};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// The user asks something, in words where the model takes them.
async fn ask(tongue: Tongue, session: &RealtimeSession) {
    if tongue.reads() {
        session.sink.send(SessionInput::text("One?")).await.unwrap();
    } else {
        session.sink.send(SessionInput::Audio(Pcm::mono(vec![1; 2_400], 24_000))).await.unwrap();
        session.sink.send(SessionInput::Commit).await.unwrap();
    }
}

/// What the server hears of it.
fn asked(tongue: Tongue) -> &'static str {
    if tongue.reads() { "One?" } else { "input_audio_buffer.append" }
}

async fn answers(tongue: Tongue, mut server: Server) {
    tongue.open(&mut server).await;
    server.tell(tongue.begin("again", "Once more."));
    server.tell(tongue.done("again", "Once more."));
    server.rest().await;
}

async fn ends_as_asked(session: &mut RealtimeSession) {
    session.sink.close();
    let end = until(session, "closed").await;
    assert!(matches!(end.last(), Some(SessionEvent::Closed { reason: CloseReason::Asked })), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_in_the_middle_of_an_answer_is_made_anew() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear(asked(tongue)).await;
            server.tell([tongue.user("u", "One?")].into_iter().filter(|_| !tongue.reads()));
            server.tell(tongue.begin("a", "It is half "));
            server.tell([tongue.sound("a", 700)]);
            tokio::time::sleep(Duration::from_millis(700)).await;
            server.end(None, "");
        });
        let vendor = Vendor::new(vec![first, script(move |server| answers(tongue, server))]);
        let mut session = tongue.session(&vendor).await;
        ask(tongue, &session).await;
        let before = until(&mut session, "reconnecting").await;
        let after = until(&mut session, "connected").await;
        let turn = until(&mut session, "turn_done").await;
        // What was under way is ended, and its words are told.
        assert!(kinds(&before).contains(&"turn_done"), "{tongue:?} {before:?}");
        assert_eq!(kinds(&after), ["connected"], "{tongue:?}");
        assert!(kinds(&turn).contains(&"audio"), "sound of the new answer is wanted: {tongue:?} {turn:?}");
        let past = past(&vendor.heard(1));
        let who = tongue.assistant();
        assert_eq!(past, ["user: One?".to_owned(), format!("{who}: It is half ")], "{tongue:?}");
        ends_as_asked(&mut session).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_time_is_over_is_taken_over() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear(asked(tongue)).await;
            server.tell(tongue.begin("a", "Yes."));
            server.tell(tongue.done("a", "Yes."));
            // An hour in which nobody speaks.
            for _ in 0..144 {
                tokio::time::sleep(Duration::from_secs(25)).await;
                server.alive();
            }
            server.tell([tongue.expired()]);
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first, script(move |server| answers(tongue, server))]);
        let mut session = tongue.session(&vendor).await;
        let begun = tokio::time::Instant::now();
        ask(tongue, &session).await;
        let told = until(&mut session, "reconnecting").await;
        assert!(begun.elapsed() >= Duration::from_hours(1), "{tongue:?}");
        assert!(!kinds(&told).contains(&"error"), "{tongue:?} {told:?}");
        until(&mut session, "turn_done").await;
        assert!(vendor.state.pings.load(SeqCst) > 100, "a silent server is asked whether it lives");
        assert!(past(&vendor.heard(1)).contains(&format!("{}: Yes.", tongue.assistant())), "{tongue:?}");
        ends_as_asked(&mut session).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_is_left_between_two_turns_and_its_session_resumed() {
    let tongue = Tongue::Gemini;
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.tell([json!({"sessionResumptionUpdate": {"newHandle": "h1", "resumable": true}})]);
        server.hear("One?").await;
        server.tell(tongue.begin("a", "Yes"));
        server.tell([json!({"goAway": {"timeLeft": "5s"}})]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.tell(tongue.done("a", "Yes"));
        server.rest().await;
    });
    let vendor = Vendor::new(vec![first, script(move |server| answers(tongue, server))]);
    let mut session = tongue.session(&vendor).await;
    session.sink.send(SessionInput::text("One?")).await.unwrap();
    let told = until(&mut session, "reconnecting").await;
    assert!(matches!(&told[told.len() - 2], SessionEvent::TurnDone { .. }), "{told:?}");
    until(&mut session, "turn_done").await;
    let heard = vendor.heard(1);
    assert_eq!(heard[0]["setup"]["sessionResumption"], json!({"handle": "h1"}));
    // The handle is older than the turn: what it stands for knows nothing of it.
    assert_eq!(past(&heard), ["user: One?", "you: Yes"]);
    ends_as_asked(&mut session).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_said_since_a_handle_was_given_is_told_to_who_takes_over() {
    let tongue = Tongue::Gemini;
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.hear("One?").await;
        server.tell(tongue.begin("a", "Yes."));
        server.tell(tongue.done("a", "Yes."));
        server.tell([json!({"sessionResumptionUpdate": {"newHandle": "h1", "resumable": true}})]);
        server.hear("Two?").await;
        server.tell(tongue.begin("b", "No,"));
        server.tell([tongue.sound("b", 300)]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.end(None, "");
    });
    let second = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.rest().await;
    });
    let vendor = Vendor::new(vec![first, second]);
    let mut session = tongue.session(&vendor).await;
    session.sink.send(SessionInput::text("One?")).await.unwrap();
    until(&mut session, "turn_done").await;
    session.sink.send(SessionInput::text("Two?")).await.unwrap();
    until(&mut session, "reconnecting").await;
    until(&mut session, "connected").await;
    ends_as_asked(&mut session).await;
    let heard = vendor.heard(1);
    assert_eq!(heard[0]["setup"]["sessionResumption"], json!({"handle": "h1"}));
    assert_eq!(past(&heard), ["user: Two?", "you: No,"], "the vendor keeps what was before");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_resumed_begins_with_what_was_said() {
    let tongue = Tongue::Gemini;
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.tell([json!({"sessionResumptionUpdate": {"newHandle": "h1", "resumable": true}})]);
        server.hear("One?").await;
        server.tell(tongue.begin("a", "Yes."));
        server.tell(tongue.done("a", "Yes."));
        server.end(Some(1011), "");
    });
    let refuses = script(|mut server: Server| async move {
        server.hear("h1").await;
        server.end(Some(1007), "the handle is too old");
    });
    let vendor = Vendor::new(vec![first, refuses, script(move |server| answers(tongue, server))]);
    let mut session = tongue.session(&vendor).await;
    session.sink.send(SessionInput::text("One?")).await.unwrap();
    until(&mut session, "reconnecting").await;
    until(&mut session, "connected").await;
    until(&mut session, "turn_done").await;
    assert_eq!(past(&vendor.heard(2)), ["user: One?", "model: Yes."]);
    ends_as_asked(&mut session).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_being_said_is_said_once_more() {
    let check = async |tongue: Tongue, is_over: bool, wanted: std::ops::RangeInclusive<usize>| {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear("input_audio_buffer.append").await;
            server.tell([json!({"type": "input_audio_buffer.speech_started", "item_id": "u"})]);
            tokio::time::sleep(Duration::from_secs(2)).await;
            let stopped = json!({"type": "input_audio_buffer.speech_stopped", "item_id": "u"});
            server.tell([stopped].into_iter().filter(|_| is_over));
            server.end(None, "");
        });
        let second = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first, second]);
        let mut session = tongue.session(&vendor).await;
        for _ in 0..100 {
            session.sink.push(SessionInput::Audio(Pcm::mono(vec![1; 480], 24_000))).unwrap();
            tokio::time::sleep(Duration::from_millis(19)).await;
        }
        until(&mut session, "reconnecting").await;
        until(&mut session, "connected").await;
        ends_as_asked(&mut session).await;
        let sounds = vendor.heard(1).iter().filter(|message| is_sound(message)).count();
        assert!(wanted.contains(&sounds), "{tongue:?} {is_over} {sounds}");
    };
    for tongue in TONGUES.into_iter().filter(|tongue| !tongue.is_gemini()) {
        check(tongue, false, 99..=101).await;
        // And silence behind it, by which the server finds its end.
        check(tongue, true, 100..=102).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_and_not_answered_is_asked_again() {
    for (tongue, handle) in [
        (Tongue::OpenAi, false),
        (Tongue::Xai, false),
        (Tongue::Gemini, false),
        (Tongue::Gemini, true),
        (Tongue::GeminiTwo, false),
        (Tongue::GeminiTwo, true),
    ] {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            let update = json!({"sessionResumptionUpdate": {"newHandle": "h1", "resumable": true}});
            server.tell([update].into_iter().filter(|_| handle));
            server.hear("One?").await;
            server.end(None, "");
        });
        let second = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            let asks = if tongue.is_gemini() { "One?" } else { "response.create" };
            if server.hear(asks).await {
                server.tell(tongue.begin("a", "Yes."));
                server.tell(tongue.done("a", "Yes."));
            }
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first, second]);
        let mut session = tongue.session(&vendor).await;
        session.sink.send(SessionInput::text("One?")).await.unwrap();
        let told = until(&mut session, "turn_done").await;
        assert!(kinds(&told).contains(&"reconnecting"), "{tongue:?} {told:?}");
        let said = serde_json::to_string(&vendor.heard(1)).unwrap();
        assert_eq!(said.matches("One?").count(), 1, "{tongue:?} {said}");
        ends_as_asked(&mut session).await;
    }
}

#[tokio::test(start_paused = true)]
async fn words_that_come_late_stand_where_they_were_spoken() {
    for tongue in TONGUES.into_iter().filter(|tongue| !tongue.is_gemini()) {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            let of = |kind: &str| json!({"type": format!("input_audio_buffer.{kind}"), "item_id": "u"});
            server.tell([of("speech_started"), of("speech_stopped"), of("committed")]);
            server.tell(tongue.begin("a", "Yes."));
            server.tell(tongue.done("a", "Yes."));
            server.tell([tongue.user("u", "Is it?")]);
            server.let_hear().await;
            server.end(Some(1006), "");
        });
        let vendor = Vendor::new(vec![first, script(move |server| answers(tongue, server))]);
        let mut session = tongue.session(&vendor).await;
        let told = until(&mut session, "reconnecting").await;
        let words = told.iter().filter(|event| event.kind() == "transcript").count();
        assert_eq!(words, 3, "{tongue:?} {told:?}");
        until(&mut session, "turn_done").await;
        let past = past(&vendor.heard(1));
        let answer = format!("{}: Yes.", tongue.assistant());
        assert_eq!(past, ["user: Is it?".to_owned(), answer], "{tongue:?}");
        ends_as_asked(&mut session).await;
    }
}

fn noon(id: &str) -> SessionInput {
    let content = vec![Part::text("noon")];
    let result = ToolResult { call_id: id.into(), name: "clock".into(), content, is_error: false };
    SessionInput::ToolResult { result }
}

#[tokio::test(start_paused = true)]
async fn a_tool_may_outlive_its_turn_and_its_connection() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear(asked(tongue)).await;
            server.tell(tongue.call("a", "c1"));
            if tongue.is_gemini() {
                server.tell([json!({"serverContent": {"turnComplete": true}})]);
            }
            server.end(None, "");
        });
        let second = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            if server.hear("noon").await {
                server.tell(tongue.begin("b", "It is noon."));
                server.tell(tongue.done("b", "It is noon."));
            }
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first, second]);
        let mut session = tongue.session(&vendor).await;
        ask(tongue, &session).await;
        until(&mut session, "tool_call").await;
        let told = until(&mut session, "reconnecting").await;
        assert!(kinds(&told).contains(&"turn_done"), "{tongue:?} {told:?}");
        session.sink.send(noon("c1")).await.unwrap();
        if tongue.is_gemini() || tongue == Tongue::Qwen {
            // The session that asked is gone, and another knows nothing of it.
            let told = until(&mut session, "warning").await;
            assert_eq!(kinds(&told), ["tool_cancelled", "connected", "warning"], "{told:?}");
        } else {
            let told = until(&mut session, "turn_done").await;
            assert!(kinds(&told).contains(&"transcript"), "{tongue:?} {told:?}");
            let heard = vendor.heard(1);
            let of = |kind: &str| heard.iter().position(|message| message["item"]["type"] == kind);
            assert!(of("function_call") < of("function_call_output"), "{tongue:?} {heard:?}");
        }
        ends_as_asked(&mut session).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_survived_and_nothing_that_was_said_meanwhile_is_lost() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear(asked(tongue)).await;
            server.stall(true);
            tokio::time::sleep(Duration::from_secs(10)).await;
            server.stall(false);
            server.tell(tongue.begin("a", "Yes."));
            server.tell(tongue.done("a", "Yes."));
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first]);
        let mut session = tongue.session(&vendor).await;
        ask(tongue, &session).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..250 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            session.sink.push(SessionInput::Audio(Pcm::mono(vec![1; 480], 24_000))).unwrap();
        }
        let told = until(&mut session, "turn_done").await;
        assert!(
            !kinds(&told).contains(&"reconnecting") && !kinds(&told).contains(&"warning"),
            "{tongue:?} {told:?}"
        );
        ends_as_asked(&mut session).await;
        let sounds = vendor.heard(0).iter().filter(|message| is_sound(message)).count();
        // Sound is sent as it is resampled: the last piece may still be within.
        assert!(sounds >= 250, "{tongue:?} {sounds}");
        assert_eq!(vendor.connections(), 1);
    }
}

fn is_sound(message: &Value) -> bool {
    message["type"] == "input_audio_buffer.append" || message["realtimeInput"]["audio"].is_object()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_for_good_is_left() {
    let tongue = Tongue::OpenAi;
    let silent = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.rest().await;
    });
    let vendor = Vendor::new(vec![silent, script(move |server| answers(tongue, server))]);
    let mut session = tongue.session(&vendor).await;
    let begun = tokio::time::Instant::now();
    let told = until(&mut session, "reconnecting").await;
    let Some(SessionEvent::Reconnecting { reason }) = told.last() else { panic!("{told:?}") };
    assert!(reason.contains("nothing came for 75 s"), "{reason}");
    assert_eq!(begun.elapsed().as_secs(), 75);
    until(&mut session, "turn_done").await;
    ends_as_asked(&mut session).await;
}

#[tokio::test(start_paused = true)]
async fn garbage_is_told_and_survived() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.bytes("{\"type\":");
            server.bytes(vec![0xff, 0, 0xfe]);
            server.bytes("[1, null, \"\\ud800\"]");
            server.tell([json!(7), json!({"type": 7}), json!({"serverContent": 7})]);
            server.tell(tongue.begin("a", "Yes."));
            server.tell(tongue.done("a", "Yes."));
            server.rest().await;
        });
        let vendor = Vendor::new(vec![first]);
        let mut session = tongue.session(&vendor).await;
        let told = until(&mut session, "turn_done").await;
        let garbled = |event: &&SessionEvent| matches!(event, SessionEvent::Warning { warning } if warning.code == "garbled");
        assert_eq!(told.iter().filter(garbled).count(), 3, "{tongue:?} {told:?}");
        assert!(!kinds(&told).contains(&"error"), "no answer failed: {tongue:?} {told:?}");
        assert!(kinds(&told).contains(&"audio"), "{tongue:?} {told:?}");
        ends_as_asked(&mut session).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_made_anew_is_given_up_with_its_reason() {
    let tongue = Tongue::OpenAi;
    let first = || {
        script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.end(None, "");
        })
    };
    let closed = async |vendor: std::sync::Arc<Vendor>| {
        let mut session = tongue.session(&vendor).await;
        let begun = tokio::time::Instant::now();
        let told = until(&mut session, "closed").await;
        let Some(SessionEvent::Closed { reason: CloseReason::Failed { error } }) = told.last() else {
            panic!("{told:?}")
        };
        (error.clone(), begun.elapsed(), vendor.connections())
    };
    let (error, took, _) = closed(Vendor::new(vec![first()])).await;
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.message().contains("within 60 s: nobody is there"), "{error}");
    assert!(took > Duration::from_secs(30) && took <= Duration::from_secs(61), "{took:?}");
    // What would fail in the same way again is not tried again.
    let refused = Error::new(ErrorKind::Auth, "the key was revoked");
    let (error, took, _) = closed(Vendor::refusing(vec![first()], refused)).await;
    assert_eq!((error.kind(), error.message()), (ErrorKind::Auth, "the key was revoked"));
    assert!(took < Duration::from_secs(3), "{took:?}");
    // What may pass is, also where the server says it once the connection is there.
    let busy = script(|mut server: Server| async move {
        server.hear("session.update").await;
        server.tell([json!({"type": "error", "error": {"type": "server_error", "message": "try again"}})]);
        server.rest().await;
    });
    let (error, took, connections) = closed(Vendor::new(vec![first(), busy])).await;
    assert!(took > Duration::from_secs(30) && connections == 2, "{error} {took:?}");
    // One that opens and ends at once, for ever, is no session.
    let (error, took, connections) = closed(Vendor::new((0..200).map(|_| first()).collect())).await;
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(took <= Duration::from_secs(61) && connections < 40, "{took:?} {connections}");
}

#[tokio::test(start_paused = true)]
async fn leaving_ends_a_session_that_connects_anew() {
    let tongue = Tongue::OpenAi;
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.end(None, "");
    });
    let silent = script(|mut server: Server| async move {
        server.hear("session.update").await;
        server.rest().await;
    });
    let vendor = Vendor::new(vec![first, silent]);
    let mut session = tongue.session(&vendor).await;
    until(&mut session, "reconnecting").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ends_as_asked(&mut session).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_open_says_why() {
    let tongue = Tongue::OpenAi;
    let opened = async |play: fn(Server) -> consort_core::BoxFuture<'static, ()>| {
        let vendor = Vendor::new(vec![script(play)]);
        let context = consort_core::Context {
            clock: std::sync::Arc::new(consort_providers::TokioClock),
            ..Default::default()
        };
        let model = tongue.model(&vendor);
        let opening = consort_core::RealtimeModel::connect(&model, SessionConfig::default(), context);
        opening.await.unwrap_err()
    };
    let error = opened(|server| Box::pin(server.rest())).await;
    assert_eq!((error.kind(), error.provider_id()), (ErrorKind::Timeout, Some("vendor")));
    let error = opened(|server| {
        Box::pin(async move {
            server.tell([json!({"type": "error", "error": {"code": "invalid_api_key", "message": "no"}})]);
            server.rest().await;
        })
    });
    assert_eq!(error.await.kind(), ErrorKind::Auth);
    let error = opened(|server| Box::pin(async move { server.end(Some(4000), "beta_api_shape_disabled") }));
    let error = error.await;
    assert!(error.message().contains("beta_api_shape_disabled"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_to_a_session_that_is_closed_before_it_is_connected_anew_is_told_to_be_lost() {
    let tongue = Tongue::OpenAi;
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        server.end(None, "");
    });
    let second = script(move |mut server: Server| async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        tongue.open(&mut server).await;
        server.rest().await;
    });
    let vendor = Vendor::new(vec![first, second]);
    let mut session = tongue.session(&vendor).await;
    until(&mut session, "reconnecting").await;
    session.sink.send(SessionInput::text("The gate code is 12.")).await.unwrap();
    session.sink.send(SessionInput::text("And the door is open.")).await.unwrap();
    session.sink.close();
    let told = until(&mut session, "closed").await;
    let lost = told.iter().find_map(|event| match event {
        SessionEvent::Warning { warning } => Some((warning.code.as_str(), warning.message.as_str())),
        _ => None,
    });
    let wanted = "the session ended before 2 things that were said to it could be sent";
    assert_eq!(lost, Some(("dropped", wanted)), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_would_have_been_asked_again_is_told_to_be_lost_too() {
    for tongue in [Tongue::OpenAi, Tongue::Gemini, Tongue::Qwen] {
        for says_more in [false, true] {
            let first = script(move |mut server: Server| async move {
                tongue.open(&mut server).await;
                server.hear(asked(tongue)).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                server.end(None, "");
            });
            let vendor = Vendor::new(vec![first]);
            let mut session = tongue.session(&vendor).await;
            ask(tongue, &session).await;
            until(&mut session, "reconnecting").await;
            if says_more {
                session.sink.send(SessionInput::text("The gate code is 12.")).await.unwrap();
            }
            let told = until(&mut session, "closed").await;
            let lost = told.iter().find_map(|event| match event {
                SessionEvent::Warning { warning } => Some((warning.code.as_str(), warning.message.as_str())),
                _ => None,
            });
            let again = "before what waited for an answer could be asked again";
            let wanted = if says_more {
                format!("the session ended before 1 thing that was said to it could be sent, and {again}")
            } else {
                format!("the session ended {again}")
            };
            assert_eq!(lost, Some(("dropped", wanted.as_str())), "{tongue:?} {told:?}");
        }
    }
}
