//! Both directions by small hand-written examples.
use super::*;
use crate::{Decoder, ResponseHead};
use consort_core::{
    Accumulator, Body, Effort, ErrorKind, Event, Media, Message, Output, Part, Role, ToolChoice,
};

fn read(head: &[(&str, &str)], body: &str, piece: usize) -> (Vec<Event>, Result<(), Error>) {
    let headers = head.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut decoder: Decoder = Cohere.decoder(ResponseHead::new(200, headers), &Quirks::default());
    let mut events = Vec::new();
    let fed = body.as_bytes().chunks(piece).try_for_each(|bytes| decoder.feed(bytes, &mut events));
    let result = fed.and_then(|()| decoder.end(&mut events));
    (events, result)
}

fn fold(events: Vec<Event>) -> Response {
    let mut fold = Accumulator::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish().expect("a finished answer")
}

const STREAM: &str = r#"event: message-start
data: {"id":"r1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}

data: {"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}

data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Hm"}}}}

data: {"type":"content-end","index":0}

data: {"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}

data: {"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"It is \u00fc."}}}}

data: {"type":"content-end","index":1}

data: {"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":6,"end":7,"text":"ü","sources":[{"type":"document","id":"d","document":{"title":"T"}}],"type":"TEXT_CONTENT","content_index":1}}}}

data: {"type":"citation-end","index":0}

data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will "}}}

data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"add."}}}

data: {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"add_1","type":"function","function":{"name":"add","arguments":""}}}}}

data: {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\": 1}"}}}}}

data: {"type":"tool-call-end","index":0}

data: {"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":3,"output_tokens":4},"tokens":{"input_tokens":10.0,"output_tokens":5},"cached_tokens":2}}}

data: [DONE]

"#;

#[test]
fn a_stream_is_read_in_any_pieces() {
    let (events, result) = read(&[("content-type", "text/event-stream")], STREAM, STREAM.len());
    assert_eq!(result, Ok(()));
    for piece in [1, 7] {
        assert_eq!(read(&[], STREAM, piece).0, events);
    }
    let response = fold(events);
    assert_eq!(response.text(), "It is ü.");
    assert_eq!(response.reasoning(), "Hm");
    assert_eq!(response.response_id.as_deref(), Some("r1"));
    assert_eq!(response.finish, Finish::new(FinishReason::ToolCalls, "TOOL_CALL"));
    let usage = response.usage.clone().expect("usage");
    assert_eq!((usage.input, usage.output, usage.cached), (Some(10), Some(5), Some(2)));
    let kinds: Vec<&str> = response.parts.iter().map(kind).collect();
    assert_eq!(kinds, ["reasoning", "text", "tool_plan", "tool_call"]);
    let Body::Text { citations, .. } = &response.parts[1].body else { panic!("a text") };
    assert_eq!(citations[0].title.as_deref(), Some("T"));
}

fn kind(part: &Part) -> &str {
    match &part.body {
        Body::Text { .. } => "text",
        Body::Reasoning { .. } => "reasoning",
        Body::ToolCall(_) => "tool_call",
        Body::Native { kind, .. } => kind,
        _ => "other",
    }
}

#[test]
fn what_is_written_is_read_as_the_same_answer() {
    let (events, _) = read(&[], STREAM, 50);
    let response = fold(events.clone());
    let reply = Reply { id: "other".into(), ..Reply::default() };
    let mut written = Vec::new();
    let mut encoder = Cohere.encode(&reply);
    events.iter().for_each(|event| encoder.event(event, &mut written));
    let (again, result) = read(&[], &String::from_utf8_lossy(&written), 11);
    assert_eq!(result, Ok(()));
    assert_eq!(fold(again), response);
    let body = Cohere.encode_response(&response, &reply).to_string();
    assert_eq!(fold(read(&[("content-type", "application/json")], &body, 9).0), response);
}

#[test]
fn a_cut_stream_is_never_a_success() {
    let end = STREAM.find(r#"data: {"type":"message-end""#).expect("an end");
    for cut in [1, end / 3, end / 2, end] {
        let (_, result) = read(&[], &STREAM[..STREAM.floor_char_boundary(cut)], 64);
        assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::Interrupted));
    }
}

#[test]
fn a_failed_answer_says_why() {
    let body = r#"data: {"type":"message-start","id":"r"}

data: {"type":"message-end","delta":{"finish_reason":"ERROR","usage":{},"error":"no valid tool call"}}

"#;
    let response = fold(read(&[], body, 8).0);
    assert_eq!(response.finish, Finish::new(FinishReason::Other, "ERROR"));
    assert_eq!(response.warnings[0].message, "no valid tool call");
    let (_, result) = read(&[], r#"{"id": "x", "message": "too bad"}"#, 100);
    assert_eq!(result.map_err(|error| error.message().to_owned()), Err("too bad".into()));
}

#[test]
fn what_is_no_answer_is_an_error() {
    for body in ["", "1", "[]", "{}", "null", r#"{"message": 7}"#, r#""text""#] {
        let (_, result) = read(&[("content-type", "application/json")], body, 100);
        assert!(result.is_err(), "{body}");
    }
}

/// A body that is read, written and normalised means the same, and reads the same.
fn check(body: Value) -> Request {
    let post = WireRequest::post("v2/chat", &body);
    let request = Cohere.decode_request(&post).expect("a readable request");
    let quirks = Quirks::default();
    let written = Cohere.write_request(&request, &quirks).and_then(|post| post.json()).expect("a body");
    assert_eq!(written, body);
    assert_eq!(Cohere.normalise(&request, &quirks).request, request);
    request
}

#[test]
fn a_request_keeps_its_meaning() {
    let request = check(json!({
        "model": "command-a-03-2025",
        "stream": true,
        "messages": [
            {"role": "system", "content": "Add."},
            {"role": "user", "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            ]},
            {"role": "assistant", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"}},
            ], "tool_plan": "I will add."},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "document", "document": {"data": "2"}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "So"},
                {"type": "text", "text": "It is 2."},
            ], "citations": [{"start": 6, "end": 7, "text": "2", "sources": []}]},
        ],
        "tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}],
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "max_tokens": 5,
        "p": 0.5,
        "stop_sequences": ["x"],
        "thinking": {"type": "enabled", "token_budget": 100},
        "safety_mode": "OFF",
        "documents": [{"id": "d"}],
    }));
    assert_eq!(request.tool_choice, ToolChoice::Required);
    assert_eq!(request.reasoning.budget_tokens, Some(100));
    assert_eq!(request.native.get(ID, "safety_mode"), Some(&json!("OFF")));
    assert!(matches!(request.output, Output::Schema { .. }));
    let results: Vec<&Part> =
        request.messages.iter().filter(|message| message.role == Role::Tool).flat_map(|m| &m.parts).collect();
    assert!(matches!(&results[0].body, Body::ToolResult(result) if result.name == "add"));
}

#[test]
fn what_is_carried_is_read_back() {
    let mut request = Request::new(vec![
        Message::new(Role::System, vec![Part::text("Be brief.")]),
        Message::new(
            Role::User,
            vec![Part::media(Media::url("image/png", "https://a.example/b.png").named("b"))],
        ),
        Message::new(
            Role::Assistant,
            vec![
                Part::tool_call("1", "look", ""),
                Part::native(ID, PLAN, json!("plan")),
                Part::text("first"),
                Part::reasoning("hm").signed("anthropic", "sig"),
                Part::native("gemini", "x", json!({})),
            ],
        ),
        Message::new(Role::User, vec![Part::tool_result("1", "", "seen")]),
        Message::new(Role::User, vec![Part::tool_result("2", "b", "seen too"), Part::text("and?")]),
    ]);
    request.tool_choice = ToolChoice::Named("look".into());
    request.reasoning.effort = Some(Effort::High);
    let quirks = Quirks::default();
    let normalised = Cohere.normalise(&request, &quirks);
    assert_eq!(Cohere.normalise(&normalised.request, &quirks).request, normalised.request);
    let written = Cohere.write_request(&normalised.request, &quirks).expect("a written request");
    assert_eq!(Cohere.decode_request(&written), Ok(normalised.request.clone()));
    assert_eq!(normalised.request.instructions_text(), "Be brief.");
    let said: Vec<&str> = normalised.request.messages[1].parts.iter().map(kind).collect();
    assert_eq!(said, ["text", "reasoning", "tool_plan", "tool_call"]);
}
