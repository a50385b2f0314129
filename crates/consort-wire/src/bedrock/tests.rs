//! What the wire keeps, loses and says.
use super::Bedrock;
use crate::framing::write_message;
use crate::{Quirks, Reply, ResponseHead, Wire, WireRequest, read_error};
use consort_core::{
    Accumulator, Body, Effort, Error, ErrorKind, Event, Finish, FinishReason, Media, Message, Output, Part,
    Request, Response, Role, ToolChoice, ToolSpec,
};
use serde_json::{Value, json};

fn quirks() -> Quirks {
    Quirks::default()
}

fn decode(kind: &str, body: &[u8]) -> (Vec<Event>, Result<(), Error>) {
    let head = ResponseHead::new(200, [("content-type".into(), kind.into())]);
    let mut decoder = Bedrock.decoder(head, &quirks());
    let mut events = Vec::new();
    let fed = body.chunks(5).try_for_each(|bytes| decoder.feed(bytes, &mut events));
    let result = fed.and_then(|()| decoder.end(&mut events));
    (events, result)
}

const STREAM: &str = "application/vnd.amazon.eventstream";

/// These events in the vendor's framing.
fn stream(told: &[(&str, Value)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in told {
        let headers = if name.ends_with("Exception") {
            [(":exception-type", *name), (":message-type", "exception")]
        } else {
            [(":event-type", *name), (":message-type", "event")]
        };
        write_message(&headers, value.to_string().as_bytes(), &mut out);
    }
    out
}

fn fold(events: &[Event]) -> Response {
    let mut fold = Accumulator::default();
    events.iter().for_each(|event| fold.push(event.clone()));
    fold.finish().unwrap()
}

/// Reads a body, writes it again, and gives what was read.
fn check(path: &str, body: &Value) -> Request {
    let read = Bedrock.decode_request(&WireRequest::post(path, body)).unwrap();
    let written = Bedrock.write_request(&read, &quirks()).unwrap();
    assert_eq!(&written.json().unwrap(), body);
    assert_eq!(written.path, path);
    assert_eq!(Bedrock.normalise(&read, &quirks()).request, read);
    read
}

#[test]
fn bodies_keep_their_meaning() {
    let point = json!({"cachePoint": {"type": "default"}});
    let request = check(
        "model/us.anthropic.claude-sonnet-4-6-v1%3A0/converse-stream",
        &json!({
            "system": [{"text": "Be brief."}, point, {"guardContent": {"text": {"text": "judge", "qualifiers": ["query"]}}}],
            "messages": [
                {"role": "user", "content": [
                    {"text": "hi"}, {"cachePoint": {"type": "default", "ttl": "1h"}},
                    {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}},
                    {"document": {"format": "txt", "name": "facts", "source": {"text": "x"}, "citations": {"enabled": true}}},
                    {"document": {"format": "pdf", "name": "doc", "source": {"bytes": "iVBORw=="}}},
                    {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/v.mp4", "bucketOwner": "1"}}}},
                    {"guardContent": {"image": {"format": "png", "source": {"bytes": ""}}}}]},
                {"role": "assistant", "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                    {"reasoningContent": {"redactedContent": "ZGF0YQ=="}},
                    {"citationsContent": {"content": [{"text": "So"}], "citations": [{"title": "t", "location": {}}]}},
                    {"toolUse": {"toolUseId": "s", "name": "code", "input": {}, "type": "server_tool_use"}},
                    {"toolResult": {"toolUseId": "s", "content": [{"json": {"out": 1}}], "type": "code_result"}},
                    {"toolUse": {"toolUseId": "t", "name": "add", "input": {"a": 1.5}}}]},
                {"role": "user", "content": [
                    {"toolResult": {"toolUseId": "t", "status": "error", "content": [
                        {"text": "x"}, {"json": {"n": 1}}, {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}},
                        {"searchResult": {"source": "s", "title": "t", "content": []}}]}},
                    point, {"text": "and?"}]}],
            "inferenceConfig": {"maxTokens": 5, "topP": 0.5, "stopSequences": ["x"]},
            "toolConfig": {"tools": [
                {"toolSpec": {"name": "add", "description": "adds", "inputSchema": {"json": {"type": "object"}}, "strict": true}},
                point, {"systemTool": {"name": "nova_grounding"}}],
                "toolChoice": {"tool": {"name": "add"}}},
            "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema":
                {"schema": "{\"type\":\"object\"}", "name": "n", "description": "d"}}}},
            "additionalModelRequestFields": {"top_k": 5, "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            "guardrailConfig": {"guardrailIdentifier": "g"}
        }),
    );
    assert_eq!(request.model, "us.anthropic.claude-sonnet-4-6-v1:0");
    assert!(request.stream);
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::User]);
    assert_eq!(request.messages[0].parts[0].cache.as_ref().unwrap().ttl.as_deref(), Some("1h"));
    assert!(matches!(&request.messages[1].parts[3].body, Body::Native { kind, .. } if kind == "toolUse"));
    let Body::ToolResult(result) = &request.messages[2].parts[0].body else { panic!("a result") };
    assert_eq!((result.name.as_str(), result.is_error, result.text().as_str()), ("add", true, "x{\"n\":1}"));
    assert_eq!((request.reasoning.effort, request.sampling.top_k), (Some(Effort::High), Some(5)));
    assert!(matches!(&request.output, Output::Schema { name, .. } if name == "n"));
    assert!(matches!(request.tools[1], ToolSpec::Native { .. }));
}

#[test]
fn each_family_of_models_has_words_of_its_own() {
    let extra = |model: &str| {
        let mut request = Request { model: model.into(), ..Request::ask("x") };
        request.reasoning.effort = Some(Effort::High);
        request.sampling.top_k = Some(3);
        request.options.insert("an_option".into(), json!(1));
        let (written, normalised) = Bedrock.encode_request(&request, &quirks()).unwrap();
        assert_eq!(Bedrock.decode_request(&written).unwrap(), normalised.request);
        written.json().unwrap()["additionalModelRequestFields"].clone()
    };
    let budget = json!({"type": "enabled", "budget_tokens": 16384});
    assert_eq!(extra("anthropic.claude-3-7-sonnet"), json!({"thinking": budget, "an_option": 1}));
    let nova = json!({"type": "enabled", "maxReasoningEffort": "high"});
    assert_eq!(
        extra("us.amazon.nova-2-lite-v1:0"),
        json!({"inferenceConfig": {"topK": 3}, "reasoningConfig": nova, "an_option": 1})
    );
    assert_eq!(extra("meta.llama3"), json!({"an_option": 1}));
}

#[test]
fn requests_of_other_wires_are_carried() {
    let user = vec![
        Part::media(Media::bytes("text/x-log", "a").named("a.b/c")),
        Part::media(Media::url("image/png", "https://a.example/b.png")),
        Part::media(Media::bytes("image/jpg", vec![1])).cached(),
    ];
    let mut request = Request::new(vec![
        Message::new(Role::System, vec![Part::text("be kind")]),
        Message::new(Role::User, user),
        Message::new(Role::Assistant, vec![Part::reasoning("hm"), Part::text("ok")]),
    ]);
    request.tools = vec![ToolSpec::Function(consort_core::FunctionSpec::new("f", "", json!(null)))];
    request.tool_choice = ToolChoice::None;
    let (written, normalised) = Bedrock.encode_request(&request, &quirks()).unwrap();
    assert_eq!(Bedrock.decode_request(&written).unwrap(), normalised.request);
    assert_eq!(Bedrock.normalise(&normalised.request, &quirks()).request, normalised.request);
    assert_eq!(
        written.json().unwrap(),
        json!({"messages": [
            {"role": "user", "content": [
                {"text": "be kind"},
                {"document": {"format": "txt", "name": "a b c", "source": {"bytes": "YQ=="}}},
                {"text": "[image/png not shown]"},
                {"image": {"format": "jpeg", "source": {"bytes": "AQ=="}}},
                {"cachePoint": {"type": "default"}}]},
            {"role": "assistant", "content": [{"text": "ok"}]}]})
    );
    let codes: Vec<&str> = normalised.warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert!(codes.contains(&"unsupported") && codes.contains(&"changed"), "{codes:?}");
}

fn whole_stream() -> Vec<(&'static str, Value)> {
    let start =
        |index: u64, start: Value| ("contentBlockStart", json!({"contentBlockIndex": index, "start": start}));
    let delta = |index: u64, delta: Value| {
        ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta, "p": "abc"}))
    };
    let stop = |index: u64| ("contentBlockStop", json!({"contentBlockIndex": index}));
    vec![
        ("messageStart", json!({"role": "assistant"})),
        delta(0, json!({"reasoningContent": {"text": "hm"}})),
        delta(0, json!({"reasoningContent": {"signature": "c2ln"}})),
        stop(0),
        delta(1, json!({"reasoningContent": {"redactedContent": "ZGF0YQ=="}})),
        stop(1),
        delta(2, json!({"text": "So: "})),
        delta(
            2,
            json!({"citation": {"title": "t", "source": "https://a.example", "sourceContent": [{"text": "q"}]}}),
        ),
        stop(2),
        start(3, json!({"toolUse": {"toolUseId": "s", "name": "code", "type": "server_tool_use"}})),
        delta(3, json!({"toolUse": {"input": "{\"x\":1}"}})),
        stop(3),
        start(4, json!({"toolResult": {"toolUseId": "s", "status": "success", "type": "code_result"}})),
        delta(4, json!({"toolResult": [{"json": {"out": 1}}]})),
        stop(4),
        start(5, json!({"toolUse": {"toolUseId": "t", "name": "now", "type": "tool_use"}})),
        delta(5, json!({"toolUse": {"input": ""}})),
        stop(5),
        ("anInvention", json!({})),
        ("messageStop", json!({"stopReason": "tool_use"})),
        (
            "metadata",
            json!({"metrics": {"latencyMs": 5}, "usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 16,
                "cacheReadInputTokens": 4}}),
        ),
    ]
}

#[test]
fn streams_and_bodies_are_read_and_written() {
    let (events, result) = decode(STREAM, &stream(&whole_stream()));
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
    assert_eq!(kinds, ["thinking", "redacted", "cited", "toolUse", "toolResult", "call"]);
    assert_eq!(response.parts[1].signature_for("bedrock"), Some("ZGF0YQ=="));
    let usage = response.usage.clone().unwrap();
    assert_eq!((usage.all_input(), usage.output, usage.total), (Some(13), Some(3), Some(16)));
    assert_eq!(response.finish, Finish::new(FinishReason::ToolCalls, "tool_use"));

    // What is written of it means the same, as a stream and as a body, and can be sent back.
    let mut encode = Bedrock.encode(&Reply::default());
    assert_eq!(encode.content_type(), STREAM);
    let mut written = Vec::new();
    events.iter().for_each(|event| encode.event(event, &mut written));
    assert_eq!(fold(&decode(STREAM, &written).0), response);
    let body = Bedrock.encode_response(&response, &Reply::default()).to_string();
    assert_eq!(fold(&decode("application/json", body.as_bytes()).0), response);
    let request = Request::new(vec![Message::user("x"), response.into_message()]);
    let normalised = Bedrock.normalise(&request, &quirks()).request;
    assert_eq!(normalised.messages, request.messages);
}

#[test]
fn bad_ends_are_told() {
    let whole = whole_stream();
    for cut in 1..whole.len() - 1 {
        let (events, result) = decode(STREAM, &stream(&whole[..cut]));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Interrupted, "{cut}");
        assert!(!events.iter().any(|event| matches!(event, Event::Finished(_))));
    }
    // The message was ended, and only its usage is missing.
    let (events, result) = decode(STREAM, &stream(&whole[..whole.len() - 1]));
    assert_eq!(result, Ok(()));
    assert_eq!(fold(&events).usage, None);

    let mut failed = whole[..8].to_vec();
    failed.push(("throttlingException", json!({"message": "slow down"})));
    let (events, result) = decode(STREAM, &stream(&failed));
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimit, "slow down"));
    assert_eq!(error.vendor_type(), Some("throttlingException"));
    assert!(events.len() > 5);
    for body in ["{}", "7", r#"{"output": {"message": {"content": 1}}}"#] {
        assert!(decode("application/json", body.as_bytes()).1.is_err(), "{body}");
    }
}

#[test]
fn errors_of_ours_are_read_as_they_were_meant() {
    for kind in [
        ErrorKind::RateLimit,
        ErrorKind::Overloaded,
        ErrorKind::InvalidRequest,
        ErrorKind::ModelNotFound,
        ErrorKind::Permission,
        ErrorKind::Auth,
    ] {
        let error = Error::new(kind, "said so");
        let (status, body) = Bedrock.encode_error(&error);
        let read = read_error(&ResponseHead::new(status, []), body.to_string().as_bytes());
        assert_eq!((read.kind(), read.message()), (kind, "said so"));
    }
    let mut written = Vec::new();
    Bedrock.encode(&Reply::default()).error(&Error::new(ErrorKind::RateLimit, "said so"), &mut written);
    assert_eq!(decode(STREAM, &written).1.unwrap_err().kind(), ErrorKind::RateLimit);
}
