//! Each fault gives its own kind of error, within its timer, with something to do and without the key.
use crate::support::{Acme, END, KEY, SSE, chunk, next};
use consort_core::{Error, ErrorKind, Event, Phase};
use consort_testkit::{FakeServer, Reply};
use std::time::{Duration, Instant, SystemTime};

/// Plays one reply, and returns the error that comes of it.
async fn fail(reply: Reply) -> Error {
    let server = FakeServer::start([reply]).await.unwrap();
    let started = Instant::now();
    let error = Acme::new(&server).ask().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(4), "{error}");
    decent(&error);
    error
}

/// What holds for every error.
#[track_caller]
fn decent(error: &Error) {
    let all = format!("{error} {error:?} {:?} {}", error.hints(), serde_json::to_string(error).unwrap());
    assert!(!all.contains(KEY) && !all.contains("5ecret"), "{all}");
    assert_eq!(error.provider_id(), Some("acme"), "{all}");
    assert!(!error.message().is_empty());
    if error.kind() != ErrorKind::Cancelled && error.phase() != Some(Phase::Deadline) {
        assert!(!error.hints().is_empty() || error.kind() == ErrorKind::Protocol, "{all}");
    }
}

async fn check_status(status: u16, body: &str, kind: ErrorKind) -> Error {
    let error = fail(Reply::error(status, &[("x-request-id", "r-7")], body)).await;
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(error.http_status(), Some(status));
    assert_eq!(error.vendor_request_id(), Some("r-7"));
    error
}

#[tokio::test]
async fn statuses_give_their_kinds() {
    let refused = format!(
        "{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\",\"code\":\"invalid_api_key\"}}}}"
    );
    let error = check_status(401, &refused, ErrorKind::Auth).await;
    assert!(error.message().contains("***"), "{error}");
    assert!(error.hints()[0].contains("consort keys set acme"), "{:?}", error.hints());
    let error = check_status(
        404,
        r#"{"error":{"message":"The model `brain` does not exist"}}"#,
        ErrorKind::ModelNotFound,
    )
    .await;
    assert!(error.hints()[0].contains("consort models"));
    check_status(413, "too large", ErrorKind::ContextLength).await;
    check_status(500, "", ErrorKind::Server).await;
    check_status(
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ErrorKind::Overloaded,
    )
    .await;
    check_status(402, "{}", ErrorKind::Quota).await;
}

#[tokio::test]
async fn each_form_of_retry_after_is_read() {
    async fn check(headers: &[(&str, &str)], wanted: Duration) {
        let error = fail(Reply::error(429, headers, r#"{"error":{"message":"slow down"}}"#)).await;
        assert_eq!(error.kind(), ErrorKind::RateLimit);
        assert!(error.retryable());
        let got = error.retry_after().unwrap();
        assert!(got <= wanted && got + Duration::from_secs(3) > wanted, "{headers:?}: {got:?}");
    }
    check(&[("retry-after-ms", "1500")], Duration::from_millis(1500)).await;
    check(&[("x-ms-retry-after-ms", "250")], Duration::from_millis(250)).await;
    check(&[("retry-after", "7")], Duration::from_secs(7)).await;
    let soon = SystemTime::now() + Duration::from_secs(20);
    check(&[("retry-after", &http_date(soon))], Duration::from_secs(20)).await;
    check(
        &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1m6s")],
        Duration::from_secs(66),
    )
    .await;
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`; readers need not check the day's name.
fn http_date(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[tokio::test]
async fn a_cut_before_the_first_event_may_be_tried_again() {
    for reply in [Reply::open(SSE).reset(), Reply::open(SSE).end(), Reply::open(SSE).piece("data: {").reset()]
    {
        let error = fail(reply).await;
        assert_eq!(error.kind(), ErrorKind::Network, "{error:?}");
        assert!(error.retryable());
    }
}

#[tokio::test]
async fn a_cut_after_the_first_event_is_an_interruption() {
    for reply in [Reply::open(SSE).piece(chunk("Hel")).reset(), Reply::open(SSE).piece(chunk("Hel")).end()] {
        let server = FakeServer::start([reply]).await.unwrap();
        let mut stream = Acme::new(&server).stream();
        let mut text = String::new();
        let error = loop {
            match next(&mut stream).await.unwrap() {
                Ok(Event::PartDelta { delta: consort_core::Delta::Text(piece), .. }) => text += &piece,
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(text, "Hel");
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:?}");
        decent(&error);
        assert!(next(&mut stream).await.is_none());
    }
}

#[tokio::test]
async fn an_error_inside_a_good_stream_is_an_error() {
    let event = "data: {\"error\":{\"message\":\"upstream fell over\",\"code\":502}}\n\n";
    let error = fail(Reply::open(SSE).piece(chunk("Hel")).piece(event).end()).await;
    assert_eq!(error.kind(), ErrorKind::Server, "{error:?}");
    assert!(error.message().contains("upstream fell over"));
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    for reply in [
        Reply::new(200, "application/json", "\u{1}\u{2} this is not json"),
        Reply::open(SSE).piece("data: {\"choices\": oops}\n\n").end(),
    ] {
        assert_eq!(fail(reply).await.kind(), ErrorKind::Protocol);
    }
}

#[tokio::test]
async fn a_huge_line_is_refused() {
    let megabyte = "x".repeat(1024 * 1024);
    let server =
        FakeServer::start([Reply::open(SSE).piece("data: \"").repeat(&megabyte, 50).end()]).await.unwrap();
    let error = Acme::with(&server, "").ask().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    assert!(error.message().contains("MB"), "{error}");
}

#[tokio::test]
async fn silence_runs_into_its_timer() {
    let check = |error: Error, phase: Phase| {
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Some(phase)), "{error:?}");
    };
    check(fail(Reply::silence()).await, Phase::FirstEvent);
    check(fail(Reply::open(SSE).hang()).await, Phase::FirstEvent);
    // Keep-alives are no answer.
    let pings =
        Reply::open(SSE).piece(": ping\n\n").piece(": ping\n\n").piece(": ping\n\n").piece(": ping\n\n");
    check(fail(pings.slowly(Duration::from_millis(200)).hang()).await, Phase::FirstEvent);
    check(fail(Reply::open(SSE).piece(chunk("Hel")).hang()).await, Phase::Idle);
}

#[tokio::test]
async fn a_slow_answer_is_no_silence_but_ends_at_the_deadline() {
    let slow = (0..8).fold(Reply::open(SSE), |reply, _| reply.piece(chunk("a"))).piece(END).end();
    let server = FakeServer::start([slow.slowly(Duration::from_millis(150))]).await.unwrap();
    let acme = Acme::new(&server);
    assert_eq!(acme.ask().await.unwrap().text(), "aaaaaaaa");
    let stream = acme.model.stream(
        consort_core::Request::ask("Hello").into(),
        acme.context().within(Duration::from_millis(400)),
    );
    let error = consort_core::collect(stream).await.unwrap_err();
    assert_eq!(error.phase(), Some(Phase::Deadline), "{error:?}");
}

#[tokio::test]
async fn unreachable_places_are_told_apart() {
    let unused = {
        let server = FakeServer::start([]).await.unwrap();
        server.url()
    };
    // The listener is gone once its task is.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = Acme::at(&unused, "").ask().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error:?}");
    assert!(error.message().contains("refused"), "{error}");
    decent(&error);
    let error = Acme::at("http://no-such-host.invalid", "").ask().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error:?}");
    decent(&error);
    // TLS to a server that speaks plain HTTP.
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = plain.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = Acme::at(&format!("https://{address}"), "").ask().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error:?}");
    assert!(error.message().contains("does not speak https"), "{error}");
    decent(&error);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved = Reply::error(307, &[("location", "http://elsewhere.example/v1?key=abcdefgh")], "");
    let error = fail(moved).await;
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.message().contains("elsewhere.example") && !error.message().contains("abcdefgh"),
        "{error}"
    );
}
