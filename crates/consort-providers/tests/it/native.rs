//! Vendors' own calls, by their own names.
use consort_core::Error;
use consort_providers::{Anthropic, Bedrock, Gemini, JsonStream, Ollama, OpenAi};
use consort_testkit::{FakeServer, Reply};
use serde_json::{Value, json};
use std::future::poll_fn;

async fn all(mut stream: JsonStream) -> Result<Vec<Value>, Error> {
    let mut values = Vec::new();
    while let Some(value) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        values.push(value?);
    }
    Ok(values)
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

#[tokio::test]
async fn openai() {
    let server = FakeServer::start([
        Reply::json(r#"{"id":"r1"}"#),
        Reply::chunked("text/event-stream", "data: {\"n\":1}\n\ndata: {\"n\":2}\n\ndata: [DONE]\n\n", &[5]),
        Reply::error(401, &[], r#"{"error":{"message":"no sk-abcdefgh"}}"#),
    ])
    .await
    .unwrap();
    let openai = OpenAi::new(client(), "sk-mine").base_url(&server.url());
    assert_eq!(openai.create_response(json!({"input": "x"})).await.unwrap(), json!({"id": "r1"}));
    let chunks = all(openai.stream_chat_completion(json!({"messages": []}))).await.unwrap();
    assert_eq!(chunks, [json!({"n": 1}), json!({"n": 2})]);
    let error = openai.create_embedding(json!({})).await.unwrap_err();
    assert_eq!((error.kind().as_str(), error.message()), ("auth", "no sk-***"));
    let asked = server.asked();
    let paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, ["/responses", "/chat/completions", "/embeddings"]);
    assert_eq!(asked[0].header("authorization"), Some("Bearer sk-mine"));
    assert_eq!(asked[1].text(), r#"{"messages":[],"stream":true}"#);
}

#[tokio::test]
async fn the_others() {
    let server = FakeServer::start([Reply::json("{}")]).await.unwrap();
    let url = server.url();
    Anthropic::new(client(), "a").base_url(&url).create_message(json!({})).await.unwrap();
    Gemini::new(client(), "g").base_url(&url).generate_content("m", json!({})).await.unwrap();
    Bedrock::new(client(), "b").base_url(&url).converse("v1:0", json!({})).await.unwrap();
    Ollama::new(client(), "o").base_url(&url).chat(json!({})).await.unwrap();
    let asked = server.asked();
    let seen: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(seen, ["/v1/messages", "/models/m:generateContent", "/model/v1%3A0/converse", "/api/chat"]);
    assert_eq!(asked[0].header("x-api-key"), Some("a"));
    assert_eq!(asked[1].header("x-goog-api-key"), Some("g"));
    assert_eq!(asked[2].header("authorization"), Some("Bearer b"));
    assert_eq!(asked[3].text(), r#"{"stream":false}"#);
}
