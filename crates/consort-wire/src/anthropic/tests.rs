//! What the wire keeps, loses and says.
use super::Anthropic;
use crate::{Quirks, Reply, ResponseHead, Wire, WireRequest};
use consort_core::{
    Accumulator, Body, Delta, Effort, Error, ErrorKind, Event, Finish, FinishReason, Media, Message, Output,
    Part, PartKey, PartKind, Reasoning, Request, Response, Role, Signature, ToolChoice, ToolSpec,
};
use serde_json::{Value, json};

fn quirks() -> Quirks {
    Quirks::default()
}

fn decode(kind: &str, body: &str) -> (Vec<Event>, Result<(), Error>) {
    let head = ResponseHead::new(200, [("content-type".into(), kind.into())]);
    let mut decoder = Anthropic.decoder(head, &quirks());
    let mut events = Vec::new();
    let fed = body.as_bytes().chunks(5).try_for_each(|bytes| decoder.feed(bytes, &mut events));
    let result = fed.and_then(|()| decoder.end(&mut events));
    (events, result)
}

/// These events as the vendor's stream.
fn stream(told: &[Value]) -> String {
    let written = |told: &Value| format!("event: {}\ndata: {told}  \n\n", told["type"].as_str().unwrap());
    told.iter().map(written).collect::<Vec<_>>().concat()
}

fn fold(events: &[Event]) -> Response {
    let mut fold = Accumulator::default();
    events.iter().for_each(|event| fold.push(event.clone()));
    fold.finish().unwrap()
}

/// Reads a body, writes it again, and gives what was read.
fn check(path: &str, body: &Value) -> Request {
    let read = Anthropic.decode_request(&WireRequest::post(path, body)).unwrap();
    let written = Anthropic.write_request(&read, &quirks()).unwrap();
    assert_eq!(&written.json().unwrap(), body);
    assert_eq!(Anthropic.normalise(&read, &quirks()).request, read);
    read
}

#[test]
fn bodies_keep_their_meaning() {
    let request = check(
        "v1/messages",
        &json!({
            "model": "claude-sonnet-4-6", "max_tokens": 9000, "stream": true,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "hi"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
                    {"type": "image", "source": {"type": "url", "url": "https://a.example/b.jpg"}},
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "facts"},
                        "title": "facts.txt", "citations": {"enabled": true}},
                    {"type": "document", "source": {"type": "content", "content": []}},
                    {"type": "search_result", "source": "s", "title": "t", "content": []}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "", "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                    {"type": "text", "text": "See", "citations": [{"type": "char_location", "cited_text": "facts"}]},
                    {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}},
                    {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []},
                    {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1},
                        "cache_control": {"type": "ephemeral"}, "caller": {"type": "direct"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [
                        {"type": "text", "text": "7"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
                        {"type": "tool_reference", "tool_name": "add"}], "is_error": true},
                    {"type": "text", "text": "and?"}]},
                {"role": "system", "content": [{"type": "tool_addition", "tool": {"name": "add"}}]}],
            "tools": [
                {"name": "add", "description": "adds", "input_schema": {"type": "object"}, "strict": true,
                    "cache_control": {"type": "ephemeral"}, "defer_loading": true},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}],
            "tool_choice": {"type": "tool", "name": "add", "disable_parallel_tool_use": true},
            "top_p": 0.5, "stop_sequences": ["END"],
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": "max", "format": {"type": "json_schema", "schema": {"type": "object"}}},
            "metadata": {"user_id": "u"}, "cache_control": {"type": "ephemeral"}
        }),
    );
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::User, Role::System]);
    let Body::ToolResult(result) = &request.messages[2].parts[0].body else { panic!("a result") };
    assert_eq!((result.name.as_str(), result.is_error), ("add", true));
    assert_eq!(request.reasoning.effort, Some(Effort::Max));
    assert_eq!(request.parallel_tools, Some(false));
    assert!(matches!(request.output, Output::Schema { .. }));
    assert!(matches!(request.tools[1], ToolSpec::Native { .. }));
}

#[test]
fn thinking_has_many_forms() {
    let of = |model: &str, rest: Value| {
        let mut body = json!({"model": model, "max_tokens": 9000, "messages": []});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        check("v1/messages", &body).reasoning
    };
    let old = "claude-sonnet-4-5";
    let budget = of(old, json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}));
    assert_eq!(budget.budget_tokens, Some(2000));
    let none = of(old, json!({"thinking": {"type": "disabled"}}));
    assert_eq!(none.effort, Some(Effort::None));
    // An effort without thinking, and thinking without an effort, are told apart from both together.
    let alone = of("claude-opus-4-5", json!({"output_config": {"effort": "low"}}));
    assert_eq!(alone.effort, Some(Effort::Low));
    assert_eq!(of("claude-opus-5", json!({"thinking": {"type": "adaptive"}})), Reasoning::default());
    let both = json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}});
    assert_eq!(of("claude-opus-5", both), Reasoning::default());

    let asked = |model: &str, effort, budget_tokens| {
        let mut request = Request { model: model.into(), ..Request::ask("x") };
        request.reasoning = Reasoning { effort, budget_tokens, show: None };
        request.sampling.max_tokens = Some(1000);
        let read = Anthropic.normalise(&request, &quirks()).request;
        (read.reasoning.effort, read.reasoning.budget_tokens, read.sampling.max_tokens)
    };
    let high = Some(Effort::High);
    for (model, effort, budget, wanted) in [
        ("claude-3-7-sonnet-20250219", high, None, (None, Some(16_384), Some(17_384))),
        ("claude-opus-4-20250514", high, None, (None, Some(16_384), Some(17_384))),
        ("another-vendor", high, None, (None, Some(16_384), Some(17_384))),
        ("claude-sonnet-4-6", high, None, (high, None, Some(1000))),
        ("claude-sonnet-4-6", None, Some(2000), (None, Some(2000), Some(3000))),
        ("claude-opus-4-7", None, Some(2000), (Some(Effort::Low), None, Some(1000))),
        ("claude-fable-5", Some(Effort::Minimal), None, (Some(Effort::Low), None, Some(1000))),
    ] {
        assert_eq!(asked(model, effort, budget), wanted, "{model}");
    }
}

#[test]
fn vertex_has_the_model_in_its_path() {
    let body =
        json!({"max_tokens": 5, "messages": [], "stream": true, "anthropic_version": "vertex-2023-10-16"});
    let path =
        "v1/projects/p/locations/l/publishers/anthropic/models/claude-3-7-sonnet@2025:streamRawPredict";
    let request = check(path, &body);
    assert_eq!(request.model, "claude-3-7-sonnet@2025");
    let written = Anthropic.write_request(&request, &quirks()).unwrap();
    assert_eq!(written.path, "models/claude-3-7-sonnet@2025:streamRawPredict");
    assert_eq!(written.header("anthropic-version"), None);
    assert!(Anthropic.count_request(&request, &quirks()).is_none());

    // The same by a provider's quirks.
    let mut quirks = Quirks { path: Some("models/{model}:rawPredict".into()), ..quirks() };
    quirks.body.insert("anthropic_version".into(), "v".into());
    let written = Anthropic.write_request(&Request::ask("x"), &quirks).unwrap();
    assert_eq!(written.path, "models/:streamRawPredict");
    assert_eq!(written.json().unwrap()["model"], Value::Null);
}

#[test]
fn headers_say_the_version_and_what_is_tried_out() {
    let mut request = WireRequest::post("v1/messages?beta=true", &json!({"model": "m", "messages": []}));
    request.headers.push(("Anthropic-Beta".into(), "one, two".into()));
    let read = Anthropic.decode_request(&request).unwrap();
    let written = Anthropic.write_request(&read, &quirks()).unwrap();
    assert_eq!(written.header("anthropic-beta"), Some("one,two"));
    assert_eq!(written.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(written.json().unwrap(), json!({"model": "m", "messages": []}));
    // Uploaded files are one of those things.
    let file =
        json!([{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}]);
    let read = Anthropic
        .decode_request(&WireRequest::post("v1/messages", &json!({"model": "m", "messages": file})))
        .unwrap();
    let (written, _) = Anthropic.encode_request(&read, &quirks()).unwrap();
    assert_eq!(written.header("anthropic-beta"), Some("files-api-2025-04-14"));
}

#[test]
fn requests_of_other_wires_are_carried() {
    let call = Part::tool_call("call:1|x", "add", "{\"cut\": ").signed("gemini", "c2ln");
    let mut request = Request::new(vec![
        Message::new(Role::System, vec![Part::text("be kind")]),
        Message::new(Role::User, vec![Part::text(" "), Part::media(Media::bytes("text/csv", "a,b"))]),
        Message::new(Role::Assistant, vec![Part::reasoning("hm"), Part::text("ok"), call]),
        Message::new(Role::Tool, vec![Part::tool_result("call:1|x", "", "7")]),
    ]);
    request.sampling.temperature = Some(1.5);
    request.sampling.seed = Some(3);
    request.tool_choice = ToolChoice::Required;
    request.parallel_tools = Some(true);
    let (written, normalised) = Anthropic.encode_request(&request, &quirks()).unwrap();
    assert_eq!(Anthropic.decode_request(&written).unwrap(), normalised.request);
    assert_eq!(Anthropic.normalise(&normalised.request, &quirks()).request, normalised.request);
    assert_eq!(
        written.json().unwrap(),
        json!({"model": "", "max_tokens": 4096, "stream": true, "temperature": 1.0, "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "be kind"},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a,b"}}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "ok"},
                {"type": "tool_use", "id": "call_1_x", "name": "add", "input": {"invalid_json": "{\"cut\": "}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1_x", "content": [{"type": "text", "text": "7"}]}]}]})
    );
    assert!(normalised.warnings.len() >= 4, "{:?}", normalised.warnings);
}

#[test]
fn native_parts_are_what_a_reader_makes_of_them() {
    let parts = vec![
        Part::native("anthropic", "compaction", json!({"content": "so far"})).cached(),
        Part::native("anthropic", "text", json!({"type": "text", "text": "not native"})),
        Part::native("anthropic", "odd", json!("no object")),
        Part::native("gemini", "other", json!({})),
    ];
    let mut request = Request::new(vec![Message::new(Role::Assistant, parts)]);
    request.native.set("anthropic", "max_tokens", 7);
    request.native.set("anthropic", "service_tier", "auto");
    let (written, normalised) = Anthropic.encode_request(&request, &quirks()).unwrap();
    assert_eq!(Anthropic.decode_request(&written).unwrap(), normalised.request);
    let body = written.json().unwrap();
    assert_eq!((&body["max_tokens"], &body["service_tier"]), (&json!(7), &json!("auto")));
    let cached = json!({"type": "ephemeral"});
    let block = json!({"content": "so far", "type": "compaction", "cache_control": cached});
    assert_eq!(body["messages"], json!([{"role": "assistant", "content": [block]}]));
}

#[test]
fn a_count_is_asked_for_with_what_counts() {
    let mut request = Request::ask("hi");
    request.sampling.temperature = Some(0.5);
    let request = Anthropic.normalise(&request, &quirks()).request;
    let count = Anthropic.count_request(&request, &quirks()).unwrap().unwrap();
    assert_eq!(count.path, "v1/messages/count_tokens");
    let keys: Vec<String> = count.json().unwrap().as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["model", "messages"]);
    assert_eq!(Anthropic.decode_count(&json!({"input_tokens": 7})), Some(7));
}

#[test]
fn models_are_listed() {
    let can = json!({"supported": true});
    let body = json!({"data": [{"id": "claude-x", "display_name": "Claude X", "max_input_tokens": 5, "max_tokens": 2,
        "capabilities": {"image_input": can, "pdf_input": can, "thinking": can}}, {"odd": 1}]});
    let listed = Anthropic.decode_models(&body).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].context, listed[0].output, listed[0].reasoning), (Some(5), Some(2), Some(true)));
    assert_eq!(listed[0].input.as_ref().unwrap().len(), 3);
    assert!(Anthropic.decode_models(&json!({})).is_err());
    let none = Quirks { models_path: Some(String::new()), ..quirks() };
    assert!(Anthropic.models_request(&none).is_none());
}

fn whole_stream() -> Vec<Value> {
    let block = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta =
        |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "content": [],
            "usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}}}),
        block(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        json!({"type": "ping"}),
        delta(0, json!({"type": "signature_delta", "signature": "c2ln"})),
        stop(0),
        block(1, json!({"type": "redacted_thinking", "data": "ZGF0YQ=="})),
        stop(1),
        block(2, json!({"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "{\"query\": "})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "\"x\"}"})),
        stop(2),
        block(3, json!({"type": "text", "text": "", "citations": []})),
        delta(3, json!({"type": "text_delta", "text": "So: "})),
        delta(
            3,
            json!({"type": "citations_delta", "citation": {"type": "web_search_result_location", "url": "u"}}),
        ),
        stop(3),
        block(
            4,
            json!({"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}, "caller": {"type": "direct"}}),
        ),
        delta(4, json!({"type": "input_json_delta", "partial_json": ""})),
        stop(4),
        block(5, json!({"type": "compaction", "content": null})),
        delta(5, json!({"type": "compaction_delta", "content": "so far"})),
        stop(5),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"output_tokens": 7}}),
        json!({"type": "an_invention"}),
        json!({"type": "message_stop"}),
    ]
}

#[test]
fn streams_and_bodies_are_read_and_written() {
    let (events, result) = decode("text/event-stream", &stream(&whole_stream()));
    assert_eq!(result, Ok(()));
    let response = fold(&events);
    let kinds: Vec<&str> = response
        .parts
        .iter()
        .map(|part| match &part.body {
            Body::Reasoning { redacted: true, .. } => "redacted",
            Body::Reasoning { .. } => "thinking",
            Body::Text { citations, .. } if citations.len() == 1 => "cited",
            Body::ToolCall(_) => "call",
            Body::Native { kind, .. } => kind,
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["thinking", "redacted", "server_tool_use", "cited", "call", "compaction"]);
    assert_eq!(response.parts[0].signature_for("anthropic"), Some("c2ln"));
    assert!(
        matches!(&response.parts[2].body, Body::Native { value, .. } if value["input"] == json!({"query": "x"}))
    );
    assert!(matches!(&response.parts[5].body, Body::Native { value, .. } if value["content"] == "so far"));
    let usage = response.usage.clone().unwrap();
    assert_eq!((usage.input, usage.cached, usage.output), (Some(9), Some(4), Some(7)));
    assert_eq!(response.finish, Finish::new(FinishReason::ToolCalls, "tool_use"));

    // What is written of it means the same, as a stream and as a body, and can be sent back.
    let mut encode = Anthropic.encode(&Reply::default());
    let mut written = Vec::new();
    events.iter().for_each(|event| encode.event(event, &mut written));
    let (again, _) = decode("text/event-stream", std::str::from_utf8(&written).unwrap());
    assert_eq!(fold(&again), response);
    let body = Anthropic.encode_response(&response, &Reply::default()).to_string();
    let (again, _) = decode("application/json", &body);
    assert_eq!(fold(&again), response);
    let request = Request::new(vec![Message::user("x"), response.into_message()]);
    let normalised = Anthropic.normalise(&request, &quirks()).request;
    assert_eq!(normalised.messages, request.messages);
}

#[test]
fn bad_ends_are_told() {
    let whole = whole_stream();
    for cut in 1..whole.len() {
        let (events, result) = decode("text/event-stream", &stream(&whole[..cut]));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Interrupted, "{cut}");
        assert!(!events.iter().any(|event| matches!(event, Event::Finished(_))));
    }
    let mut failed = whole[..14].to_vec();
    failed.push(json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}));
    let (events, result) = decode("text/event-stream", &stream(&failed));
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Overloaded, "Overloaded"));
    assert!(events.iter().any(|event| matches!(event, Event::PartDelta { delta: Delta::Text(_), .. })));
    for body in [
        r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#,
        r#"{"id":1}"#,
        "7",
        r#"{"content":7}"#,
    ] {
        assert!(decode("application/json", body).1.is_err(), "{body}");
    }
    let (status, body) = Anthropic.encode_error(&Error::new(ErrorKind::RateLimit, "slow down"));
    assert_eq!((status, &body["error"]["type"]), (429, &json!("rate_limit_error")));
}

#[test]
fn oddities_are_read() {
    // Blocks that never start, a whole input at the start, and a refusal that explains itself.
    let told = [
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}),
        json!({"type": "content_block_start", "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1}}}),
        json!({"type": "content_block_start", "index": "odd", "content_block": {"type": "text", "text": "b"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "refusal",
            "stop_details": {"explanation": "not that"}}, "usage": {"input_tokens": "many"}}),
        json!({"type": "message_stop"}),
    ];
    let (events, result) = decode("text/event-stream", &stream(&told));
    assert_eq!(result, Ok(()));
    let response = fold(&events);
    assert_eq!((response.text().as_str(), response.finish.reason), ("ab", FinishReason::Refusal));
    assert_eq!(response.tool_calls().next().unwrap().arguments.raw(), r#"{"a":1}"#);
    assert_eq!(response.warnings[0].message, "not that");
}

#[test]
fn parts_of_other_wires_come_one_after_another() {
    let (one, two, three) = (PartKey(1), PartKey(2), PartKey(3));
    let start = |part, choice, kind| Event::PartStart { part, choice, kind };
    let delta = |part, delta| Event::PartDelta { part, delta };
    let events = [
        Event::Started { model: None, response_id: None },
        start(one, 0, PartKind::Reasoning { redacted: false }),
        start(two, 0, PartKind::ToolCall { id: "c".into(), name: "add".into() }),
        start(three, 1, PartKind::Text),
        delta(two, Delta::Arguments("{}".into())),
        delta(one, Delta::Text("hm".into())),
        delta(one, Delta::Signature(Signature { wire: "gemini".into(), value: "c2ln".into() })),
        delta(three, Delta::Text("another choice".into())),
        Event::PartEnd { part: two },
        Event::PartEnd { part: one },
        start(three, 0, PartKind::Native { wire: "gemini".into(), kind: "executableCode".into() }),
        delta(three, Delta::Native(json!({}))),
        Event::PartEnd { part: three },
        start(PartKey(4), 0, PartKind::Media { mime: "image/png".into() }),
        // Some vendors say `stop` after tool calls too.
        Event::Finished(FinishReason::Stop.into()),
    ];
    let mut encode = Anthropic.encode(&Reply { id: "r".into(), model: "asked".into(), ..Reply::default() });
    let mut written = Vec::new();
    events.iter().for_each(|event| encode.event(event, &mut written));
    let written = String::from_utf8(written).unwrap();
    let told: Vec<Value> = written
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let steps: Vec<String> =
        told.iter().map(|told| format!("{}{}", told["type"].as_str().unwrap(), told["index"])).collect();
    let block = |index: u64| ["start", "delta", "stop"].map(|step| format!("content_block_{step}{index}"));
    let expected: Vec<String> = std::iter::once("message_startnull".to_owned())
        .chain((0..3).flat_map(block))
        .chain(["message_deltanull", "message_stopnull"].map(str::to_owned))
        .collect();
    assert_eq!(steps, expected, "{written}");
    assert_eq!(told[0]["message"]["model"], "asked");
    assert_eq!(told[10]["delta"]["stop_reason"], "tool_use");
}
