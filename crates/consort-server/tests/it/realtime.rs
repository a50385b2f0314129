//! Live sessions for other programs' clients: who may have one, and what it is like over a real socket.
use crate::support::Site;
use consort_core::Secret;
use consort_realtime::serve::{APIS, LiveApi};
use consort_server::{Guard, NoAssets};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection with these headers, or the status that it is refused with.
async fn connect(site: &Site, path: &str, headers: &[(&str, &str)]) -> Result<Socket, u16> {
    let mut request = (site.base.replace("http:", "ws:") + path).into_client_request().unwrap();
    for (name, value) in headers {
        let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

async fn next(socket: &mut Socket) -> Result<Value, u16> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await.unwrap();
        match message {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(Some(close)))) => return Err(close.code.into()),
            Some(Ok(Message::Ping(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn say(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// A path that names its model, and one whose clients do.
fn paths() -> (String, &'static str) {
    let by_path: &LiveApi = APIS.iter().find(|api| api.names_model).unwrap();
    let by_message = APIS.iter().find(|api| !api.names_model).unwrap();
    (format!("{}?model=demo/live", by_path.path), by_message.path)
}

#[tokio::test]
async fn a_session_is_held_at_every_path() {
    let site = Site::new().await;
    let (by_path, by_message) = paths();
    let mut socket = connect(&site, &by_path, &[]).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["type"], "session.created");
    let words = json!([{"type": "input_text", "text": "hello"}]);
    say(
        &mut socket,
        &json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": words}}),
    )
    .await;
    say(&mut socket, &json!({"type": "response.create"})).await;
    let done = loop {
        let message = next(&mut socket).await.unwrap();
        if message["type"] == "response.done" {
            break message;
        }
    };
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], "You said: hello");
    let mut socket = connect(&site, by_message, &[]).await.unwrap();
    say(&mut socket, &json!({"setup": {"model": "models/demo/live"}})).await;
    assert!(next(&mut socket).await.unwrap()["setupComplete"].is_object());
    let turns = json!([{"role": "user", "parts": [{"text": "hello"}]}]);
    say(&mut socket, &json!({"clientContent": {"turns": turns, "turnComplete": true}})).await;
    while next(&mut socket).await.unwrap()["serverContent"]["turnComplete"] != true {}
}

#[tokio::test]
async fn only_who_may_call_holds_a_session() {
    let guard = Guard { token: Some(Secret::new("s3cret")), hosts: Vec::new() };
    let site = Site::with(guard, Arc::new(NoAssets)).await;
    let (by_path, by_message) = paths();
    for path in [by_path.as_str(), by_message] {
        assert_eq!(connect(&site, path, &[]).await.unwrap_err(), 401, "{path}");
        assert_eq!(connect(&site, path, &[("authorization", "Bearer wrong")]).await.unwrap_err(), 401);
        connect(&site, path, &[("authorization", "Bearer s3cret")]).await.unwrap();
        let foreign = [("authorization", "Bearer s3cret"), ("origin", "https://evil.example")];
        assert_eq!(connect(&site, path, &foreign).await.unwrap_err(), 403, "{path}");
    }
    let mut ways = 0;
    for api in &APIS {
        let (mark, model) = if api.names_model { ("&", "?model=demo/live") } else { ("?", "") };
        let path = format!("{}{model}", api.path);
        if let Some(header) = api.key_header {
            connect(&site, &path, &[(header, "s3cret")]).await.unwrap();
            assert_eq!(connect(&site, &path, &[(header, "s3cre")]).await.unwrap_err(), 401);
            ways += 1;
        }
        if let Some(name) = api.key_query {
            connect(&site, &format!("{path}{mark}{name}=s3cret"), &[]).await.unwrap();
            ways += 1;
        }
        if let (Some(start), Some(protocol)) = (api.key_protocol, api.protocol) {
            let offered = format!("{protocol}, {start}s3cret");
            connect(&site, &path, &[("sec-websocket-protocol", &offered)]).await.unwrap();
            ways += 1;
        }
        // The page's own way in is none here.
        assert_eq!(connect(&site, &format!("{path}{mark}token=s3cret"), &[]).await.unwrap_err(), 401);
    }
    assert_eq!(ways, 8);
}

#[tokio::test]
async fn what_is_no_session_is_told_what_is_missing() {
    let site = Site::new().await;
    let path = APIS.iter().find(|api| api.names_model).unwrap().path;
    assert_eq!(connect(&site, path, &[]).await.unwrap_err(), 400);
    let (status, body) = site.call("GET", &format!("{path}?model=demo/live"), None).await;
    assert_eq!((status, &body["error"]["kind"]), (400, &"invalid_request".into()), "{body}");
    let mut socket = connect(&site, &format!("{path}?model=demo/none"), &[]).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["type"], "error");
    assert_eq!(next(&mut socket).await.unwrap_err(), 1008);
}

#[tokio::test]
async fn who_goes_on_talking_to_nobody_is_told_why_all_the_same() {
    let site = Site::new().await;
    let path = APIS.iter().find(|api| api.names_model).unwrap().path;
    let wrong = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic";
    for (path, events) in [(format!("{path}?model=demo/none"), 1), (wrong.to_owned(), 0)] {
        let mut socket = connect(&site, &path, &[]).await.unwrap();
        // As programs do that set a session up and ask for something before they read. Where writing fails, Python's
        // libraries read nothing more.
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            say(&mut socket, &json!({"type": "response.create"})).await;
        }
        for _ in 0..events {
            assert_eq!(next(&mut socket).await.unwrap()["type"], "error");
        }
        assert_eq!(next(&mut socket).await.unwrap_err(), 1008);
    }
}

#[tokio::test]
async fn a_server_that_ends_lets_its_sessions_go() {
    let mut site = Site::new().await;
    let (by_path, _) = paths();
    let mut socket = connect(&site, &by_path, &[]).await.unwrap();
    next(&mut socket).await.unwrap();
    site.stop();
    assert_eq!(next(&mut socket).await.unwrap_err(), 1001);
}

#[tokio::test]
async fn a_server_that_ends_waits_for_those_that_are_told_so() {
    let mut site = Site::new().await;
    let (_, by_message) = paths();
    let mut socket = connect(&site, by_message, &[]).await.unwrap();
    say(&mut socket, &json!({"setup": {"model": "models/demo/live"}})).await;
    next(&mut socket).await.unwrap();
    let mut served = site.served.take().unwrap();
    site.stop();
    assert_eq!(next(&mut socket).await.unwrap()["goAway"]["timeLeft"], "5s");
    let early = tokio::time::timeout(Duration::from_secs(3), &mut served).await;
    assert!(early.is_err(), "it lives as long as it said");
    assert_eq!(next(&mut socket).await.unwrap_err(), 1001);
    tokio::time::timeout(Duration::from_secs(3), served).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn every_version_is_served_and_what_is_not_says_so() {
    let site = Site::new().await;
    for path in [
        "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent",
        "//ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent?key=any",
        "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
        "//ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
    ] {
        let mut socket = connect(&site, path, &[]).await.unwrap();
        say(&mut socket, &json!({"setup": {"model": "models/demo/live"}})).await;
        assert!(next(&mut socket).await.unwrap()["setupComplete"].is_object(), "{path}");
    }
    let wrong = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic";
    for path in [wrong.to_owned(), format!("/{wrong}"), "/ws/x".into()] {
        let mut socket = connect(&site, &path, &[]).await.unwrap();
        let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("{path}") };
        assert_eq!(u16::from(close.code), 1008);
        assert!(
            close.reason.ends_with("is not served here: live sessions are held by `BidiGenerateContent`")
        );
    }
    let (status, body) = site.call("GET", wrong, None).await;
    assert_eq!((status, &body["error"]["kind"]), (404, &"invalid_request".into()), "{body}");
}
