//! Each wire, and each cloud that serves another's models, over a real socket, placed by its environment variable and by a provider file: what is asked of
//! the vendor, and what comes of an answer in odd pieces.
use super::support::{Place, Run, Vendor};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_testkit::{Asked, Reply};
use serde_json::{Value, json};

const KEY: &str = "key-5ecret-of-the-user";

/// Sizes of the pieces in which an answer arrives: no boundary of a frame or a letter is spared.
pub(crate) const ODD: [&[usize]; 3] = [&[1], &[7, 1, 3], &[61, 2, 1009]];

/// A vendor as the user meets it.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) model: &'static str,
    /// The variable that moves it, and what follows the address there.
    pub(crate) place: (&'static str, &'static str),
    pub(crate) keys: &'static [(&'static str, &'static str)],
    /// The header that shows the key, and how it begins.
    pub(crate) shown: (&'static str, &'static str),
    /// Where it is asked: for a stream, and for a single body.
    pub(crate) paths: [&'static str; 2],
    pub(crate) stream_type: &'static str,
    pub(crate) stream: Vec<u8>,
    pub(crate) body: Value,
    /// The id of the call in its answer; a wire without ids makes one.
    pub(crate) call_id: Option<&'static str>,
    pub(crate) tokens: [u64; 2],
}

fn sse(events: &[(&str, Value)]) -> Vec<u8> {
    let line = |name: &str| if name.is_empty() { String::new() } else { format!("event: {name}\n") };
    events.iter().flat_map(|(name, data)| format!("{}data: {data}\n\n", line(name)).into_bytes()).collect()
}

fn openai_chat() -> Case {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        (
            "",
            json!({"id": "c1", "object": "chat.completion.chunk", "model": "vendor-name", "choices": [choice]}),
        )
    };
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":\"Ü\"}"}});
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 5});
    let mut stream = sse(&[
        chunk(json!({"role": "assistant", "content": "Grü"}), Value::Null),
        chunk(json!({"content": "ße 🎻"}), Value::Null),
        chunk(
            json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\""}}]}),
            Value::Null,
        ),
        chunk(json!({"tool_calls": [{"index": 0, "function": {"arguments": ":\"Ü\"}"}}]}), Value::Null),
        chunk(json!({}), "tool_calls".into()),
        ("", json!({"id": "c1", "model": "vendor-name", "choices": [], "usage": usage})),
    ]);
    stream.extend(b"data: [DONE]\n\n");
    let message = json!({"role": "assistant", "content": "Grüße 🎻", "tool_calls": [call]});
    Case {
        model: "openai/gpt-4o",
        place: ("OPENAI_BASE_URL", "/v1"),
        keys: &[("OPENAI_API_KEY", KEY)],
        shown: ("authorization", "Bearer key-5ecret"),
        paths: ["/v1/chat/completions"; 2],
        stream_type: "text/event-stream",
        stream,
        body: json!({"id": "c1", "model": "vendor-name", "usage": usage,
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}),
        call_id: Some("call_1"),
        tokens: [9, 5],
    }
}

fn openai_responses() -> Case {
    let text = json!({"id": "m1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Grüße 🎻", "annotations": []}]});
    let call = json!({"id": "f1", "type": "function_call", "call_id": "call_1", "name": "look",
        "arguments": "{\"at\":\"Ü\"}", "status": "completed"});
    let body = json!({"id": "r1", "object": "response", "status": "completed", "model": "vendor-name",
        "output": [text, call], "usage": {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14}});
    let mut begun = body.clone();
    begun["status"] = "in_progress".into();
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let event = |name: &'static str, mut data: Value| {
        data["type"] = name.into();
        (name, data)
    };
    let stream = sse(&[
        event("response.created", json!({"response": begun})),
        event(
            "response.output_item.added",
            json!({"output_index": 0, "item":
            {"id": "m1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}}),
        ),
        event(
            "response.content_part.added",
            json!({"item_id": "m1", "output_index": 0, "content_index": 0,
            "part": {"type": "output_text", "text": "", "annotations": []}}),
        ),
        event(
            "response.output_text.delta",
            json!({"item_id": "m1", "output_index": 0, "content_index": 0, "delta": "Grü"}),
        ),
        event(
            "response.output_text.delta",
            json!({"item_id": "m1", "output_index": 0, "content_index": 0, "delta": "ße 🎻"}),
        ),
        event(
            "response.output_text.done",
            json!({"item_id": "m1", "output_index": 0, "content_index": 0, "text": "Grüße 🎻"}),
        ),
        event("response.output_item.done", json!({"output_index": 0, "item": text})),
        event(
            "response.output_item.added",
            json!({"output_index": 1, "item":
            {"id": "f1", "type": "function_call", "call_id": "call_1", "name": "look", "arguments": ""}}),
        ),
        event(
            "response.function_call_arguments.delta",
            json!({"item_id": "f1", "output_index": 1, "delta": "{\"at\":\"Ü\"}"}),
        ),
        event(
            "response.function_call_arguments.done",
            json!({"item_id": "f1", "output_index": 1, "arguments": "{\"at\":\"Ü\"}"}),
        ),
        event("response.output_item.done", json!({"output_index": 1, "item": call})),
        event("response.completed", json!({"response": body})),
    ]);
    Case { model: "openai/gpt-5", paths: ["/v1/responses"; 2], stream, body, ..openai_chat() }
}

fn anthropic() -> Case {
    let usage = json!({"input_tokens": 9, "output_tokens": 5});
    let stream = sse(&[
        (
            "message_start",
            json!({"type": "message_start", "message": {"id": "msg_1", "type": "message",
            "role": "assistant", "model": "vendor-name", "content": [], "stop_reason": null,
            "usage": {"input_tokens": 9, "output_tokens": 1}}}),
        ),
        (
            "content_block_start",
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        ("ping", json!({"type": "ping"})),
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grü"}}),
        ),
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ße 🎻"}}),
        ),
        ("content_block_stop", json!({"type": "content_block_stop", "index": 0})),
        (
            "content_block_start",
            json!({"type": "content_block_start", "index": 1,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}}),
        ),
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": "{\"at\":\"Ü\"}"}}),
        ),
        ("content_block_stop", json!({"type": "content_block_stop", "index": 1})),
        (
            "message_delta",
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": usage}),
        ),
        ("message_stop", json!({"type": "message_stop"})),
    ]);
    Case {
        model: "anthropic/claude-opus-4-5",
        place: ("ANTHROPIC_BASE_URL", ""),
        keys: &[("ANTHROPIC_API_KEY", KEY)],
        shown: ("x-api-key", "key-5ecret"),
        paths: ["/v1/messages"; 2],
        stream_type: "text/event-stream; charset=utf-8",
        stream,
        body: json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "vendor-name",
            "content": [{"type": "text", "text": "Grüße 🎻"},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "Ü"}}],
            "stop_reason": "tool_use", "usage": usage}),
        call_id: Some("toolu_1"),
        tokens: [9, 5],
    }
}

fn gemini() -> Case {
    let piece = |parts: Value, finish: Value| {
        let mut answer = json!({"responseId": "g1", "modelVersion": "vendor-name",
            "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}}],
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}});
        if !finish.is_null() {
            answer["candidates"][0]["finishReason"] = finish;
        }
        answer
    };
    let call = json!({"functionCall": {"name": "look", "args": {"at": "Ü"}}});
    Case {
        model: "gemini/gemini-2.5-flash",
        place: ("GEMINI_BASE_URL", ""),
        keys: &[("GEMINI_API_KEY", KEY)],
        shown: ("x-goog-api-key", "key-5ecret"),
        paths: [
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            "/v1beta/models/gemini-2.5-flash:generateContent",
        ],
        stream_type: "text/event-stream",
        stream: sse(&[
            ("", piece(json!([{"text": "Grü"}]), Value::Null)),
            ("", piece(json!([{"text": "ße 🎻"}]), Value::Null)),
            ("", piece(json!([call]), "STOP".into())),
        ]),
        body: piece(json!([{"text": "Grüße 🎻"}, call]), "STOP".into()),
        call_id: None,
        tokens: [9, 5],
    }
}

/// One message of the AWS event stream.
fn aws_message(name: &str, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let mut headers = Vec::new();
    for (header, value) in
        [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")]
    {
        headers.push(header.len() as u8);
        headers.extend(header.bytes());
        headers.push(7);
        headers.extend((value.len() as u16).to_be_bytes());
        headers.extend(value.bytes());
    }
    let length = 12 + headers.len() + payload.len() + 4;
    let mut message = (length as u32).to_be_bytes().to_vec();
    message.extend((headers.len() as u32).to_be_bytes());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message.extend(headers);
    message.extend(payload.bytes());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message
}

fn bedrock() -> Case {
    let usage = json!({"inputTokens": 9, "outputTokens": 5, "totalTokens": 14});
    let stream = [
        ("messageStart", json!({"role": "assistant"})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "Grü"}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "ße 🎻"}})),
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        (
            "contentBlockStart",
            json!({"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t1", "name": "look"}}}),
        ),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{\"at\":\"Ü\"}"}}}),
        ),
        ("contentBlockStop", json!({"contentBlockIndex": 1})),
        ("messageStop", json!({"stopReason": "tool_use"})),
        ("metadata", json!({"usage": usage, "metrics": {"latencyMs": 1}})),
    ];
    Case {
        model: "bedrock/amazon.nova-lite-v1:0",
        place: ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", ""),
        keys: &[
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", KEY),
            ("AWS_REGION", "eu-west-1"),
        ],
        shown: ("authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        paths: ["/model/amazon.nova-lite-v1%3A0/converse-stream", "/model/amazon.nova-lite-v1%3A0/converse"],
        stream_type: "application/vnd.amazon.eventstream",
        stream: stream.iter().flat_map(|(name, payload)| aws_message(name, payload)).collect(),
        body: json!({"output": {"message": {"role": "assistant", "content": [{"text": "Grüße 🎻"},
                {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": "Ü"}}}]}},
            "stopReason": "tool_use", "usage": usage}),
        call_id: Some("t1"),
        tokens: [9, 5],
    }
}

fn ollama() -> Case {
    let piece = |message: Value, done: bool| {
        let mut answer = json!({"model": "vendor-name", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": done});
        if done {
            answer["done_reason"] = "stop".into();
            answer["prompt_eval_count"] = 9.into();
            answer["eval_count"] = 5.into();
        }
        answer
    };
    let call = json!([{"function": {"name": "look", "arguments": {"at": "Ü"}}}]);
    let lines = [
        piece(json!({"role": "assistant", "content": "Grü"}), false),
        piece(json!({"role": "assistant", "content": "ße 🎻"}), false),
        piece(json!({"role": "assistant", "content": "", "tool_calls": call}), false),
        piece(json!({"role": "assistant", "content": ""}), true),
    ];
    Case {
        model: "ollama/llama3.2",
        place: ("OLLAMA_HOST", ""),
        keys: &[("OLLAMA_API_KEY", KEY)],
        shown: ("authorization", "Bearer key-5ecret"),
        paths: ["/api/chat"; 2],
        stream_type: "application/x-ndjson",
        stream: lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect(),
        body: piece(json!({"role": "assistant", "content": "Grüße 🎻", "tool_calls": call}), true),
        call_id: None,
        tokens: [9, 5],
    }
}

fn cohere() -> Case {
    let usage = json!({"billed_units": {"input_tokens": 3, "output_tokens": 4}, "tokens": {"input_tokens": 9, "output_tokens": 5}});
    let call = json!({"id": "look_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":\"Ü\"}"}});
    let text = |text: &str| json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}});
    let stream = sse(&[
        (
            "message-start",
            json!({"type": "message-start", "id": "co1", "delta": {"message": {"role": "assistant", "content": []}}}),
        ),
        (
            "content-start",
            json!({"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}}),
        ),
        ("content-delta", text("Grü")),
        ("content-delta", text("ße 🎻")),
        ("content-end", json!({"type": "content-end", "index": 0})),
        (
            "tool-call-start",
            json!({"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls":
            {"id": "look_1", "type": "function", "function": {"name": "look", "arguments": ""}}}}}),
        ),
        (
            "tool-call-delta",
            json!({"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls":
            {"function": {"arguments": "{\"at\":\"Ü\"}"}}}}}),
        ),
        ("tool-call-end", json!({"type": "tool-call-end", "index": 0})),
        (
            "message-end",
            json!({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage}}),
        ),
    ]);
    Case {
        model: "cohere/command-a-03-2025",
        place: ("COHERE_BASE_URL", ""),
        keys: &[("COHERE_API_KEY", KEY)],
        shown: ("authorization", "Bearer key-5ecret"),
        paths: ["/v2/chat"; 2],
        stream_type: "text/event-stream",
        stream,
        body: json!({"id": "co1", "finish_reason": "TOOL_CALL", "usage": usage, "message": {"role": "assistant",
            "content": [{"type": "text", "text": "Grüße 🎻"}], "tool_calls": [call]}}),
        call_id: Some("look_1"),
        tokens: [9, 5],
    }
}

fn cases() -> Vec<Case> {
    vec![openai_chat(), openai_responses(), anthropic(), gemini(), bedrock(), ollama(), cohere()]
}

/// Clouds that serve others' models.
pub(crate) fn clouds() -> Vec<Case> {
    let google = (&[("GOOGLE_ACCESS_TOKEN", KEY)], ("authorization", "Bearer key-5ecret"));
    let azure = (&[("AZURE_OPENAI_API_KEY", KEY)], ("api-key", "key-5ecret"));
    vec![
        Case {
            model: "vertex/gemini-2.5-pro",
            place: ("VERTEX_BASE_URL", ""),
            keys: google.0,
            shown: google.1,
            paths: [
                "/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
                "/models/gemini-2.5-pro:generateContent",
            ],
            ..gemini()
        },
        Case {
            model: "vertex-anthropic/claude-sonnet-4-5@20250929",
            place: ("ANTHROPIC_VERTEX_BASE_URL", ""),
            keys: google.0,
            shown: google.1,
            paths: [
                "/models/claude-sonnet-4-5@20250929:streamRawPredict",
                "/models/claude-sonnet-4-5@20250929:rawPredict",
            ],
            ..anthropic()
        },
        Case {
            model: "azure-openai/gpt-4o",
            place: ("AZURE_OPENAI_ENDPOINT", ""),
            keys: azure.0,
            shown: azure.1,
            paths: ["/openai/v1/chat/completions"; 2],
            ..openai_chat()
        },
        Case {
            model: "azure-openai/gpt-5",
            place: ("AZURE_OPENAI_ENDPOINT", ""),
            keys: azure.0,
            shown: azure.1,
            paths: ["/openai/v1/responses"; 2],
            ..openai_responses()
        },
    ]
}

/// What every wire must make of its answer.
#[track_caller]
pub(crate) fn check_answer(case: &Case, run: &Run) {
    assert_eq!(run.code, 0, "{}: {run}", case.model);
    let object = run.json();
    assert_eq!(object["text"], "Grüße 🎻", "{}: {run}", case.model);
    assert_eq!(object["model"], case.model);
    assert_eq!(object["finish"], "tool_calls", "{}: {run}", case.model);
    let call = &object["tool_calls"][0];
    assert_eq!((&call["name"], &call["arguments"]), (&json!("look"), &json!({"at": "Ü"})), "{}", case.model);
    if let Some(id) = case.call_id {
        assert_eq!(call["id"], id, "{}", case.model);
    }
    let usage = &object["usage"];
    assert_eq!([usage["input"].as_u64(), usage["output"].as_u64()], case.tokens.map(Some), "{}", case.model);
    assert!(!format!("{run}").contains("5ecret"), "{run}");
}

#[track_caller]
pub(crate) fn check_asked(case: &Case, asked: &Asked, streaming: bool) {
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", case.paths[usize::from(!streaming)]));
    let (header, start) = case.shown;
    let shown = asked.header(header).unwrap_or_default();
    assert!(shown.starts_with(start), "{}: {shown}", case.model);
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    // Where the path says it, the body must not, unless the wire is one that has it there; elsewhere an absent
    // word means no, but for Ollama.
    let says = body["stream"].as_bool();
    let in_body = case.paths[0] == case.paths[1] || case.model.starts_with("vertex-anthropic/");
    let wanted = match (in_body, streaming, case.model.starts_with("ollama")) {
        (true, true, _) => Some(true),
        (true, false, true) => Some(false),
        _ => says.filter(|says| !says),
    };
    assert_eq!(says, wanted, "{}: {body}", case.model);
}

pub(crate) fn reply(case: &Case, streaming: bool, sizes: &[usize]) -> Reply {
    if streaming {
        Reply::chunked(case.stream_type, &case.stream, sizes)
    } else {
        Reply::chunked("application/json", case.body.to_string(), sizes)
    }
}

#[test]
fn each_vendor_by_its_own_variables() {
    for case in cases().into_iter().chain(clouds()) {
        for (streaming, sizes) in [(true, ODD[0]), (true, ODD[1]), (true, ODD[2]), (false, ODD[1])] {
            let vendor = Vendor::new([reply(&case, streaming, sizes)]);
            let place = Place::new();
            let url = format!("{}{}", vendor.url(), case.place.1);
            let env: Vec<(&str, &str)> = [(case.place.0, url.as_str()), ("CONSORT_LOG", "trace")]
                .into_iter()
                .chain(case.keys.iter().copied())
                .collect();
            let mut args = vec!["--json", "-m", case.model, "hello"];
            args.extend((!streaming).then_some("--no-stream"));
            let run = place.run_with(&env, &args);
            check_answer(&case, &run);
            let asked = vendor.server.asked();
            assert_eq!(asked.len(), 1);
            check_asked(&case, &asked[0], streaming);
        }
    }
}

#[test]
fn an_invented_vendor_is_one_file() {
    for case in cases() {
        for streaming in [true, false] {
            let vendor = Vendor::new([reply(&case, streaming, ODD[1])]);
            let place = Place::new();
            let wire = match case.model {
                "openai/gpt-4o" => "openai-chat",
                "openai/gpt-5" => "openai-responses",
                model => model.split_once('/').unwrap().0,
            };
            let text = format!(
                "name = \"Zorblax\"\nwire = \"{wire}\"\nbase_url = \"{}/odd/place\"\nkey_env = [\"ZORB_KEY\"]\n\
                 auth = {{ header = \"x-zorb: Token\" }}\nheaders = {{ x-tenant = \"${{ZORB_TENANT:-nobody}}\" }}\n\
                 query = {{ version = \"7\" }}\n",
                vendor.url()
            );
            place.file("home/providers/zorblax.toml", text);
            let mut args = vec!["--json", "-m", "zorblax/brain", "hello"];
            args.extend((!streaming).then_some("--no-stream"));
            let run =
                place.run_with(&[("ZORB_KEY", KEY), ("ZORB_TENANT", "t9"), ("CONSORT_LOG", "debug")], &args);
            check_answer(&Case { model: "zorblax/brain", ..case.clone() }, &run);
            let asked = &vendor.server.asked()[0];
            assert!(
                asked.path.starts_with("/odd/place/") && asked.path.contains("version=7"),
                "{}",
                asked.path
            );
            assert_eq!(asked.header("x-zorb"), Some(format!("Token {KEY}").as_str()));
            assert_eq!(asked.header("x-tenant"), Some("t9"));
            assert_eq!(asked.header("authorization"), None);
        }
    }
}

#[test]
fn bedrock_takes_a_bearer_token_too() {
    let case = bedrock();
    let vendor = Vendor::new([reply(&case, true, ODD[2])]);
    let run = Place::new().run_with(
        &[(case.place.0, &vendor.url()), ("AWS_BEARER_TOKEN_BEDROCK", KEY)],
        &["--json", "-m", case.model, "hello"],
    );
    check_answer(&case, &run);
    assert_eq!(vendor.server.asked()[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
}

#[test]
fn bedrock_signs_with_the_profile_and_the_region() {
    let case = bedrock();
    let vendor = Vendor::new([reply(&case, true, ODD[2])]);
    let place = Place::new();
    place.file(
        ".aws/credentials",
        format!("[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = {KEY}\naws_session_token = tok-5ecret\n"),
    );
    place.file(".aws/config", "[profile work]\nregion = ap-south-1\n");
    let run = place.run_with(
        &[(case.place.0, &vendor.url()), ("AWS_PROFILE", "work"), ("CONSORT_LOG", "trace")],
        &["--json", "-m", case.model, "hello"],
    );
    check_answer(&case, &run);
    let asked = &vendor.server.asked()[0];
    let shown = asked.header("authorization").unwrap();
    assert!(shown.starts_with("AWS4-HMAC-SHA256 Credential=AKIDWORK/"), "{shown}");
    assert!(shown.contains("/ap-south-1/bedrock/aws4_request"), "{shown}");
    assert_eq!(asked.header("x-amz-security-token"), Some("tok-5ecret"));
    assert!(asked.header("x-amz-date").is_some());
}

#[test]
fn ollama_is_where_its_variable_says_in_any_spelling() {
    let case = ollama();
    let vendor = Vendor::new([reply(&case, true, ODD[2])]);
    let port = vendor.server.port();
    for host in [
        format!("127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}/"),
        format!("0.0.0.0:{port}"),
        format!("http://0.0.0.0:{port}"),
        format!("localhost:{port}"),
        format!(":{port}"),
        format!(" \"127.0.0.1:{port}\" "),
    ] {
        let run = Place::new().run_with(&[("OLLAMA_HOST", &host)], &["--json", "-m", case.model, "hello"]);
        assert_eq!(run.code, 0, "{host}: {run}");
    }
}

#[test]
fn the_plain_answer_is_the_text_alone() {
    let case = openai_chat();
    let vendor = Vendor::new([reply(&case, true, ODD[0])]);
    let run = Place::new().run_with(
        &[("OPENAI_BASE_URL", &format!("{}/v1", vendor.url())), ("OPENAI_API_KEY", KEY)],
        &["-m", "gpt-4o", "-q", "hello"],
    );
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "Grüße 🎻", ""));
}

#[test]
fn a_name_that_several_have_is_that_of_the_one_with_a_key() {
    let case = anthropic();
    let vendor = Vendor::new([reply(&case, true, ODD[1])]);
    let env = [("ANTHROPIC_BASE_URL", vendor.url()), ("ANTHROPIC_API_KEY", KEY.to_owned())];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let run = Place::new().run_with(&env, &["--json", "-m", "claude-opus-5", "hello"]);
    check_answer(&Case { model: "anthropic/claude-opus-5", ..case }, &run);
    // Without any key, what is missing is a key.
    let run = Place::new().run(&["-m", "claude-opus-5", "hello"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("consort keys set anthropic"), "{run}");
    assert!(run.stderr.contains("vertex-anthropic/claude-opus-5"), "{run}");
}

#[test]
fn the_order_of_keys() {
    let case = openai_chat();
    let vendor = Vendor::new([reply(&case, true, ODD[2])]);
    let place = Place::new();
    place.file(
        "home/providers/acme.toml",
        format!(
            "wire = 'openai-chat'\nbase_url = '{}'\nkey_env = ['ACME_KEY']\nkey_command = ['/bin/echo', 'by-command']\n",
            vendor.url()
        ),
    );
    let last = || vendor.server.asked().last().unwrap().header("authorization").unwrap().to_owned();
    let ask = ["-m", "acme/m", "hello"];
    assert_eq!(place.run(&ask).code, 0);
    assert_eq!(last(), "Bearer by-command");
    assert_eq!(place.run_with(&[("ACME_KEY", "by-env")], &ask).code, 0);
    assert_eq!(last(), "Bearer by-env");
    assert_eq!(place.pipe("stored\n", &["keys", "set", "acme"]).code, 0);
    assert_eq!(place.run_with(&[("ACME_KEY", "by-env")], &ask).code, 0);
    assert_eq!(last(), "Bearer stored");
    assert_eq!(
        place.run_with(&[("ACME_KEY", "by-env")], &["--key", "given\n", "-m", "acme/m", "hello"]).code,
        0
    );
    assert_eq!(last(), "Bearer given");
    let run = place.run(&["--key", "", "-m", "acme/m", "hello"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn attachments_go_out_with_their_types() {
    let case = gemini();
    let vendor = Vendor::new([reply(&case, true, ODD[2])]);
    let place = Place::new();
    place.file("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    place.file("b", b"\xff\xd8\xff\xe0\0\x10JFIF");
    place.file("c", b"%PDF-1.7\n");
    place.file("d", b"ID3\x03\0\0\0\0\0\0\xff\xfb\x90\x64");
    place.file("e", b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0");
    place.file("f.txt", "words");
    let run = place.run_with(
        &[("GEMINI_BASE_URL", &vendor.url()), ("GEMINI_API_KEY", KEY)],
        &["-m", case.model, "-a", "a.png", "-a", "b", "-a", "c", "-a", "d", "-a", "e", "-a", "f.txt", "look"],
    );
    assert_eq!(run.code, 0, "{run}");
    let body = vendor.server.asked()[0].text();
    for (mime, bytes) in [
        ("image/png", &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..]),
        ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
        ("application/pdf", b"%PDF-1.7\n"),
        ("audio/mpeg", b"ID3\x03\0\0\0\0\0\0\xff\xfb\x90\x64"),
        ("audio/wav", b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0"),
    ] {
        assert!(body.contains(mime) && body.contains(&STANDARD.encode(bytes)), "{mime}: {body}");
    }
    assert!(body.contains("words") || body.contains(&STANDARD.encode("words")), "{body}");
}

#[test]
fn a_listing_asks_nobody_and_a_live_one_is_kept() {
    let vendor =
        Vendor::new([Reply::json(r#"{"object":"list","data":[{"id":"gpt-4o"},{"id":"brand-new"}]}"#)]);
    let place = Place::new();
    let url = format!("{}/v1", vendor.url());
    let env = [("OPENAI_BASE_URL", url.as_str()), ("OPENAI_API_KEY", KEY), ("OLLAMA_HOST", url.as_str())];
    let ids = |args: &[&str]| {
        let run = place.run_with(&env, args);
        assert_eq!(run.code, 0, "{run}");
        let list = run.json();
        let ids = list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    for args in [&["models", "--json"][..], &["providers", "--json"], &["models", "search", "gpt", "--json"]]
    {
        assert!(!ids(args).contains(&"openai/brand-new".to_owned()));
    }
    assert_eq!(place.run_with(&env, &["doctor"]).code, 0);
    assert_eq!(vendor.server.connections(), 0);
    assert!(ids(&["models", "--live", "--json"]).contains(&"openai/brand-new".to_owned()));
    let asked = vendor.server.asked().len();
    assert!(asked >= 1);
    assert!(ids(&["models", "--json"]).contains(&"openai/brand-new".to_owned()));
    assert_eq!(vendor.server.asked().len(), asked);
}
