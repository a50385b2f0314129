//! Sessions that are recorded and played again: our own, and the recorded sessions of vendors where CONSORT_RECORDINGS
//! points at a folder of them, each to our own client over a real connection, also with faults.
use crate::wire::recorded::{config, recordings, result};
use consort_core::{
    Context, Message, Provider, RealtimeSession, SessionConfig, SessionEvent, SessionInput, Speaker,
    TranscriptMode,
};
use consort_providers::{Catalogue, KeyChain, TokioClock};
use consort_realtime::link::LiveProvider;
use consort_realtime::record::{Fault, Recorder, Recording, Replay, Told, What};
use consort_settings::{Env, Folders, KeyStore, Settings};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const KEY: &str = "sk-live-5ecret-0f-the-t3st";

/// Which provider speaks like the recorded service, and where its address and key are set.
fn place(service: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match service {
        "openai-realtime" => Some(("openai", "OPENAI_BASE_URL", "OPENAI_API_KEY")),
        "azure-openai-realtime" => Some(("azure-openai", "AZURE_OPENAI_ENDPOINT", "AZURE_API_KEY")),
        "xai-realtime" => Some(("xai", "XAI_BASE_URL", "XAI_API_KEY")),
        "google-live" => Some(("gemini", "GEMINI_BASE_URL", "GEMINI_API_KEY")),
        _ => None,
    }
}

/// A played server, and what it told.
struct Played {
    url: String,
    told: Arc<Mutex<Vec<Told>>>,
    _server: tokio::task::JoinHandle<()>,
}

async fn play(recording: Recording, faults: Vec<Fault>) -> Played {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = Arc::<Mutex<Vec<Told>>>::default();
    let note = told.clone();
    let replay = Replay::new(recording, faults, move |what| note.lock().unwrap().push(what));
    let server = tokio::spawn(async move { drop(replay.serve(listener).await) });
    Played { url, told, _server: server }
}

/// A session with the played server.
async fn session(
    service: &str,
    url: &str,
    config: SessionConfig,
    recorder: Option<Arc<Recorder>>,
) -> RealtimeSession {
    let (id, place, key) = place(service).unwrap();
    let env = Env::of([("CONSORT_HOME", "/nonexistent/consort"), (place, url), (key, KEY)]);
    let folders = Folders::find(&env);
    let catalogue = Catalogue::load(&folders, &env, &Settings::default());
    let hosted = catalogue.hosted().iter().find(|provider| provider.id() == id).unwrap().clone();
    let mut provider = LiveProvider::new(hosted);
    if let Some(recorder) = recorder {
        provider = provider.recording(recorder);
    }
    let model = provider.realtime_models().into_iter().next().unwrap();
    let keys = KeyChain::new(None, KeyStore::new(folders.keys_file()), env.clone());
    model.connect(config, Context::new(Arc::new(TokioClock), Arc::new(keys))).await.unwrap()
}

/// What came of a session, turn by turn.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    turns: Vec<(String, String)>,
    now: (String, String),
    calls: usize,
    kinds: Vec<&'static str>,
    seen: usize,
}

impl Heard {
    /// Listens until something is so; a session that says nothing more is told with what it said.
    async fn until(&mut self, session: &mut RealtimeSession, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            let next = tokio::time::timeout(Duration::from_secs(20), session.events.next());
            let Ok(Some(event)) = next.await else { panic!("nothing more comes: {self:?}") };
            self.kinds.push(event.kind());
            match event {
                SessionEvent::Text { text, .. } => self.now.0 += &text,
                SessionEvent::Transcript {
                    by: Speaker::Assistant,
                    mode: TranscriptMode::Final,
                    text,
                    ..
                } => {
                    self.now.1 += &text;
                }
                SessionEvent::ToolCall { .. } => self.calls += 1,
                SessionEvent::TurnDone { .. } => self.turns.push(std::mem::take(&mut self.now)),
                _ => {}
            }
        }
    }

    /// Listens until nothing comes for a while.
    async fn until_quiet(&mut self, session: &mut RealtimeSession) {
        let quiet = Duration::from_millis(2_500);
        while tokio::time::timeout(quiet, self.until(session, |heard| heard.kinds.len() > heard.seen))
            .await
            .is_ok()
        {
            self.seen = self.kinds.len();
        }
    }

    fn count(&self, kind: &str) -> usize {
        self.kinds.iter().filter(|other| **other == kind).count()
    }
}

/// One thing that the recorded client did, and how many turns and calls there were before.
struct Did {
    input: SessionInput,
    turns: usize,
    calls: usize,
}

/// What the client did, and what it told of a conversation before the session.
fn client(recording: &Value) -> (Vec<Did>, Vec<Message>) {
    let (mut did, mut before): (Vec<Did>, Vec<Message>) = (Vec::new(), Vec::new());
    let (mut turns, mut calls) = (0, 0);
    for frame in recording["frames"].as_array().unwrap() {
        let message = &frame["json"];
        if frame["dir"] == "server" {
            let content = &message["serverContent"];
            turns += usize::from(message["type"] == "response.done" || content["turnComplete"] == true);
            calls += message["toolCall"]["functionCalls"].as_array().map_or(0, Vec::len);
            calls += usize::from(message["type"] == "response.function_call_arguments.done");
            continue;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let item = &message["item"];
        let mut said = Vec::new();
        if item["type"] == "message" {
            said.push((text(&item["role"]), text(&item["content"][0]["text"])));
        }
        for turn in message["client_content"]["turns"].as_array().into_iter().flatten() {
            said.push((text(&turn["role"]), text(&turn["parts"][0]["text"])));
        }
        for (role, words) in said {
            // All but the last before the first answer is what was said before.
            let earlier = did.iter().position(|did| {
                did.turns == 0 && turns == 0 && matches!(did.input, SessionInput::Text { .. })
            });
            if let Some(SessionInput::Text { text }) = earlier.map(|at| did.remove(at).input) {
                before.push(Message::user(text));
            }
            if role == "user" {
                did.push(Did { input: SessionInput::text(words), turns, calls });
            } else {
                before.push(Message::assistant(words));
            }
        }
        let response = &message["tool_response"]["functionResponses"][0];
        let output =
            [(&item["call_id"], &item["output"]), (&response["id"], &response["response"]["output"])];
        for (id, output) in output.into_iter().filter(|(id, _)| id.is_string()) {
            did.push(Did { input: result(&text(id), "get_weather", &text(output)), turns: 0, calls });
        }
        let is_sound =
            message["type"] == "input_audio_buffer.append" || message["realtime_input"]["audio"].is_object();
        if is_sound {
            let pcm = consort_core::Pcm::mono(vec![0; 480], 24_000);
            did.push(Did { input: SessionInput::Audio(pcm), turns, calls });
        }
    }
    (did, before)
}

/// Holds a recorded session with our own client.
async fn hold(recording: &Value, session: &mut RealtimeSession) -> Heard {
    let (did, _) = client(recording);
    let mut heard = Heard::default();
    for Did { input, turns, calls } in did {
        heard.until(session, |heard| heard.turns.len() >= turns && heard.calls >= calls).await;
        session.sink.send(input).await.unwrap();
    }
    let turns = recording["expect"]["turns"].as_array().unwrap().len();
    heard.until(session, |heard| heard.turns.len() >= turns).await;
    session.sink.close();
    heard.until(session, |heard| heard.count("closed") == 1).await;
    heard
}

fn expected(recording: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let turns = recording["expect"]["turns"].as_array().unwrap();
    turns.iter().map(|turn| (text(&turn["text"]), text(&turn["audio_transcript"]))).collect()
}

fn whole(service: &str, recording: &Value) -> (Recording, SessionConfig) {
    let mut config = config(service, recording["frames"].as_array().unwrap());
    config.messages = client(recording).1;
    (Recording::read(&recording.to_string()).unwrap(), config)
}

#[tokio::test]
async fn recorded_sessions_are_held_again_with_our_client() {
    let mut held = 0;
    for (service, recording) in recordings().into_iter().filter(|(service, _)| place(service).is_some()) {
        let (frames, config) = whole(&service, &recording);
        let played = play(frames, Vec::new()).await;
        let mut session = session(&service, &played.url, config, None).await;
        let heard = hold(&recording, &mut session).await;
        assert_eq!(heard.turns, expected(&recording), "{}", recording["id"]);
        let told = played.told.lock().unwrap().clone();
        assert!(!told.iter().any(|told| matches!(told, Told::Missing(_))), "{} {told:?}", recording["id"]);
        held += 1;
    }
    eprintln!("held: {held}");
}

/// Holds a recorded session in which something goes wrong, as far as it goes.
async fn survive(service: String, recording: Value, fault: Fault) -> (Heard, Fault, Value) {
    let (frames, config) = whole(&service, &recording);
    let played = play(frames, vec![fault]).await;
    let mut session = session(&service, &played.url, config, None).await;
    let mut heard = Heard::default();
    let patience = Duration::from_secs(2);
    for Did { input, turns, calls } in client(&recording).0 {
        let is_so = |heard: &Heard| heard.turns.len() >= turns && heard.calls >= calls;
        // What was lost with a connection does not come.
        let _ = tokio::time::timeout(patience, heard.until(&mut session, is_so)).await;
        session.sink.send(input).await.unwrap();
    }
    heard.until_quiet(&mut session).await;
    session.sink.close();
    heard.until(&mut session, |heard| heard.count("closed") == 1).await;
    (heard, fault, recording["id"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_sessions_survive_each_fault() {
    let mut sessions = tokio::task::JoinSet::new();
    for (service, recording) in recordings().into_iter().filter(|(service, _)| place(service).is_some()) {
        for fault in ["cut", "goaway", "stall:1", "garbage", "reorder", "delay:5"] {
            sessions.spawn(survive(service.clone(), recording.clone(), fault.parse().unwrap()));
        }
    }
    let mut held = 0;
    while let Some(session) = sessions.join_next().await {
        let (heard, fault, id) = session.unwrap();
        let is_lost = matches!(fault, Fault::Cut(_) | Fault::GoAway(_));
        let reconnected = heard.count("reconnecting");
        assert!(!is_lost || reconnected > 0, "{id} {fault:?} {heard:?}");
        assert_eq!(heard.count("connected"), 1 + reconnected, "{id} {fault:?} {heard:?}");
        assert_eq!(heard.count("error"), 0, "{id} {fault:?} {heard:?}");
        assert!(
            !matches!(fault, Fault::Garbage(_)) || heard.count("warning") > 0,
            "{id} {fault:?} {heard:?}"
        );
        held += 1;
    }
    eprintln!("survived: {held}");
}

/// A small session of our own, in the released format: an answer with sound and words, to each of two questions.
fn sample() -> String {
    let server = |json: Value| json!({"dir": "server", "json": json});
    let client = |json: Value| json!({"dir": "client", "json": json});
    let mut frames = vec![
        client(json!({"type": "session.update"})),
        server(json!({"type": "session.updated", "session": {"model": "played"}})),
    ];
    for (answer, words) in [("r1", "One."), ("r2", "Two.")] {
        let of = |kind: &str, key: &str, value: &str| {
            server(json!({"type": kind, "response_id": answer, "item_id": format!("i{answer}"), key: value}))
        };
        frames.extend([
            client(json!({"type": "conversation.item.create", "item": {"type": "message"}})),
            client(json!({"type": "response.create"})),
            server(json!({"type": "response.created", "response": {"id": answer}})),
            server(json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": "u", "transcript": "Aloud."})),
            of("response.output_audio.delta", "delta", "AAAAAAAA"),
            of("response.output_audio_transcript.delta", "delta", words),
            of("response.output_audio_transcript.done", "transcript", words),
            server(json!({"type": "response.done", "response": {"id": answer, "status": "completed"}})),
        ]);
    }
    frames.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

async fn asked_twice(session: &mut RealtimeSession) -> Heard {
    let mut heard = Heard::default();
    for turn in 1..=2 {
        session.sink.send(SessionInput::text(format!("Question {turn}?"))).await.unwrap();
        heard.until(session, |heard| heard.turns.len() >= turn).await;
    }
    session.sink.close();
    heard.until(session, |heard| heard.count("closed") == 1).await;
    heard
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_recorded_plays_again() {
    let played = play(Recording::read(&sample()).unwrap(), Vec::new()).await;
    let kept = Kept::default();
    let recorder = Arc::new(Recorder::new(kept.clone()));
    let mut first =
        session("openai-realtime", &played.url, SessionConfig::default(), Some(recorder.clone())).await;
    let heard = asked_twice(&mut first).await;
    assert_eq!(
        heard.turns,
        [("", "One."), ("", "Two.")].map(|(text, words)| (text.to_owned(), words.to_owned()))
    );
    assert!(recorder.finish().unwrap() > 15);
    let file = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert!(!file.contains(KEY) && !file.contains("authorization"), "{file}");
    let recording = Recording::read(&file).unwrap();
    assert!(matches!(recording.frames[0].what, What::Open));
    assert!(recording.frames.iter().all(|frame| frame.at.is_some()));
    let again = play(recording, Vec::new()).await;
    let mut second = session("openai-realtime", &again.url, SessionConfig::default(), None).await;
    assert_eq!(asked_twice(&mut second).await.turns, heard.turns);
}

#[tokio::test]
async fn faults_happen_as_they_are_asked_for() {
    let heard = async |fault: &str| {
        let played = play(Recording::read(&sample()).unwrap(), [fault.parse().unwrap()].into()).await;
        let mut session = session("openai-realtime", &played.url, SessionConfig::default(), None).await;
        let mut heard = Heard::default();
        session.sink.send(SessionInput::text("One?")).await.unwrap();
        let begun = std::time::Instant::now();
        heard.until_quiet(&mut session).await;
        (heard, begun.elapsed(), played.told.lock().unwrap().clone())
    };
    let (cut, _, told) = heard("cut").await;
    assert_eq!((cut.count("reconnecting"), cut.count("connected")), (1, 2), "{cut:?}");
    assert!(told.contains(&Told::Fault(Fault::Cut(None))), "{told:?}");
    let (left, _, _) = heard("goaway").await;
    assert_eq!((left.count("reconnecting"), left.count("connected")), (1, 2), "{left:?}");
    let (stalled, took, _) = heard("stall:1").await;
    assert!(took >= Duration::from_secs(1) && stalled.count("reconnecting") == 0, "{stalled:?}");
    assert_eq!(stalled.turns, [(String::new(), "One.".to_owned())]);
    let (garbage, _, _) = heard("garbage").await;
    assert_eq!(
        (garbage.count("warning"), garbage.count("error"), garbage.turns.len()),
        (2, 0, 1),
        "{garbage:?}"
    );
    let (late, took, _) = heard("delay:150").await;
    assert!(took >= Duration::from_millis(6 * 150) && late.turns.len() == 1, "{took:?}");
    let (reordered, _, _) = heard("reorder").await;
    let at = |kind: &str| reordered.kinds.iter().rposition(|other| *other == kind);
    assert!(at("transcript") > at("turn_done"), "{reordered:?}");
}

/// What a client hears of a server that is played these frames and faults, up to its last frame.
async fn listened(frames: usize, faults: &[&str], until: &str) -> (usize, Vec<Told>) {
    use futures_util::StreamExt;
    let lines = (0..frames).map(|n| {
        let kind = if n == 1 { "response.output_text.delta" } else { "rate_limits.updated" };
        json!({"dir": "server", "json": {"type": kind, "n": n}}).to_string() + "\n"
    });
    let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    let played = play(Recording::read(&lines.collect::<String>()).unwrap(), faults).await;
    let stream = tokio::net::TcpStream::connect(played.url.trim_start_matches("http://")).await.unwrap();
    let url = played.url.replace("http", "ws") + "/v1/realtime";
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let mut heard = 0;
    while let Some(Ok(message)) = socket.next().await {
        heard += 1;
        if message.to_text().unwrap_or_default().contains(until) {
            break;
        }
    }
    // The end is told behind the last frame.
    for _ in 0..100 {
        if played.told.lock().unwrap().contains(&Told::Over) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let told = played.told.lock().unwrap().clone();
    (heard, told)
}

#[tokio::test]
async fn a_fault_that_did_not_happen_is_told() {
    let (heard, told) = listened(5, &["cut@6", "garbage@2", "reorder", "delay:1"], "\"n\":4").await;
    assert_eq!(heard, 5 + 2);
    let faults: Vec<&Told> =
        told.iter().filter(|told| matches!(told, Told::Fault(_) | Told::Never(_) | Told::Over)).collect();
    let wanted = [
        &Told::Fault(Fault::Garbage(Some(2))),
        &Told::Never(Fault::Cut(Some(6))),
        &Told::Never(Fault::Reorder),
        &Told::Over,
    ];
    assert_eq!(faults, wanted);
}

/// Ten minutes of session are 30 000 frames.
#[tokio::test]
async fn a_long_recording_takes_no_longer_for_each_frame() {
    let begun = std::time::Instant::now();
    let (heard, _) = listened(30_000, &["garbage@29000"], "\"n\":29999").await;
    assert_eq!(heard, 30_000 + 2);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn what_is_no_recording_is_told() {
    let check = |text: &str, said: &str| {
        let error = Recording::read(text).unwrap_err();
        assert!(error.message().contains(said), "{error}");
    };
    check("", "no frame of a server");
    check("{\"frames\": []}", "no frame of a server");
    check("{\"dir\": \"server\"}\nnonsense", "line 2 is no JSON");
    assert_eq!(Recording::read("{\"dir\":\"server\",\"json\":{}}").unwrap().frames.len(), 1);
    // Whoever recorded was stopped in the middle of a line.
    let cut = Recording::read("{\"dir\":\"server\",\"json\":{}}\n{\"dir\":\"ser").unwrap();
    assert_eq!((cut.frames.len(), cut.is_cut_off), (1, true));
}
