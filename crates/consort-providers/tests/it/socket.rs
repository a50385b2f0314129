//! WebSockets to a hosted API: the way there is that of every call, and a refusal is read like any other answer.
use crate::support::{KEY, Place};
use consort_core::{Error, ErrorKind};
use consort_providers::{Arrived, Socket};
use consort_settings::Env;
use consort_testkit::{Act, FakeServer, Reply};
use std::future::poll_fn;

/// A vendor of live models, at this address.
struct Parrot(Place, Env);

impl Parrot {
    fn at(url: &str, more: &str) -> Self {
        let place = Place::new();
        let text = format!(
            "wire = \"openai-chat\"\nlive_wire = \"openai\"\nbase_url = \"{url}/base/v9\"\nbase_path = \"v9\"\n\
             key_env = [\"PARROT_KEY\"]\nheaders = {{ x-team = \"birds\" }}\nquery = {{ api = \"7\" }}\n\
             timers = {{ connect = 1, first_event = 1 }}\n{more}"
        );
        place.write("providers/parrot.toml", &text);
        Self(place, Env::of([("PARROT_KEY", KEY)]))
    }

    async fn open(&self) -> Result<Socket, Error> {
        let catalogue = self.0.catalogue(&self.1);
        assert!(catalogue.problems.is_empty(), "{:?}", catalogue.problems);
        let parrot = catalogue.hosted().iter().find(|provider| provider.id() == "parrot").unwrap();
        let model = parrot.live_model("grey/1").unwrap();
        model.open("realtime?model={model}", &self.0.context(&self.1)).await
    }
}

async fn next(socket: &mut Socket) -> Arrived {
    poll_fn(|cx| socket.poll_next(cx)).await
}

#[tokio::test]
async fn messages_go_both_ways_and_the_end_is_told() {
    let script = [
        Act::Hear("hello"),
        Act::Say("one".into()),
        Act::Bytes(b"two".to_vec()),
        Act::Close(1008, "sk-echoed-key-1234 is bad"),
    ];
    let server = FakeServer::start([Reply::socket(script)]).await.unwrap();
    let mut socket = Parrot::at(&server.url(), "").open().await.unwrap();
    socket.say("hello".into());
    poll_fn(|cx| socket.poll_sent(cx)).await;
    assert_eq!(next(&mut socket).await, Arrived::Message("one".into()));
    assert_eq!(next(&mut socket).await, Arrived::Message("two".into()));
    let end = Arrived::Ended { code: Some(1008), reason: "sk-*** is bad".into() };
    assert_eq!(next(&mut socket).await, end);
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/base/v9/realtime?model=grey%2F1&api=7");
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(asked.header("x-team"), Some("birds"));
    assert_eq!(server.said(), [["hello"]]);
    assert!(!format!("{socket:?}").contains(KEY));
}

#[tokio::test]
async fn a_path_from_the_root_leaves_out_the_base_path() {
    let server = FakeServer::start([Reply::socket([Act::Cut])]).await.unwrap();
    let parrot = Parrot::at(&server.url(), "live_path = \"/ws/{model}\"\n");
    let mut socket = parrot.open().await.unwrap();
    assert_eq!(next(&mut socket).await, Arrived::Ended { code: None, reason: String::new() });
    assert_eq!(server.asked()[0].path, "/base/ws/grey%2F1?api=7");
}

#[tokio::test]
async fn a_refusal_is_read_like_any_other() {
    let check = async |status: u16, body: &str, kind: ErrorKind, said: &str, hint: &str| {
        let server = FakeServer::start([Reply::error(status, &[("retry-after", "3")], body)]).await.unwrap();
        let error = Parrot::at(&server.url(), "").open().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.message().contains(said), "{error}");
        assert!(error.hints().iter().any(|line| line.contains(hint)), "{:?}", error.hints());
        assert!(!format!("{error:?}").contains(KEY));
    };
    let bad_key =
        format!("{{\"error\":{{\"message\":\"no such key: {KEY}\",\"code\":\"invalid_api_key\"}}}}");
    check(401, &bad_key, ErrorKind::Auth, "no such key: ***", "PARROT_KEY").await;
    check(403, "{}", ErrorKind::Permission, "", "account").await;
    check(404, "{}", ErrorKind::ModelNotFound, "", "consort models").await;
    check(429, "{}", ErrorKind::RateLimit, "", "3 s").await;
    check(200, "{}", ErrorKind::Protocol, "no live session is opened there", "base URL").await;
    let server =
        FakeServer::start([Reply::with_headers(302, &[("location", "https://b.example/x?key=1")], "")]);
    let error = Parrot::at(&server.await.unwrap().url(), "").open().await.unwrap_err();
    assert!(error.message().contains("https://b.example/x,"), "{error}");
}

#[tokio::test]
async fn what_is_no_websocket_is_told() {
    let wrong = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "x")];
    let server = FakeServer::start([Reply::with_headers(101, &wrong, "")]).await.unwrap();
    let error = Parrot::at(&server.url(), "").open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    let server = FakeServer::start([Reply::socket([Act::Garbage(vec![0xff; 64])])]).await.unwrap();
    let mut socket = Parrot::at(&server.url(), "").open().await.unwrap();
    let end = next(&mut socket).await;
    assert!(matches!(&end, Arrived::Ended { code: None, reason } if !reason.is_empty()), "{end:?}");
    // Nobody is there, and nobody answers.
    drop(server);
    let error = Parrot::at("http://127.0.0.1:9", "").open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    let server = FakeServer::start([Reply::silence()]).await.unwrap();
    let error = Parrot::at(&server.url(), "").open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}
