//! Every shape of an error body, and every form of a wait.
use super::*;

fn error(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    read(&ResponseHead::new(status, headers), body.as_bytes())
}

fn check(status: u16, body: &str, kind: ErrorKind, message: &str) {
    let error = error(status, &[], body);
    assert_eq!((error.kind(), error.message()), (kind, message), "{status} {body}");
}

#[test]
fn every_shape_is_read() {
    use ErrorKind::*;
    // OpenAI
    check(
        401,
        r#"{"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        Auth,
        "bad key",
    );
    check(
        429,
        r#"{"error":{"message":"no credit","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        Quota,
        "no credit",
    );
    check(
        429,
        r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#,
        RateLimit,
        "slow down",
    );
    check(
        404,
        r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
        ModelNotFound,
        "The model `x` does not exist",
    );
    check(
        400,
        r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#,
        ContextLength,
        "too long",
    );
    check(400, r#"{"error":{"message":"no","code":"content_filter"}}"#, ContentFilter, "no");
    // xAI, Mistral (both), Cohere, Bedrock, Ollama
    check(400, r#"{"code":"Client specified an invalid argument","error":"bad"}"#, InvalidRequest, "bad");
    check(
        400,
        r#"{"object":"error","message":"no logprobs","type":"invalid_request_invalid_args","code":"3051"}"#,
        InvalidRequest,
        "no logprobs",
    );
    check(401, r#"{"detail":"Invalid API Key"}"#, Auth, "Invalid API Key");
    check(
        422,
        r#"{"detail":[{"loc":["body"],"msg":"field required"},{"msg":"too short"}]}"#,
        InvalidRequest,
        "field required; too short",
    );
    check(404, r#"{"id":"1","message":"model 'x' not found"}"#, ModelNotFound, "model 'x' not found");
    check(403, r#"{"message":"not for you"}"#, Permission, "not for you");
    check(
        404,
        r#"{"error":"model \"x\" not found, try pulling it first"}"#,
        ModelNotFound,
        "model \"x\" not found, try pulling it first",
    );
    // Anthropic
    check(
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        Overloaded,
        "Overloaded",
    );
    check(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 3 > 2"}}"#,
        ContextLength,
        "prompt is too long: 3 > 2",
    );
    check(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
        Quota,
        "Your credit balance is too low",
    );
    // Gemini, alone and in a list
    let gemini = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#;
    check(400, gemini, Auth, "API key not valid. Please pass a valid API key.");
    check(503, r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#, Overloaded, "busy");
    // OpenRouter wraps what the upstream vendor said
    let wrapped =
        r#"{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"out of memory"}}}"#;
    check(502, wrapped, Server, "Provider returned error: out of memory");
}

#[test]
fn what_is_not_json_is_shortened_to_its_words() {
    check(
        502,
        "<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>",
        ErrorKind::Server,
        "502 Bad Gateway",
    );
    check(500, "", ErrorKind::Server, "the vendor answered with an error (HTTP 500)");
    check(413, "", ErrorKind::ContextLength, "the request is too large (HTTP 413)");
    let long = error(500, &[], &"x".repeat(10_000));
    assert!(long.message().chars().count() <= 601, "a page of words is cut");
}

#[test]
fn an_error_named_in_a_header_only() {
    let named = error(400, &[("x-amzn-errortype", "ThrottlingException:http://x/")], r#"{"message":"slow"}"#);
    assert_eq!((named.kind(), named.vendor_type()), (ErrorKind::RateLimit, Some("ThrottlingException")));
}

#[test]
fn every_form_of_a_wait() {
    let wait =
        |headers: &[(&str, &str)]| error(429, headers, "{}").retry_after().map(|wait| wait.as_millis());
    assert_eq!(wait(&[("retry-after-ms", "1500")]), Some(1500));
    assert_eq!(wait(&[("x-ms-retry-after-ms", "250")]), Some(250));
    assert_eq!(wait(&[("Retry-After", "12")]), Some(12_000));
    assert_eq!(wait(&[("retry-after", "0.5")]), Some(500));
    let date = ("date", "Sat, 21 Nov 2026 10:00:00 GMT");
    assert_eq!(wait(&[("retry-after", "Sat, 21 Nov 2026 10:00:30 GMT"), date]), Some(30_000));
    assert_eq!(wait(&[("retry-after", "Sat, 21 Nov 2026 09:00:00 GMT"), date]), Some(0));
    let reset = [("x-ratelimit-reset-requests", "1m6.5s"), ("x-ratelimit-remaining-requests", "0")];
    assert_eq!(wait(&reset), Some(66_500));
    let plenty = [("x-ratelimit-reset-requests", "12ms"), ("x-ratelimit-remaining-requests", "4999")];
    assert_eq!(wait(&plenty), None);
    for nonsense in ["soon", "-5", "1e400", "NaN", ""] {
        assert_eq!(wait(&[("retry-after", nonsense)]), None, "{nonsense}");
    }
    let google = r#"{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34s"}]}}"#;
    assert_eq!(error(429, &[], google).retry_after(), Some(Duration::from_secs(34)));
}

#[test]
fn a_date_without_a_clock_is_measured_from_its_arrival() {
    let mut head =
        ResponseHead::new(429, [("retry-after".to_owned(), "Sat, 21 Nov 2026 10:00:30 GMT".to_owned())]);
    head.received = Some(1_795_255_200);
    assert_eq!(retry_after(&head), Some(Duration::from_secs(30)));
}

#[test]
fn an_error_inside_a_good_answer_is_found() {
    let inside = |json: &str| inside(&serde_json::from_str(json).expect("JSON")).map(|error| error.kind());
    assert_eq!(inside(r#"{"error":{"message":"x","type":"server_error"}}"#), Some(ErrorKind::Server));
    assert_eq!(
        inside(r#"{"type":"error","error":{"type":"overloaded_error"}}"#),
        Some(ErrorKind::Overloaded)
    );
    assert_eq!(inside(r#"{"error":null,"choices":[]}"#), None);
    assert_eq!(inside(r#"{"id":"x"}"#), None);
}
