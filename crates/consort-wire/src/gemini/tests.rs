//! What the wire keeps, loses and says.
use super::Gemini;
use crate::{Quirks, ResponseHead, Wire, WireRequest};
use consort_core::{
    Accumulator, Body, Error, ErrorKind, Event, FinishReason, Message, Part, Request, Response, Role,
};
use serde_json::{Value, json};

fn post(path: &str, body: &Value) -> WireRequest {
    WireRequest::post(path, body)
}

/// A body, read and written again, is what it was (or what `expected` says).
fn check_body(body: &Value, expected: &Value) {
    let request =
        Gemini.decode_request(&post("v1beta/models/gemini-2.5-flash:generateContent", body)).unwrap();
    let written = Gemini.write_request(&request, &Quirks::default()).unwrap();
    assert_eq!(written.json().unwrap(), *expected);
    check_request(&request);
}

/// What is normalised is carried exactly, and normalising again changes nothing.
fn check_request(request: &Request) -> Request {
    let normalised = Gemini.normalise(request, &Quirks::default()).request;
    let written = Gemini.write_request(&normalised, &Quirks::default()).unwrap();
    assert_eq!(Gemini.decode_request(&written).unwrap(), normalised);
    assert_eq!(Gemini.normalise(&normalised, &Quirks::default()).request, normalised);
    normalised
}

fn decode_all(bodies: &[Value], stream: bool) -> (Vec<Event>, Result<(), Error>) {
    let text: String = if stream {
        bodies.iter().fold(String::new(), |text, body| text + "data: " + &body.to_string() + "\r\n\r\n")
    } else {
        bodies[0].to_string()
    };
    let mut decoder = Gemini.decoder(ResponseHead::new(200, []), &Quirks::default());
    let mut events = Vec::new();
    let fed = text.as_bytes().chunks(5).try_for_each(|bytes| decoder.feed(bytes, &mut events));
    let result = fed.and_then(|()| decoder.end(&mut events));
    (events, result)
}

fn fold(events: Vec<Event>) -> Response {
    let mut fold = Accumulator::default();
    for event in events {
        fold.push(event);
    }
    fold.finish().unwrap()
}

fn chunk(parts: &Value, rest: &Value) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}});
    for (key, value) in rest.as_object().unwrap() {
        candidate[key] = value.clone();
    }
    json!({"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r-1"})
}

#[test]
fn bodies_keep_their_meaning() {
    let body = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
                {"fileData": {"mimeType": "video/mp4", "fileUri": "https://youtu.be/x"},
                 "videoMetadata": {"startOffset": "1s"}}]},
            {"role": "model", "parts": [
                {"text": "hm", "thought": true},
                {"text": "", "thoughtSignature": "c2ln"},
                {"functionCall": {"name": "add", "args": {"a": 1}}, "thoughtSignature": "x"},
                {"functionCall": {"id": "z9", "name": "add", "args": {"a": 2}}},
                {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "y"},
                {"toolCall": {"toolType": "FILE_SEARCH", "id": "q"}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "add", "response": {"result": 7}}},
                {"functionResponse": {"id": "z9", "name": "add", "response": {"output": "ok"},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}], "scheduling": "SILENT"}}]}
        ],
        "systemInstruction": {"parts": [{"text": "be brief"}], "role": "user"},
        "tools": [{"functionDeclarations": [
            {"name": "add", "description": "adds", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}},
            {"name": "now"}]}, {"googleSearch": {}}],
        "generationConfig": {
            "maxOutputTokens": 5, "temperature": 0.5, "topP": 0.3, "topK": 40, "stopSequences": ["x"], "candidateCount": 2,
            "responseMimeType": "application/json", "thinkingConfig": {"thinkingBudget": 9, "includeThoughts": true},
            "responseSchema": {"type": "STRING", "nullable": true}, "responseModalities": ["TEXT"]},
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["add", "now"]}},
        "safetySettings": [{"category": "A", "threshold": "B"}],
        "cachedContent": "cachedContents/1"
    });
    check_body(&body, &body);
    let spelled = json!({"contents": [{"parts": [{"inline_data": {"mime_type": "a/b", "data": "_-8"}}]}],
        "system_instruction": {"parts": {"text": "x"}}, "safety_settings": null,
        "tools": [{"google_search": {}, "function_declarations": null}],
        "generation_config": {"max_output_tokens": 5, "top_k": 50.0, "thinking_config": {"thinking_level": "HIGH"}}});
    let plain = json!({"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "a/b", "data": "/+8="}}]}],
        "systemInstruction": {"parts": [{"text": "x"}]}, "tools": [{"googleSearch": {}}],
        "generationConfig": {"maxOutputTokens": 5, "topK": 50, "thinkingConfig": {"thinkingLevel": "high"}}});
    check_body(&spelled, &plain);
    let unknown = json!({"contents": [{"role": "invalid_role", "parts": [{"text": "a"}]}]});
    check_body(&unknown, &unknown);
}

#[test]
fn requests_of_other_wires_are_carried() {
    let mut call = Part::tool_call("call_0", "f", "[1]");
    call.vendor.set("gemini", "groundingMetadata", json!({}));
    call.vendor.set("gemini", "text", "boo");
    let mut request = Request::new(vec![
        Message::user("one"),
        Message::user("two"),
        Message::new(
            Role::Assistant,
            vec![
                Part::reasoning("hm").signed("anthropic", "s"),
                Part::reasoning("").signed("anthropic", "s"),
                call,
                Part::tool_call("call_0", "f", ""),
                Part::tool_call("", "g", "{\"a\": 1}"),
                Part::native("gemini", "odd", json!(5)),
                Part::native("gemini", "odd", json!({"text": "not an item"})),
            ],
        ),
        Message::new(Role::Tool, vec![Part::tool_result("call_0", "", "{\"a\":1}")]),
        Message::new(Role::Tool, vec![Part::tool_result("", "g", "{\"output\":\"x\"}")]),
        Message::new(Role::Tool, vec![Part::tool_result("nobody", "h", "")]),
    ]);
    request.model = "models/a b/ü".into();
    request.options.insert("response_modalities".into(), json!(["IMAGE"]));
    request.options.insert("topK".into(), json!(3));
    request.native.set("gemini", "generation_config", json!({"temperature": 1.5, "candidateCount": 1}));
    request.reasoning.effort = Some(consort_core::Effort::Max);
    let normalised = check_request(&request);
    assert_eq!(normalised.model, "a b/ü");
    assert_eq!(normalised.sampling.top_k, Some(3));
    assert_eq!(normalised.sampling.temperature, Some(1.5));
    assert_eq!(normalised.messages.len(), 3, "messages of a role are joined");
    assert_eq!(normalised.messages[1].parts.len(), 4);
}

#[test]
fn paths_name_the_model() {
    let quirks = Quirks { path: Some("publishers/google/models/{model}".into()), ..Quirks::default() };
    let mut request = Request::ask("x");
    for (model, path) in [
        ("gemini-3", "models/gemini-3:streamGenerateContent?alt=sse"),
        ("tunedModels/a", "tunedModels/a:streamGenerateContent?alt=sse"),
        ("a?b%", "models/a%3Fb%25:streamGenerateContent?alt=sse"),
    ] {
        request.model = model.into();
        let written = Gemini.write_request(&request, &Quirks::default()).unwrap();
        assert_eq!(written.path, path);
        let read = Gemini.decode_request(&written).unwrap();
        assert_eq!((read.model.as_str(), read.stream), (model, true));
    }
    request.stream = false;
    request.model = "m".into();
    let written = Gemini.write_request(&request, &quirks).unwrap();
    assert_eq!(written.path, "publishers/google/models/m:generateContent");
    assert_eq!(Gemini.decode_request(&written).unwrap().model, "m");
}

#[test]
fn newer_models_need_a_signature_on_calls_of_others() {
    let call =
        Message::new(Role::Assistant, vec![Part::tool_call("a", "f", ""), Part::tool_call("b", "f", "")]);
    let request = Request { model: "gemini-3-pro".into(), ..Request::new(vec![call]) };
    check_request(&request);
    let body = Gemini.write_request(&request, &Quirks::default()).unwrap().json().unwrap();
    assert_eq!(body["contents"][0]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(body["contents"][0]["parts"][1]["thoughtSignature"], Value::Null);
}

#[test]
fn streams_and_bodies_are_the_same_events() {
    let parts = json!([{"text": "a"}, {"text": "b", "thoughtSignature": "s"},
        {"functionCall": {"name": "f", "args": {"x": 1}}}, {"functionCall": {"id": "k", "name": "g"}}]);
    let whole = chunk(&parts, &json!({"finishReason": "STOP"}));
    let (stream, result) = decode_all(std::slice::from_ref(&whole), true);
    result.unwrap();
    assert_eq!(decode_all(&[whole], false).0, stream);
    let response = fold(stream);
    assert_eq!(response.finish.reason, FinishReason::ToolCalls);
    let ids: Vec<&str> = response.tool_calls().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["call_r-1_0", "k"]);
    assert_eq!(response.parts[1], Part::text("b").signed("gemini", "s"));
}

#[test]
fn what_is_encoded_reads_back() {
    let grounding = json!({
        "groundingChunks": [{"web": {"uri": "https://e.org", "title": "E"}}],
        "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 5, "text": "ok"}, "groundingChunkIndices": [0]}]});
    let second = json!({"index": 1, "content": {"parts": [{"text": "other"}]}, "finishReason": "MAX_TOKENS"});
    let mut last =
        chunk(&json!([{"text": "ü ok"}]), &json!({"finishReason": "STOP", "groundingMetadata": grounding}));
    last["usageMetadata"] = json!({"promptTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 5});
    last["candidates"].as_array_mut().unwrap().push(second);
    let chunks = [
        chunk(&json!([{"text": "hm", "thought": true}]), &json!({})),
        chunk(&json!([{"thoughtSignature": "lone"}]), &json!({})),
        chunk(&json!([{"executableCode": {"code": "1"}, "thoughtSignature": "s"}]), &json!({})),
        chunk(
            &json!([{"inlineData": {"mimeType": "image/png", "data": "AAEC"}, "thought": true}]),
            &json!({}),
        ),
        chunk(&json!([{"fileData": {"fileUri": "https://x/y"}}]), &json!({})),
        chunk(
            &json!([{"functionCall": {"name": "f", "willContinue": true}, "thoughtSignature": "t"}]),
            &json!({}),
        ),
        chunk(
            &json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "b"}]}}]),
            &json!({}),
        ),
        last,
    ];
    let (events, result) = decode_all(&chunks, true);
    result.unwrap();
    let response = fold(events.clone());
    assert_eq!(response.others[0].text(), "other");
    let Body::Text { citations, .. } = &response.parts.last().unwrap().body else { panic!("text") };
    assert_eq!((citations[0].start, citations[0].end), (Some(2), Some(4)));
    let mut encode = Gemini.encode(&crate::Reply::default());
    let mut bytes = Vec::new();
    for event in &events {
        encode.event(event, &mut bytes);
    }
    let read = |bytes: &[u8]| {
        let mut decoder = Gemini.decoder(ResponseHead::new(200, []), &Quirks::default());
        let mut events = Vec::new();
        decoder.feed(bytes, &mut events).unwrap();
        decoder.end(&mut events).unwrap();
        fold(events)
    };
    assert_eq!(read(&bytes), response);
    let body = Gemini.encode_response(&response, &crate::Reply::default());
    assert_eq!(read(body.to_string().as_bytes()), response);
    // All of it can be sent back.
    check_request(&Request::new(vec![response.into_message()]));
}

#[test]
fn bad_ends_are_told() {
    let kind = |bodies: &[Value]| decode_all(bodies, true).1.unwrap_err().kind();
    assert_eq!(kind(&[chunk(&json!([{"text": "a"}]), &json!({}))]), ErrorKind::Interrupted);
    let failure = json!({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}});
    assert_eq!(kind(&[chunk(&json!([{"text": "a"}]), &json!({})), failure]), ErrorKind::Overloaded);
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"}});
    let response = fold(decode_all(&[blocked], false).0);
    assert_eq!(response.finish.reason, FinishReason::ContentFilter);
    assert!(response.warnings[0].message.contains("SAFETY): no"));
    let told = json!({"finishReason": "UNEXPECTED_TOOL_CALL", "finishMessage": "why"});
    let response = fold(decode_all(&[chunk(&json!([]), &told)], true).0);
    assert_eq!(response.finish.vendor_reason.as_deref(), Some("UNEXPECTED_TOOL_CALL"));
    assert_eq!(response.warnings[0].message, "why");
}
