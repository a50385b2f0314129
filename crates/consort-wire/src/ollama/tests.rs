//! What the wire keeps, loses and says.
use super::Ollama;
use crate::{Quirks, Reply, ResponseHead, Wire, WireRequest};
use consort_core::{
    Accumulator, Effort, ErrorKind, Event, FinishReason, Media, Message, Output, Part, Request, Role,
};
use serde_json::{Value, json};

/// What is normalised is carried exactly, and normalising again changes nothing.
fn check_request(request: &Request) -> Request {
    let normalised = Ollama.normalise(request, &Quirks::default()).request;
    let written = Ollama.write_request(&normalised, &Quirks::default()).unwrap();
    assert_eq!(Ollama.decode_request(&written).unwrap(), normalised);
    assert_eq!(Ollama.normalise(&normalised, &Quirks::default()).request, normalised);
    normalised
}

fn read(text: &str) -> (Vec<Event>, Result<(), consort_core::Error>) {
    let head = ResponseHead::new(200, [("content-type".into(), "application/x-ndjson".into())]);
    let mut decoder = Ollama.decoder(head, &Quirks::default());
    let mut events = Vec::new();
    let fed = text.as_bytes().chunks(5).try_for_each(|bytes| decoder.feed(bytes, &mut events));
    let result = fed.and_then(|()| decoder.end(&mut events));
    (events, result)
}

fn fold(events: Vec<Event>) -> consort_core::Response {
    let mut fold = Accumulator::default();
    for event in events {
        fold.push(event);
    }
    fold.finish().unwrap()
}

#[test]
fn bodies_keep_their_meaning() {
    let body = json!({
        "model": "m", "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi", "images": ["iVBORw=="]},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                {"function": {"name": "add", "arguments": {"a": 1}}, "type": "function"},
                {"id": "z", "function": {"index": 1, "name": "add", "arguments": {}}}]},
            {"role": "tool", "content": "7", "tool_name": "add"},
            {"role": "tool", "content": "8", "tool_name": "add", "tool_call_id": "z"},
            {"role": "system", "content": "now in French"}],
        "stream": false, "tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}],
        "format": {"type": "object"}, "think": "low", "keep_alive": "5m",
        "options": {"temperature": 0.5, "num_predict": 9, "num_ctx": 4096, "stop": ["x"]}});
    let request = Ollama.decode_request(&WireRequest::post("api/chat", &body)).unwrap();
    assert_eq!(request.reasoning.effort, Some(Effort::Low));
    assert!(matches!(request.output, Output::Schema { .. }));
    let written = Ollama.write_request(&request, &Quirks::default()).unwrap().json().unwrap();
    assert_eq!(written, body);
    assert_eq!(check_request(&request), request);
    for (think, effort, show) in [
        (json!(true), None, Some(true)),
        (json!(false), Some(Effort::None), None),
        (json!("odd"), None, None),
    ] {
        let body = json!({"model": "m", "messages": [], "stream": true, "think": think});
        let request = Ollama.decode_request(&WireRequest::post("api/chat", &body)).unwrap();
        assert_eq!((request.reasoning.effort, request.reasoning.show), (effort, show));
        assert_eq!(Ollama.write_request(&request, &Quirks::default()).unwrap().json().unwrap(), body);
    }
}

#[test]
fn requests_of_other_wires_are_carried() {
    let mut request = Request::new(vec![
        Message::new(Role::System, vec![Part::text("first"), Part::text("second")]),
        Message::new(
            Role::User,
            vec![
                Part::media(Media::bytes("image/png", vec![0xff, 0xd8, 0xff])),
                Part::text("a"),
                Part::text("b"),
            ],
        ),
        Message::new(
            Role::Assistant,
            vec![
                Part::text("").signed("ollama", "s"),
                Part::reasoning("hm").signed("gemini", "s"),
                Part::tool_call("x", "f", "[1]"),
                Part::text("late"),
            ],
        ),
        Message::new(Role::Tool, vec![Part::tool_result("x", "", "1")]),
        Message::new(Role::Assistant, vec![Part::native("other", "k", json!({}))]),
        Message::new(Role::Tool, vec![Part::tool_result("nobody", "g", "")]),
    ]);
    request.options.insert("num_ctx".into(), json!(8));
    request.options.insert("num_predict".into(), json!(3));
    request.native.set("ollama", "options", json!({"mirostat": 1, "top_k": 3}));
    let normalised = check_request(&request);
    assert_eq!(normalised.instructions, [Part::text("first\nsecond")]);
    assert_eq!(normalised.messages.len(), 3);
    assert_eq!(normalised.messages[0].text(), "a\nb");
    assert_eq!((normalised.sampling.max_tokens, normalised.sampling.top_k), (Some(3), Some(3)));
}

#[test]
fn streams_are_read_and_written() {
    let line = |message: Value, rest: Value| {
        let mut line = json!({"model": "m", "created_at": "2026-08-05T08:11:04.351521Z", "message": message, "done": false});
        for (key, value) in rest.as_object().unwrap() {
            line[key] = value.clone();
        }
        format!("{line}\n")
    };
    let calls = json!({"role": "assistant", "content": "", "tool_calls": [
        {"function": {"name": "f", "arguments": {"a": 1}}}, {"id": "call_k", "function": {"index": 1, "name": "g"}}]});
    let counts = json!({"done": true, "done_reason": "stop", "eval_count": 2, "total_duration": 5});
    let stream = [
        line(json!({"content": "", "thinking": "h"}), json!({})),
        line(json!({"content": "", "thinking": "m"}), json!({})),
        line(json!({"content": "ok"}), json!({})),
        line(calls, json!({})),
        line(json!({"content": ""}), counts),
    ]
    .concat();
    let (events, result) = read(&stream);
    result.unwrap();
    let response = fold(events.clone());
    assert_eq!((response.reasoning().as_str(), response.text().as_str()), ("hm", "ok"));
    assert_eq!(response.finish.reason, FinishReason::ToolCalls);
    let ids: Vec<&str> = response.tool_calls().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["call_081104351521_0", "call_k"]);
    let usage = response.usage.as_ref().unwrap();
    assert_eq!((usage.input, usage.output), (None, Some(2)));
    let mut encode = Ollama.encode(&Reply::default());
    let mut bytes = Vec::new();
    for event in &events {
        encode.event(event, &mut bytes);
    }
    assert_eq!(fold(read(std::str::from_utf8(&bytes).unwrap()).0), response);
    let body = Ollama.encode_response(&response, &Reply::default());
    assert_eq!(fold(read(&body.to_string()).0), response);
}

#[test]
fn bad_ends_are_told() {
    let kind = |text: &str| read(text).1.unwrap_err().kind();
    assert_eq!(kind("{\"message\":{\"content\":\"a\"},\"done\":false}\n"), ErrorKind::Interrupted);
    assert_eq!(kind("{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"mess"), ErrorKind::Interrupted);
    assert_eq!(
        kind("{\"message\":{\"content\":\"a\"}}\n{\"error\":\"model 'x' not found\"}\n"),
        ErrorKind::Server
    );
}
