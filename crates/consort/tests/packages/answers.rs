//! What the vendors' servers answer in these tests.
use consort_testkit::Reply;
use serde_json::{Value, json};

fn events(all: &[Value], named: bool) -> Reply {
    let line = |event: &Value| {
        let name =
            if named { format!("event: {}\n", event["type"].as_str().unwrap()) } else { String::new() };
        format!("{name}data: {event}\n\n")
    };
    let done = if named { "" } else { "data: [DONE]\n\n" };
    Reply::new(200, "text/event-stream", all.iter().map(line).collect::<String>() + done)
}

/// A thought, words, and a tool call.
pub(crate) fn anthropic() -> Reply {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x-2026", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 9, "output_tokens": 1}});
    let delta =
        |index: u8, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u8| json!({"type": "content_block_stop", "index": index});
    events(
        &[
            json!({"type": "message_start", "message": message}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
            delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
            delta(0, json!({"type": "signature_delta", "signature": "SIGNED"})),
            stop(0),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
            delta(1, json!({"type": "text_delta", "text": "Let me "})),
            delta(1, json!({"type": "text_delta", "text": "look."})),
            stop(1),
            json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}}),
            delta(2, json!({"type": "input_json_delta", "partial_json": "{\"city\":"})),
            delta(2, json!({"type": "input_json_delta", "partial_json": "\"Oslo\"}"})),
            stop(2),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 20}}),
            json!({"type": "message_stop"}),
        ],
        true,
    )
}

/// Words alone.
pub(crate) fn anthropic_text(text: &str) -> Reply {
    Reply::json(
        &json!({"id": "msg_2", "type": "message", "role": "assistant", "model": "claude-x-2026",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 9, "output_tokens": 3}})
        .to_string(),
    )
}

/// A stream as a list.
pub(crate) fn gemini(parts: &[Value]) -> Reply {
    let part = |part: &Value, last: bool| {
        let mut piece = json!({"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7},
            "modelVersion": "gemini-x-001", "responseId": "r1"});
        if last {
            piece["candidates"][0]["finishReason"] = "STOP".into();
        }
        piece
    };
    let all: Vec<Value> =
        parts.iter().enumerate().map(|(at, each)| part(each, at + 1 == parts.len())).collect();
    Reply::new(200, "application/json; charset=UTF-8", Value::from(all).to_string())
}

/// The list of models that the package makes its own of.
pub(crate) fn mistral_models() -> Reply {
    let model = |id: &str, vision: bool| {
        json!({"id": id, "object": "model", "created": 1, "owned_by": "mistralai", "name": id, "description": "One",
            "max_context_length": 32768, "aliases": [], "deprecation": null, "default_model_temperature": 0.3, "type": "base",
            "capabilities": {"completion_chat": true, "completion_fim": false, "function_calling": true, "fine_tuning": false,
                "vision": vision, "classification": false}})
    };
    Reply::json(
        &json!({"object": "list", "data": [model("mistral-tiny-test", false), model("pixtral-test", true)]})
            .to_string(),
    )
}

pub(crate) fn mistral() -> Reply {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "mistral-x-2026",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let mut last = chunk(json!({"content": ""}), "stop".into());
    last["usage"] = json!({"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13});
    events(
        &[
            chunk(json!({"role": "assistant", "content": "Bon"}), Value::Null),
            chunk(json!({"content": "jour"}), Value::Null),
            last,
        ],
        false,
    )
}

pub(crate) fn ollama_tags() -> Reply {
    Reply::json(
        &json!({"models": [{"name": "tiny:latest", "model": "tiny:latest", "digest": "d1", "size": 1,
            "modified_at": "2026-01-01T00:00:00Z", "details": {}}]})
        .to_string(),
    )
}

pub(crate) fn ollama_show() -> Reply {
    Reply::json(
        &json!({"capabilities": ["completion", "tools", "vision"], "model_info": {}, "details": {}})
            .to_string(),
    )
}

pub(crate) fn ollama_chat() -> Reply {
    let piece = |text: &str| json!({"model": "tiny", "message": {"role": "assistant", "content": text}, "done": false});
    let last = json!({"model": "tiny", "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop",
        "prompt_eval_count": 5, "eval_count": 2});
    let lines: Vec<String> = [piece("Hel"), piece("lo"), last].iter().map(Value::to_string).collect();
    Reply::new(200, "application/x-ndjson", lines.join("\n") + "\n")
}
