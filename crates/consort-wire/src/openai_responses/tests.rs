//! What recordings seldom show, by hand: each kind of item and event, streams that leave things out, and
//! requests of every form.
use super::*;
use crate::ResponseHead;
use consort_core::{
    Accumulator, Body, ErrorKind, Event, Finish, FinishReason, FunctionSpec, Message, Part, PartKey,
    PartKind, Role, ToolChoice, ToolSpec,
};
use serde_json::json;

fn decode(body: &[u8], content_type: &str) -> (Response, Result<(), Error>) {
    let head = ResponseHead::new(200, [("content-type".to_owned(), content_type.to_owned())]);
    let mut decoder = OpenAiResponses.decoder(head, &Quirks::default());
    let mut events = Vec::new();
    let result = decoder.feed(body, &mut events).and_then(|()| decoder.end(&mut events));
    let mut fold = Accumulator::default();
    events.into_iter().for_each(|event| fold.push(event));
    (fold.partial(), result)
}

fn stream(events: &[Value]) -> (Response, Result<(), Error>) {
    let frames: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let text = frames.concat();
    decode(text.as_bytes(), "text/event-stream")
}

fn whole(output: Value) -> (Response, Result<(), Error>) {
    let body = json!({"id": "resp_1", "model": "m", "status": "completed", "output": output});
    decode(body.to_string().as_bytes(), "application/json")
}

/// A short form of what a part says.
fn told(part: &Part) -> String {
    let signed = part.signature_for(ID).map(|value| format!(" signed {value}")).unwrap_or_default();
    let body = match &part.body {
        Body::Text { text, citations } => format!("text {text} {}", citations.len()),
        Body::Refusal { text } => format!("refusal {text}"),
        Body::Reasoning { text, .. } if layout::is_content(part) => format!("thought {text}"),
        Body::Reasoning { text, .. } => format!("summary {text}"),
        Body::ToolCall(call) => format!("call {} {} {}", call.id, call.name, call.arguments.raw()),
        Body::Native { kind, .. } => format!("native {kind}"),
        Body::Media(media) => format!("media {}", media.mime),
        Body::ToolResult(result) => format!("result {}", result.call_id),
    };
    format!("{body}{signed}")
}

fn parts_of(response: &Response) -> Vec<String> {
    response.parts.iter().map(told).collect()
}

/// The items of a body decode to these parts, also as a stream, and go back as they came.
fn check_items(output: &Value, parts: &[&str]) {
    let (response, result) = whole(output.clone());
    assert_eq!(result, Ok(()));
    assert_eq!(parts_of(&response), parts, "{output}");

    let mut events = vec![json!({"type": "response.created", "response": {"id": "resp_1", "model": "m"}})];
    for (at, item) in output.as_array().into_iter().flatten().enumerate() {
        events.push(json!({"type": "response.output_item.added", "output_index": at, "item": item}));
        events.push(json!({"type": "response.output_item.done", "output_index": at, "item": item}));
    }
    events.push(json!({"type": "response.completed", "response": {"status": "completed", "output": []}}));
    let (streamed, result) = stream(&events);
    assert_eq!(result, Ok(()));
    assert_eq!(parts_of(&streamed), parts, "{output}");

    let mut request = Request::ask("?");
    request.messages.push(response.into_message());
    let sent = body_of(&request);
    assert_eq!(sent["input"].as_array().map(|items| &items[1..]), output.as_array().map(Vec::as_slice));
}

fn body_of(request: &Request) -> Value {
    let (written, normalised) =
        OpenAiResponses.encode_request(request, &Quirks::default()).expect("a request");
    assert_eq!(OpenAiResponses.decode_request(&written).expect("readable"), normalised.request);
    written.json().expect("JSON")
}

#[test]
fn items_become_parts_and_go_back() {
    check_items(
        &json!([
            {"id": "rs_1", "type": "reasoning", "summary": [
                {"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"},
            ], "encrypted_content": "abc"},
            {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "phase": "x", "content": [
                {"type": "output_text", "text": "hi", "annotations": [
                    {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2},
                    {"type": "file_citation", "file_id": "f", "filename": "a.txt", "index": 1},
                ]},
                {"type": "refusal", "refusal": "no"},
            ]},
            {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"},
        ]),
        &["summary one", "summary two signed abc", "text hi 2", "refusal no", "call c1 f {\"a\":1}"],
    );
    check_items(
        &json!([
            {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "abc"},
            {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}},
            {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "def"},
            {"id": "x_1", "type": "something_new", "deep": {"a": [1]}},
            {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": []},
        ]),
        &[
            "summary  signed abc",
            "native web_search_call",
            "summary  signed def",
            "native something_new",
            "native message",
        ],
    );
    check_items(
        &json!([
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}], "id": "rs_1"},
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "patch", "input": "a \"b\"\n"},
        ]),
        &["thought hm", "call c1 patch {\"input\":\"a \\\"b\\\"\\n\"}"],
    );
}

#[test]
fn a_stream_of_pieces_counts_once() {
    let item =
        json!({"id": "ctc_1", "type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "a\"b"});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "héllo", "annotations": [{"type": "url_citation", "url": "u"}]}]});
    let (response, result) = stream(&[
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "m"}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": "rs_1", "type": "reasoning", "summary": []}}),
        json!({"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "hm"}),
        json!({"type": "response.reasoning_text.done", "output_index": 0, "content_index": 0, "text": "hm"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"id": "rs_1", "type": "reasoning",
            "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}], "encrypted_content": "abc"}}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"id": "msg_1", "type": "message", "content": []}}),
        // The index of the content is wrong, as some vendors send it.
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 1, "delta": "hé", "logprobs": []}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 1, "delta": "llo", "logprobs": null}),
        json!({"type": "response.output_text.annotation.added", "output_index": 1, "content_index": 1, "annotation": {"type": "url_citation", "url": "u"}}),
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 1, "text": "héllo"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": message}),
        json!({"type": "response.output_item.added", "output_index": 2, "item": {"id": "ctc_1", "type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": ""}}),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 2, "delta": "a"}),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 2, "delta": "\"b"}),
        json!({"type": "response.output_item.done", "output_index": 2, "item": item}),
        json!({"type": "response.completed", "response": {"status": "completed", "output": [{"type": "reasoning"}, message, item]}}),
    ]);
    assert_eq!(result, Ok(()));
    assert_eq!(
        parts_of(&response),
        ["thought hm signed abc", "text héllo 1", "call c1 patch {\"input\":\"a\\\"b\"}"]
    );
    assert_eq!(response.finish.reason, FinishReason::ToolCalls);
}

#[test]
fn what_a_stream_leaves_out_is_taken_from_elsewhere() {
    // No pieces, no whole items: only the end.
    let message = json!({"id": "m", "type": "message", "content": [{"type": "output_text", "text": "hi"}]});
    let (response, _) = stream(&[
        json!({"type": "response.completed", "response": {"status": "completed", "output": [message]}}),
    ]);
    assert_eq!(parts_of(&response), ["text hi 0"]);
    // Pieces only, without indices.
    let (response, _) = stream(&[
        json!({"type": "response.output_text.delta", "delta": "h"}),
        json!({"type": "response.output_text.delta", "delta": "i", "output_index": "x"}),
        json!({"type": "response.completed", "response": {}}),
    ]);
    assert_eq!(parts_of(&response), ["text hi 0"]);
    // Wholes of parts only.
    let call = json!({"type": "function_call", "call_id": "c", "name": "f"});
    let (response, _) = stream(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": call}),
        json!({"type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{}"}),
        json!({"type": "response.refusal.done", "output_index": 1, "refusal": "no"}),
        json!({"type": "response.incomplete", "response": {"incomplete_details": {"reason": "content_filter"}}}),
    ]);
    assert_eq!(parts_of(&response), ["call c f {}", "refusal no"]);
    assert_eq!(response.finish, Finish::new(FinishReason::ContentFilter, "incomplete:content_filter"));
}

#[test]
fn errors_are_errors() {
    let failures = [
        json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": null}),
        json!({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow down"}}),
        json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow down"}}}),
    ];
    for failure in failures {
        let (response, result) =
            stream(&[json!({"type": "response.output_text.delta", "delta": "hi"}), failure]);
        let error = result.expect_err("an error");
        assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimit, "slow down"));
        assert_eq!(response.text(), "hi");
    }
    let cut = stream(&[json!({"type": "response.output_text.delta", "delta": "hi"})]);
    assert_eq!(cut.1.expect_err("cut").kind(), ErrorKind::Interrupted);
}

#[test]
fn an_answer_in_the_background_says_so() {
    let body = json!({"id": "resp_1", "status": "queued", "output": [], "usage": null}).to_string();
    let (response, result) = decode(body.as_bytes(), "application/json");
    assert_eq!(result, Ok(()));
    assert_eq!(response.finish, Finish::new(FinishReason::Other, "queued"));
    assert_eq!(response.warnings.len(), 1);
}

/// A body reads as a request that writes the same body.
fn check_body(body: &Value) -> Request {
    let request = OpenAiResponses.decode_request(&WireRequest::post("responses", body)).expect("readable");
    assert_eq!(body_of(&request), *body);
    request
}

#[test]
fn bodies_are_read_and_written_again() {
    let request = check_body(&json!({
        "model": "m", "stream": true,
        "tool_choice": {"type": "custom", "name": "patch"}, "parallel_tool_calls": false,
        "max_output_tokens": 9, "temperature": 0.5, "top_p": 0.25,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "detailed"},
        "instructions": "be brief",
        "input": [
            {"type": "message", "role": "developer", "content": "rules"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "input_image", "image_url": "data:image/png;base64,AQID", "detail": "low"},
                {"type": "input_image", "image_url": "https://a.example/a.png"},
                {"type": "input_image", "file_id": "file-1"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,AQID", "filename": "a.pdf"},
                {"type": "input_file", "file_url": "https://a.example/a.pdf"},
                {"type": "input_file", "file_id": "file-2"},
                {"type": "input_audio", "input_audio": {"data": "AQID", "format": "mp3"}},
                {"type": "input_hologram", "x": 1},
            ]},
            {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "text"},
            {"type": "function_call", "call_id": "c2", "name": "f", "namespace": "n", "arguments": "{}"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
            {"type": "function_call_output", "call_id": "c2", "output": [
                {"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "data:image/png;base64,AQID"},
            ]},
            {"type": "computer_call_output", "call_id": "c3", "output": {"type": "computer_screenshot"}},
            {"type": "message", "role": "assistant", "content": "so"},
            {"type": "item_reference", "id": "i"},
        ],
        "tools": [
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": false, "defer_loading": true},
            {"type": "custom", "name": "patch", "format": {"type": "text"}},
            {"type": "web_search", "search_context_size": "low"},
        ],
        "store": false, "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"},
    }));
    assert_eq!(request.tool_choice, ToolChoice::Named("patch".into()));
    assert_eq!(request.instructions.len(), 2);
    assert_eq!(request.reasoning.show, Some(true));
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::User, Role::Assistant]);
    check_body(&json!({
        "model": "m", "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}, "input": "",
    }));
    check_body(&json!({"prompt": {"id": "pmpt_1"}, "previous_response_id": "resp_1"}));
}

#[test]
fn free_text_tools_run_in_the_hosts_loop() {
    let mut request = Request::ask("?");
    let mut tool = FunctionSpec::new("patch", "", json!({}));
    tool.vendor.set(ID, "type", "custom");
    request.tools.push(ToolSpec::Function(tool));
    let (answer, _) =
        whole(json!([{"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "x"}]));
    request.messages.push(answer.into_message());
    // The host knows nothing of custom tools.
    request.messages.push(Message::new(Role::Tool, vec![Part::tool_result("c1", "patch", "done")]));
    let body = body_of(&request);
    assert_eq!(body["tools"], json!([{"type": "custom", "name": "patch"}]));
    assert_eq!(body["input"][2]["type"], "custom_tool_call_output");
}

#[test]
fn thinking_that_cannot_be_found_again_is_not_sent() {
    let mut request = Request::ask("?");
    let (answer, _) = whole(json!([
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "hi"}]},
    ]));
    request.messages.push(answer.into_message());
    assert_eq!(body_of(&request)["input"][1]["id"], "rs_1");
    // What the vendor does not store it cannot find, and not what belongs to it either.
    request.native.set(ID, "store", false);
    let said = json!({"type": "message", "role": "assistant", "content": "hi"});
    assert_eq!(body_of(&request)["input"][1], said);
    // Another vendor's thinking means nothing here.
    request.messages[1].parts.insert(0, Part::reasoning("hm").signed("another-wire", "abc"));
    let normalised = OpenAiResponses.normalise(&request, &Quirks::default());
    assert_eq!(normalised.warnings.len(), 1);
}

#[test]
fn options_go_where_this_format_has_them() {
    let mut request = Request::ask("?");
    request.options.insert("verbosity".into(), "low".into());
    request.options.insert("reasoning_summary".into(), "concise".into());
    request.options.insert("top_logprobs".into(), 2.into());
    let body = body_of(&request);
    assert_eq!(body["text"], json!({"verbosity": "low"}));
    assert_eq!(body["reasoning"], json!({"summary": "concise"}));
    assert_eq!(body["top_logprobs"], 2);
}

#[test]
fn a_count_asks_only_for_what_is_counted() {
    let mut request = Request::ask("?");
    request.sampling.temperature = Some(1.0);
    let written = OpenAiResponses.count_request(&request, &Quirks::default()).expect("an endpoint");
    let written = written.expect("a request");
    assert_eq!(written.path, "responses/input_tokens");
    let body = written.json().expect("JSON");
    assert!(body.get("temperature").is_none() && body.get("stream").is_none());
    assert_eq!(OpenAiResponses.decode_count(&json!({"input_tokens": 7})), Some(7));
}

#[test]
fn a_written_stream_numbers_and_closes_everything() {
    let mut encoder = OpenAiResponses.encode(&Reply { id: "resp_x".into(), ..Reply::default() });
    let mut out = Vec::new();
    let mut events = Event::text_answer("hi");
    let start = Event::PartStart { part: PartKey(9), choice: 1, kind: PartKind::Text };
    let foreign = PartKind::Native { wire: "another-wire".into(), kind: "x".into() };
    events.insert(1, start);
    events.insert(2, Event::PartStart { part: PartKey(8), choice: 0, kind: foreign });
    events.iter().for_each(|event| encoder.event(event, &mut out));
    let text = String::from_utf8(out).expect("text");
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert!(events.iter().enumerate().all(|(at, event)| event["sequence_number"] == at));
    assert_eq!(events[8]["response"]["output"][0]["id"], "msg_x_0");
    // Nobody counted: clients get zeros, and a reader of ours knows.
    assert_eq!(events[8]["response"]["usage"]["input_tokens"], 0);
    assert!(decode(text.as_bytes(), "text/event-stream").0.usage.is_none());
}
