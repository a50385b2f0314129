//! What the user says aloud while a connection is lost, stalls or is left: it is heard, once, in its place, and answered.
use super::vendor::{Server, TONGUES, Tongue, Vendor, past, script};
use super::{kinds, until};
use crate::speech::speech;
use consort_core::{
    CloseReason, Pcm, RealtimeSession, SessionConfig, SessionEvent, SessionInput, Speaker, TranscriptMode,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn sound() -> SessionInput {
    SessionInput::Audio(Pcm::mono(vec![1; 480], 24_000))
}

/// A microphone: so many pieces of 20 ms.
async fn speak(session: &RealtimeSession, pieces: usize) {
    for _ in 0..pieces {
        session.sink.push(sound()).unwrap();
        tokio::time::sleep(20 * MS).await;
    }
}

/// The same, of somebody who really speaks.
async fn talk(session: &RealtimeSession, ms: usize) {
    let pcm = speech(ms, 0.5).to_pcm();
    for piece in pcm.pieces(20 * MS) {
        session.sink.push(SessionInput::Audio(piece)).unwrap();
        tokio::time::sleep(20 * MS).await;
    }
}

fn by_key() -> SessionConfig {
    SessionConfig { turn_detection: Some(false), ..SessionConfig::default() }
}

fn is_sound(message: &Value) -> bool {
    message["type"] == "input_audio_buffer.append" || message["realtimeInput"]["audio"].is_object()
}

fn sounds(heard: &[Value]) -> usize {
    heard.iter().filter(|message| is_sound(message)).count()
}

fn is_end(message: &Value) -> bool {
    message["type"] == "input_audio_buffer.commit" || message["realtimeInput"]["activityEnd"].is_object()
}

fn listens(tongue: Tongue) -> impl FnOnce(Server) -> consort_core::BoxFuture<'static, ()> + Send + 'static {
    move |mut server: Server| {
        Box::pin(async move {
            tongue.open(&mut server).await;
            server.rest().await;
        })
    }
}

/// Ends what is left of a session, and gives what its second connection heard.
async fn second(mut session: RealtimeSession, vendor: &Arc<Vendor>) -> Vec<Value> {
    until(&mut session, "reconnecting").await;
    until(&mut session, "connected").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    session.sink.close();
    until(&mut session, "closed").await;
    vendor.heard(1)
}

#[tokio::test(start_paused = true)]
async fn what_is_said_while_a_key_is_held_is_said_once_more() {
    for tongue in TONGUES {
        for is_over in [false, true] {
            let first = script(move |mut server: Server| async move {
                tongue.open(&mut server).await;
                for _ in 0..249 {
                    server.hear("audio").await;
                }
                if is_over {
                    server.hear(if tongue.is_gemini() { "activityEnd" } else { "response.create" }).await;
                }
                server.end(Some(1006), "");
            });
            let vendor = Vendor::new(vec![first, script(listens(tongue))]);
            let session = tongue.session_of(&vendor, by_key()).await;
            speak(&session, 250).await;
            if is_over {
                session.sink.send(SessionInput::Commit).await.unwrap();
            }
            let heard = second(session, &vendor).await;
            let count = sounds(&heard);
            assert!((248..=252).contains(&count), "{tongue:?} {is_over} {count}");
            let ends: Vec<usize> = (0..heard.len()).filter(|at| is_end(&heard[*at])).collect();
            assert_eq!(ends.len(), usize::from(is_over), "{tongue:?} {is_over} {heard:?}");
            // An answer is asked for, once and behind the question.
            let asked = heard.iter().position(|message| message["type"] == "response.create");
            let last = heard.iter().rposition(is_sound);
            assert_eq!(asked.is_some(), is_over && !tongue.is_gemini(), "{tongue:?} {is_over} {asked:?}");
            assert!(asked.is_none_or(|asked| Some(asked) > last), "{tongue:?} {asked:?} {last:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_of_speech_is_told_it_once_more() {
    // Of all vendors: the connection may be lost before it says anything.
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            for _ in 0..150 {
                server.hear("audio").await;
            }
            server.end(Some(1006), "");
        });
        let vendor = Vendor::new(vec![first, script(listens(tongue))]);
        let session = tongue.session(&vendor).await;
        // A second of silence, then two of speech.
        speak(&session, 50).await;
        talk(&session, 2_000).await;
        let count = sounds(&second(session, &vendor).await);
        assert!((98..=130).contains(&count), "{tongue:?} {count}");
        // Silence is not said again.
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            for _ in 0..150 {
                server.hear("audio").await;
            }
            server.end(Some(1006), "");
        });
        let vendor = Vendor::new(vec![first, script(listens(tongue))]);
        let session = tongue.session(&vendor).await;
        speak(&session, 152).await;
        let count = sounds(&second(session, &vendor).await);
        assert!(count <= 4, "{tongue:?} {count}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_is_not_left_in_the_middle_of_a_sentence() {
    let tongue = Tongue::Gemini;
    let first = script(move |mut server: Server| async move {
        tongue.open(&mut server).await;
        for _ in 0..60 {
            server.hear("audio").await;
        }
        // Somebody speaks, and nothing of it was written down yet.
        server.tell([json!({"goAway": {"timeLeft": "9s"}})]);
        for _ in 0..60 {
            assert!(server.hear("audio").await, "it is left at once");
        }
        server.tell([tongue.user("u", "One?")]);
        server.tell(tongue.begin("a", "Yes."));
        server.tell(tongue.done("a", "Yes."));
        server.rest().await;
    });
    let vendor = Vendor::new(vec![first, script(listens(tongue))]);
    let mut session = tongue.session(&vendor).await;
    talk(&session, 2_000).await;
    speak(&session, 30).await;
    let told = until(&mut session, "reconnecting").await;
    assert!(kinds(&told).contains(&"turn_done"), "{told:?}");
    until(&mut session, "connected").await;
    session.sink.close();
    until(&mut session, "closed").await;
    assert!(sounds(&vendor.heard(1)) <= 12, "what was answered is not said again");
    assert_eq!(past(&vendor.heard(1)), ["user: One?", "model: Yes."]);
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_words_are_known_is_answered_by_the_next_connection() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.hear("audio").await;
            server.tell(tongue.starts("u"));
            server.hear("audio").await;
            server.tell(tongue.stops("u"));
            server.tell([tongue.user("u", "Is it noon?")]);
            // It answers by itself, and is gone when it begins to.
            server.end(Some(1011), "");
        });
        let vendor = Vendor::new(vec![first, script(listens(tongue))]);
        let session = tongue.session(&vendor).await;
        speak(&session, 4).await;
        let heard = second(session, &vendor).await;
        let said = serde_json::to_string(&heard).unwrap();
        assert_eq!(said.matches("Is it noon?").count(), 1, "{tongue:?} {said}");
        let asks = heard.iter().filter(|message| {
            message["type"] == "response.create"
                || message["clientContent"]["turnComplete"] == true
                || message["realtimeInput"]["text"].is_string()
        });
        assert_eq!(asks.count(), 1, "{tongue:?} {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_answered_is_not_asked_again() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.tell(tongue.starts("u"));
            server.tell(tongue.stops("u"));
            server.tell([tongue.user("u", "Is it noon?")]);
            server.tell(tongue.begin("a", "Yes"));
            server.end(Some(1011), "");
        });
        let vendor = Vendor::new(vec![first, script(listens(tongue))]);
        let session = tongue.session(&vendor).await;
        let heard = second(session, &vendor).await;
        assert!(heard.iter().all(|message| message["type"] != "response.create"), "{tongue:?} {heard:?}");
        assert!(heard.iter().all(|message| message["realtimeInput"].is_null()), "{tongue:?} {heard:?}");
    }
}

/// One turn, its words before or after its end, or never.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Words {
    Before,
    After,
    Behind,
    Never,
}

#[tokio::test(start_paused = true)]
async fn the_next_connection_knows_what_was_said_in_its_order() {
    use Words::{After, Before, Behind, Never};
    for tongue in TONGUES {
        for order in [[Before; 3], [After; 3], [Behind; 3], [Never, After, After], [Never, Before, Behind]] {
            // This vendor's words come before its answers.
            if tongue.is_gemini() && order != [Before; 3] {
                continue;
            }
            let first = script(move |mut server: Server| async move {
                tongue.open(&mut server).await;
                for (number, words) in order.into_iter().enumerate() {
                    let (user, answer) = (format!("u{number}"), format!("a{number}"));
                    server.tell(tongue.starts(&user));
                    let question = format!("Q{number}?");
                    if words == Before {
                        server.tell([tongue.user_begins(&user, &question)]);
                    }
                    server.tell(tongue.stops(&user));
                    if words == After || (words == Before && !tongue.is_gemini()) {
                        server.tell([tongue.user(&user, &question)]);
                    }
                    if words == Never {
                        let failed = "conversation.item.input_audio_transcription.failed";
                        server.tell([
                            json!({"type": failed, "item_id": user, "error": {"message": "unclear"}}),
                        ]);
                    }
                    server.tell(tongue.begin(&answer, "Yes."));
                    if words == Behind {
                        server.tell([tongue.user(&user, &question)]);
                    }
                    server.tell(tongue.done(&answer, "Yes."));
                }
                server.let_hear().await;
                server.end(Some(1006), "");
            });
            let vendor = Vendor::new(vec![first, script(listens(tongue))]);
            let session = tongue.session(&vendor).await;
            let heard = second(session, &vendor).await;
            let mut wanted = Vec::new();
            for (number, words) in order.into_iter().enumerate() {
                wanted.extend(Some(format!("user: Q{number}?")).filter(|_| words != Never));
                wanted.push(format!("{}: Yes.", tongue.assistant()));
            }
            assert_eq!(past(&heard), wanted, "{tongue:?} {order:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_hears_and_can_be_closed_behind_a_stall_in_which_nothing_is_said() {
    for tongue in TONGUES {
        for ends in [true, false] {
            let first = script(move |mut server: Server| async move {
                tongue.open(&mut server).await;
                server.stall(true);
                tokio::time::sleep(Duration::from_secs(10)).await;
                server.stall(!ends);
                server.rest().await;
            });
            let vendor = Vendor::new(vec![first]);
            let mut session = tongue.session(&vendor).await;
            speak(&session, 500).await;
            let last = SessionInput::Image { media: consort_core::Media::bytes("image/png", vec![1, 2, 3]) };
            session.sink.send(last).await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
            let begun = tokio::time::Instant::now();
            session.sink.close();
            let told = until(&mut session, "closed").await;
            assert!(begun.elapsed() <= Duration::from_secs(5), "{tongue:?} {:?}", begun.elapsed());
            let reason = told.last();
            assert!(matches!(reason, Some(SessionEvent::Closed { reason: CloseReason::Asked })), "{told:?}");
            if ends {
                let heard = vendor.heard(0);
                assert!(sounds(&heard) >= 499, "{tongue:?} {}", sounds(&heard));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_new_server_does_not_know_is_not_cut_there() {
    for tongue in TONGUES.into_iter().filter(|tongue| !tongue.is_gemini()) {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.tell(tongue.begin("a", "It is noon."));
            server.tell(tongue.done("a", "It is noon."));
            server.end(Some(1006), "");
        });
        let vendor = Vendor::new(vec![first, script(listens(tongue))]);
        let mut session = tongue.session(&vendor).await;
        until(&mut session, "reconnecting").await;
        until(&mut session, "connected").await;
        // It still plays here.
        let cut = SessionInput::Interrupt { item: Some("ia".into()), heard: Duration::ZERO };
        session.sink.send(cut).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        session.sink.close();
        until(&mut session, "closed").await;
        let heard = vendor.heard(1);
        let truncates = |message: &Value| message["type"] == "conversation.item.truncate";
        assert!(!heard.iter().any(truncates), "{tongue:?} {heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_open_when_a_session_is_closed_is_ended() {
    for tongue in TONGUES {
        let first = script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.tell(tongue.begin("a", "It is "));
            server.hear("\u{0}").await;
            // What is said during the goodbye is still told.
            let more = tongue.begin("a", "half").pop();
            server.tell(more);
            server.end(Some(1000), "");
        });
        let vendor = Vendor::new(vec![first]);
        let mut session = tongue.session(&vendor).await;
        let before = until(&mut session, "transcript").await;
        assert!(kinds(&before).contains(&"audio"), "{tongue:?} {before:?}");
        session.sink.close();
        let told = until(&mut session, "closed").await;
        let words = told.iter().find_map(|event| match event {
            SessionEvent::Transcript {
                by: Speaker::Assistant, mode: TranscriptMode::Final, text, ..
            } => Some(text.as_str()),
            _ => None,
        });
        assert_eq!(words, Some("It is half"), "{tongue:?} {told:?}");
        for kind in ["audio_done", "turn_done"] {
            assert_eq!(kinds(&told).iter().filter(|own| **own == kind).count(), 1, "{tongue:?} {told:?}");
        }
    }
}
