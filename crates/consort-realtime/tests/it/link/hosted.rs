//! Hosted live models, as their providers' files describe them, at a server of our own.
use super::{kinds, until};
use consort_core::{
    CloseReason, Context, Error, ErrorKind, ModelKind, Provider, SessionConfig, SessionEvent, SessionInput,
};
use consort_providers::{Catalogue, KeyChain, TokioClock};
use consort_realtime::link::LiveProvider;
use consort_realtime::wire::{GeminiQuirks, OpenAiQuirks};
use consort_settings::{Env, Folders, KeyStore, Settings};
use consort_testkit::{Act, FakeServer, Reply};
use serde_json::{Value, json};
use std::sync::Arc;

const KEY: &str = "sk-live-5ecret-0f-the-t3st";

fn env(more: &[(&str, &str)]) -> Env {
    let mut all = vec![("CONSORT_HOME", "/nonexistent/consort")];
    all.extend_from_slice(more);
    Env::of(all)
}

fn provider(id: &str, env: &Env) -> LiveProvider {
    let catalogue = Catalogue::load(&Folders::find(env), env, &Settings::default());
    let hosted = catalogue.hosted().iter().find(|provider| provider.id() == id).unwrap().clone();
    LiveProvider::new(hosted)
}

fn context(env: &Env) -> Context {
    let keys = KeyStore::new(Folders::find(env).keys_file());
    Context::new(Arc::new(TokioClock), Arc::new(KeyChain::new(None, keys, env.clone())))
}

fn opened() -> Vec<Act> {
    let session = json!({"type": "session.updated", "session": {"model": "real-1"}}).to_string();
    vec![Act::Hear("session.update"), Act::Say(session)]
}

/// A vendor's usual models at this place, and what is asked there.
struct Case {
    id: &'static str,
    place: &'static str,
    key: &'static str,
    path: &'static str,
    header: (&'static str, &'static str),
    script: Vec<Act>,
}

fn cases() -> [Case; 5] {
    let bearer = ("authorization", "Bearer ");
    let gemini = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
    let setup = vec![Act::Hear("setup"), Act::Bytes(br#"{"setupComplete": {}}"#.to_vec())];
    let case = |id, place, key, path, header, script| Case { id, place, key, path, header, script };
    [
        case("openai", "OPENAI_BASE_URL", "OPENAI_API_KEY", "/realtime?model=", bearer, opened()),
        case(
            "azure-openai",
            "AZURE_OPENAI_ENDPOINT",
            "AZURE_API_KEY",
            "/openai/v1/realtime?model=",
            ("api-key", ""),
            opened(),
        ),
        case("xai", "XAI_BASE_URL", "XAI_API_KEY", "/realtime?model=", bearer, opened()),
        case(
            "dashscope",
            "DASHSCOPE_BASE_URL",
            "DASHSCOPE_API_KEY",
            "/api-ws/v1/realtime?model=",
            bearer,
            opened(),
        ),
        case("gemini", "GEMINI_BASE_URL", "GEMINI_API_KEY", gemini, ("x-goog-api-key", ""), setup),
    ]
}

#[tokio::test]
async fn every_vendor_is_asked_in_its_own_way() {
    for case in cases() {
        let server = FakeServer::start([Reply::socket(case.script)]).await.unwrap();
        let url = server.url();
        let env = env(&[(case.place, &url), (case.key, KEY)]);
        let provider = provider(case.id, &env);
        let model = provider.realtime_models().into_iter().next().unwrap();
        assert_eq!(model.card().kind, ModelKind::Realtime, "{}", case.id);
        let mut session = model.connect(SessionConfig::default(), context(&env)).await.unwrap();
        session.sink.close();
        let events = until(&mut session, "closed").await;
        assert_eq!(kinds(&events), ["connected", "closed"], "{}: {events:?}", case.id);
        let asked = &server.asked()[0];
        let path = format!("{}{}", case.path, if case.id == "gemini" { "" } else { &model.card().name });
        assert_eq!(asked.path, path, "{}", case.id);
        let (name, prefix) = case.header;
        assert_eq!(asked.header(name), Some(format!("{prefix}{KEY}").as_str()), "{}", case.id);
        assert!(!server.said().concat().concat().contains(KEY), "{}", case.id);
    }
}

#[test]
fn the_files_quirks_are_those_that_the_recordings_proved() {
    let check = |id: &str, wanted: OpenAiQuirks| {
        let env = env(&[]);
        let catalogue = Catalogue::load(&Folders::find(&env), &env, &Settings::default());
        let hosted = catalogue.hosted().iter().find(|provider| provider.id() == id).unwrap();
        let quirks = hosted.live_models()[0].quirks().clone();
        assert_eq!(serde_json::from_value::<OpenAiQuirks>(Value::Object(quirks)).unwrap(), wanted, "{id}");
    };
    check("openai", OpenAiQuirks::default());
    check("azure-openai", OpenAiQuirks::default());
    check("xai", OpenAiQuirks::xai());
    check("dashscope", OpenAiQuirks::qwen());
    // The vendor's newest models are spoken to in another way than those before.
    let gemini = |name: &str| {
        let env = env(&[]);
        let catalogue = Catalogue::load(&Folders::find(&env), &env, &Settings::default());
        let hosted = catalogue.hosted().iter().find(|provider| provider.id() == "gemini").unwrap();
        let quirks = hosted.live_model(name).unwrap().quirks();
        serde_json::from_value::<GeminiQuirks>(Value::Object(quirks)).unwrap()
    };
    for name in [
        "gemini-2.5-flash-native-audio-latest",
        "gemini-2.5-flash-native-audio-preview-09-2025",
        "gemini-live-2.5-flash-preview",
        "gemini-2.0-flash-live-001",
    ] {
        assert_eq!(gemini(name), GeminiQuirks::gemini_2(), "{name}");
    }
    for name in ["gemini-3.1-flash-live-preview", "gemini-3.8-live"] {
        assert_eq!(gemini(name), GeminiQuirks::default(), "{name}");
    }
}

#[test]
fn live_models_are_listed_and_found_and_answer_no_questions() {
    let env = env(&[]);
    let openai = provider("openai", &env);
    let listed: Vec<String> = openai.realtime_models().iter().map(|model| model.card().id.clone()).collect();
    assert!(listed.contains(&"openai/gpt-realtime".to_owned()), "{listed:?}");
    assert!(openai.realtime_model("gpt-realtime-of-tomorrow").is_some());
    assert!(openai.realtime_model("gpt-4o").is_none(), "it is known to answer questions");
    let chat = pollster::block_on(openai.models()).unwrap();
    assert!(chat.iter().all(|model| !model.card().name.contains("realtime")));
    assert!(provider("groq", &env).realtime_models().is_empty());
    // The name of a deployment is anybody's.
    assert!(provider("azure-openai", &env).realtime_model("my-voice").is_some());
}

async fn refused(env: &Env) -> Error {
    let model = provider("openai", env).realtime_model("gpt-realtime").unwrap();
    model.connect(SessionConfig::default(), context(env)).await.unwrap_err()
}

#[tokio::test]
async fn a_session_without_a_key_says_where_to_put_one() {
    let error = refused(&env(&[("OPENAI_BASE_URL", "http://127.0.0.1:9")])).await;
    assert_eq!((error.kind(), error.provider_id()), (ErrorKind::Setup, Some("openai")));
    assert!(error.hints()[0].contains("consort keys set openai"), "{:?}", error.hints());
}

#[tokio::test]
async fn the_key_is_never_told_and_a_revoked_one_ends_the_session() {
    let echo =
        json!({"type": "error", "error": {"message": format!("Incorrect API key: {KEY}")}}).to_string();
    let mut script = opened();
    script.extend([Act::Say(echo), Act::Wait(std::time::Duration::from_millis(50)), Act::Cut]);
    let body = format!("{{\"error\":{{\"message\":\"revoked: {KEY}\",\"code\":\"invalid_api_key\"}}}}");
    let server = FakeServer::start([Reply::socket(script), Reply::error(401, &[], &body)]).await.unwrap();
    let url = server.url();
    let env = env(&[("OPENAI_BASE_URL", &url), ("OPENAI_API_KEY", KEY)]);
    let model = provider("openai", &env).realtime_model("gpt-realtime").unwrap();
    let mut session = model.connect(SessionConfig::default(), context(&env)).await.unwrap();
    let events = until(&mut session, "closed").await;
    assert_eq!(kinds(&events), ["connected", "error", "reconnecting", "closed"], "{events:?}");
    let Some(SessionEvent::Closed { reason: CloseReason::Failed { error } }) = events.last() else {
        panic!()
    };
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(!error.hints().is_empty() && error.provider_id() == Some("openai"), "{error:?}");
    assert!(!format!("{events:?}").contains(KEY), "{events:?}");
}

#[tokio::test]
async fn a_real_connection_that_is_cut_is_made_anew() {
    let garbage = |bytes: &[u8]| vec![Act::Garbage(bytes.to_vec())];
    for (name, end) in [
        ("cut", vec![Act::Cut]),
        ("going away", vec![Act::Close(1001, "")]),
        ("its own trouble", vec![Act::Close(1011, "overloaded")]),
        ("garbage", garbage(&[0xff; 64])),
        ("a text that is none", garbage(&[0x81, 2, 0xc3, 0x28])),
        ("a frame of many gigabytes", garbage(&[0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0])),
    ] {
        let mut first = opened();
        first.push(Act::Hear("One?"));
        first.extend(end);
        let mut second = opened();
        second.push(Act::Hear("Two?"));
        let server = FakeServer::start([Reply::socket(first), Reply::socket(second)]).await.unwrap();
        let url = server.url();
        let env = env(&[("OPENAI_BASE_URL", &url), ("OPENAI_API_KEY", KEY)]);
        let model = provider("openai", &env).realtime_model("gpt-realtime").unwrap();
        let mut session = model.connect(SessionConfig::default(), context(&env)).await.unwrap();
        session.sink.send(SessionInput::text("One?")).await.unwrap();
        until(&mut session, "reconnecting").await;
        session.sink.send(SessionInput::text("Two?")).await.unwrap();
        until(&mut session, "connected").await;
        session.sink.close();
        until(&mut session, "closed").await;
        // What was said before is told, and asked for again.
        let said = server.said()[1].join("\n");
        assert!(said.contains("One?") && said.contains("response.create"), "{name}: {said}");
        assert!(said.contains("Two?"), "{name}: {said}");
    }
}
