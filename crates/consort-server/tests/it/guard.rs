//! Who may call.
use crate::support::Site;
use consort_core::Secret;
use consort_server::{Guard, NoAssets};
use std::sync::Arc;

async fn status(site: &Site, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = site.client.request(method.parse().unwrap(), site.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if method != "GET" {
        request = request.body("{}");
    }
    request.send().await.unwrap().status().as_u16()
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn another_sites_page_cannot_drive_the_api() {
    let site = Site::new().await;
    let own = site.base.clone();
    assert_eq!(status(&site, "POST", "/api/conversations", &[JSON, ("origin", &own)]).await, 201);
    assert_eq!(status(&site, "POST", "/api/conversations", &[JSON]).await, 201);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"] {
        assert_eq!(
            status(&site, "POST", "/api/conversations", &[JSON, ("origin", origin)]).await,
            403,
            "{origin}"
        );
        assert_eq!(status(&site, "GET", "/api/models", &[("origin", origin)]).await, 403, "{origin}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        assert_eq!(
            status(&site, "POST", "/api/conversations", &[("content-type", kind)]).await,
            403,
            "{kind}"
        );
    }
    for from in ["cross-site", "same-site"] {
        assert_eq!(status(&site, "GET", "/api/models", &[("sec-fetch-site", from)]).await, 403, "{from}");
    }
    // A name that was made to point here.
    assert_eq!(status(&site, "GET", "/api/models", &[("host", "evil.example")]).await, 403);
    assert_eq!(status(&site, "GET", "/api/models", &[("host", "localhost:80")]).await, 200);
    assert_eq!(status(&site, "GET", "/api/models", &[("host", "[::1]:80")]).await, 200);
}

#[tokio::test]
async fn a_token_is_asked_for_where_there_is_one() {
    let guard = Guard { token: Some(Secret::new("s3cret")), hosts: vec!["desk.example".into()] };
    let site = Site::with(guard, Arc::new(NoAssets)).await;
    assert_eq!(status(&site, "GET", "/api/health", &[]).await, 200);
    assert_eq!(status(&site, "GET", "/api/models", &[]).await, 401);
    assert_eq!(status(&site, "GET", "/api/live", &[]).await, 401);
    assert_eq!(status(&site, "GET", "/api/models", &[("authorization", "Bearer wrong")]).await, 401);
    assert_eq!(status(&site, "GET", "/api/models", &[("authorization", "Bearer s3cret")]).await, 200);
    assert_eq!(status(&site, "GET", "/api/models", &[("cookie", "a=b; consort_token=s3cret")]).await, 200);
    assert_eq!(status(&site, "GET", "/api/models", &[("cookie", "consort_token=s3cre")]).await, 401);
    assert_eq!(status(&site, "GET", "/api/models?token=s3cret", &[]).await, 401);
    assert_eq!(status(&site, "GET", "/?token=wrong", &[]).await, 401);
    assert_eq!(status(&site, "GET", "/api/health", &[("host", "desk.example")]).await, 200);
}

#[tokio::test]
async fn the_address_with_the_token_becomes_a_cookie() {
    let guard = Guard { token: Some(Secret::new("s3cret")), hosts: Vec::new() };
    let site = Site::with(guard, Arc::new(NoAssets)).await;
    let answer = site.client.get(site.url("//evil.example/c/1?token=s3cret&x=1")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 303);
    assert_eq!(answer.headers()["location"], "/evil.example/c/1?x=1");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("consort_token=s3cret; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
    let (status, _) = site.call("POST", "/api/token", Some(serde_json::json!({"token": "wrong"}))).await;
    assert_eq!(status, 401);
    let (status, _) = site.call("POST", "/api/token", Some(serde_json::json!({"token": "s3cret"}))).await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn the_cookie_is_for_https_alone_where_the_browser_speaks_that() {
    let guard = Guard { token: Some(Secret::new("s3cret")), hosts: Vec::new() };
    let site = Site::with(guard, Arc::new(NoAssets)).await;
    let cookie = async |scheme: &str| {
        let asked = site.client.get(site.url("/?token=s3cret")).header("x-forwarded-proto", scheme);
        let answer = asked.send().await.unwrap();
        answer.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure")
    };
    assert!(cookie("https").await && !cookie("http").await);
    let asked = site.client.post(site.url("/api/token")).header("x-forwarded-proto", "https");
    let answer = asked.header("content-type", "application/json").body(r#"{"token": "s3cret"}"#);
    let answer = answer.send().await.unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn nothing_that_is_sent_may_be_taken_for_something_else() {
    let site = Site::new().await;
    for path in ["/api/models", "/api/nothing", "/", "/v1/models", "/api/health"] {
        let answer = site.client.get(site.url(path)).send().await.unwrap();
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    let answer = site.client.get(site.url("/api/models")).header("origin", "https://evil.example");
    let answer = answer.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-content-type-options"]),
        (403, &"nosniff".parse().unwrap())
    );
}

#[tokio::test]
async fn other_programs_calls_are_not_answered_by_the_page() {
    let site = Site::with(Guard::default(), Arc::new(crate::page::Files)).await;
    for (method, path) in [
        ("GET", "/v1"),
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/openai"),
        ("GET", "/openai/v1/realtime/calls"),
        ("POST", "/openai/deployments/x/chat/completions"),
    ] {
        let (status, body) = site.call(method, path, Some(serde_json::json!({}))).await;
        assert_eq!((status, &body["error"]["kind"]), (404, &"invalid_request".into()), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_api_own_form() {
    let site = Site::new().await;
    let (status, body) = site.call("GET", "/api/nothing", None).await;
    assert_eq!((status, &body["error"]["kind"]), (404, &"invalid_request".into()));
    let (status, body) = site.call("POST", "/api/conversations", Some(serde_json::json!("text"))).await;
    assert_eq!((status, &body["error"]["kind"]), (400, &"invalid_request".into()), "{body}");
    let (status, body) = site.call("GET", "/api/conversations/no-id", None).await;
    assert_eq!((status, &body["error"]["kind"]), (404, &"invalid_request".into()), "{body}");
}
