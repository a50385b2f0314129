//! The fields of `expect` that only one wire has.
use super::answer::{Wrong, word};
use consort_core::{Body, Part, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The visible thinking, as that vendor's SDK tells it.
pub(crate) fn reasoning(wire: &str, response: &Response) -> String {
    match wire {
        "openai-responses" => responses_thinking(response, "summary"),
        "openai-chat" => chat_thinking(response),
        _ => response.reasoning(),
    }
}

/// The thinking under its own name; what stands in the details alone is compared with them.
fn chat_thinking(response: &Response) -> String {
    let named =
        response.parts.iter().filter(|part| part.vendor.text("openai-chat", "field") != Some("details"));
    let texts = named.filter_map(|part| match &part.body {
        Body::Reasoning { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The types of the details of thinking.
fn chat_details(response: &Response) -> Value {
    let details =
        response.parts.iter().filter_map(|part| part.vendor.get("openai-chat", "details")?.as_array());
    details.flatten().map(|detail| detail["type"].clone()).collect()
}

pub(crate) fn check(wire: &str, expect: &Value, response: &Response, wrong: &mut Wrong) {
    if matches!(wire, "anthropic" | "bedrock") {
        compare_blocks(wire, expect, response, wrong);
    }
    let mut compare = |field: &str, ours: Value| {
        let expected = &expect[field];
        if !expected.is_null() && *expected != ours {
            wrong.say(field, &expected.to_string(), &ours.to_string());
        }
    };
    compare("n_citations", json!(citations(response)));
    compare("n_annotations", json!(citations(response)));
    match wire {
        "anthropic" | "bedrock" => {
            compare("signatures", signatures(response));
            compare(
                "n_signatures",
                json!(response.parts.iter().filter(|part| part.signature.is_some()).count()),
            );
            compare("server_tool_calls", server_calls(wire, response, expect));
        }
        "gemini" => {
            compare(
                "n_signatures",
                json!(response.parts.iter().filter(|part| part.signature.is_some()).count()),
            );
            compare("parts", gemini_parts(response));
            compare("server_tool_calls", server_calls(wire, response, expect));
        }
        "openai-chat" => compare("reasoning_details", chat_details(response)),
        "openai-responses" => {
            compare("items", responses_items(response));
            compare(
                "encrypted_reasoning",
                json!(response.parts.iter().filter(|part| part.signature.is_some()).count()),
            );
            compare("reasoning_content", json!(responses_thinking(response, "content")));
        }
        _ => {}
    }
}

/// Counts that only this vendor has, out of its own usage object.
pub(crate) fn usage(name: &str, vendor: Option<&Value>) -> Option<u64> {
    let vendor = vendor?;
    let number = match name {
        "tool_use_prompt" => &vendor["toolUsePromptTokenCount"],
        "billed_input" => &vendor["billed_units"]["input_tokens"],
        "billed_output" => &vendor["billed_units"]["output_tokens"],
        _ => return None,
    };
    number.as_f64().map(|number| number as u64)
}

fn citations(response: &Response) -> usize {
    let count = |part: &Part| match &part.body {
        Body::Text { citations, .. } => citations.len(),
        _ => 0,
    };
    response.parts.iter().map(count).sum()
}

fn compare_blocks(wire: &str, expect: &Value, response: &Response, wrong: &mut Wrong) {
    let Some(expected) = expect["blocks"].as_array() else { return };
    // In Bedrock's streams, the pieces of cited text go by another name.
    let name =
        |name: &Value| if name == "citation" { "citationsContent".to_owned() } else { word(name).to_owned() };
    let expected: Vec<String> = expected.iter().map(name).collect();
    let ours: Vec<String> = response.parts.iter().map(|part| block(wire, part)).collect();
    if expected != ours {
        wrong.say("blocks", &json!(expected).to_string(), &json!(ours).to_string());
    }
}

/// The vendor's own name of a block.
fn block(wire: &str, part: &Part) -> String {
    match &part.body {
        Body::Text { citations, .. } if wire == "bedrock" && !citations.is_empty() => {
            "citationsContent".into()
        }
        Body::Text { .. } => "text".into(),
        Body::Reasoning { redacted: true, .. } if wire == "anthropic" => "redacted_thinking".into(),
        Body::Reasoning { .. } if wire == "anthropic" => "thinking".into(),
        Body::Reasoning { .. } => "reasoningContent".into(),
        Body::ToolCall(_) if wire == "anthropic" => "tool_use".into(),
        Body::ToolCall(_) => "toolUse".into(),
        Body::Native { kind, .. } => kind.clone(),
        Body::Media(_) => "image".into(),
        Body::ToolResult(_) => "tool_result".into(),
        Body::Refusal { .. } => "refusal".into(),
    }
}

fn signatures(response: &Response) -> Value {
    let of = |part: &Part| {
        let value = &part.signature.as_ref()?.value;
        if matches!(part.body, Body::Reasoning { redacted: true, .. }) {
            return None;
        }
        let mut hash = String::new();
        for byte in Sha256::digest(value.as_bytes()) {
            // Writing into a text cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        Some(json!({"len": value.chars().count(), "sha256": hash}))
    };
    response.parts.iter().filter_map(of).collect()
}

/// The calls that the vendor ran itself, with as many fields as are expected.
fn server_calls(wire: &str, response: &Response, expect: &Value) -> Value {
    let natives = response.parts.iter().filter_map(|part| match &part.body {
        Body::Native { kind, value, .. } => Some((kind.as_str(), value)),
        _ => None,
    });
    let calls: Vec<Value> = natives
        .filter_map(|(kind, value)| match (wire, kind) {
            ("anthropic", "server_tool_use" | "mcp_tool_use") => {
                Some(json!({"id": value["id"], "name": value["name"], "arguments": value["input"]}))
            }
            ("bedrock", "toolUse") => {
                let call = if value["toolUse"].is_object() { &value["toolUse"] } else { value };
                Some(json!({"id": call["toolUseId"], "name": call["name"], "arguments": call["input"]}))
            }
            ("gemini", "executableCode") => {
                let code = if value["executableCode"].is_object() { &value["executableCode"] } else { value };
                Some(json!({"name": "code_execution", "code": code["code"]}))
            }
            _ => None,
        })
        .collect();
    let expected = expect["server_tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let narrowed = calls.into_iter().enumerate().map(|(at, mut call)| {
        let fields = expected.get(at).and_then(Value::as_object);
        let arguments = call["arguments"].clone();
        if let (Some(call), Some(fields)) = (call.as_object_mut(), fields) {
            call.retain(|key, _| fields.contains_key(key));
            // The text of the arguments may be spaced otherwise; what it means may not differ.
            if let Some(raw) = fields.get("arguments_raw") {
                let meant = serde_json::from_str(word(raw)).unwrap_or(Value::Null);
                let same = super::answer::same_json(&meant, &arguments);
                call.insert("arguments_raw".into(), if same { raw.clone() } else { arguments });
            }
        }
        call
    });
    narrowed.collect()
}

/// The kinds of parts in order, repeats merged.
fn gemini_parts(response: &Response) -> Value {
    let mut kinds: Vec<String> = Vec::new();
    for part in &response.parts {
        let kind = match &part.body {
            Body::Text { .. } => "text".to_owned(),
            Body::Reasoning { .. } => "thought".to_owned(),
            Body::ToolCall(_) => "function_call".to_owned(),
            Body::Media(_) => "inline_data".to_owned(),
            Body::Native { kind, .. }
                if matches!(kind.as_str(), "executableCode" | "codeExecutionResult") =>
            {
                snake(kind)
            }
            _ => "other".to_owned(),
        };
        if kinds.last() != Some(&kind) {
            kinds.push(kind);
        }
    }
    json!(kinds)
}

fn responses_items(response: &Response) -> Value {
    let mut items: Vec<String> = Vec::new();
    let mut last = String::new();
    for part in &response.parts {
        let id = part.vendor.text("openai-responses", "id").unwrap_or_default().to_owned();
        let kind = match &part.body {
            Body::Text { .. } | Body::Refusal { .. } => "message".to_owned(),
            Body::Reasoning { .. } => "reasoning".to_owned(),
            Body::ToolCall(_) => "function_call".to_owned(),
            Body::Native { kind, .. } => kind.clone(),
            _ => "other".to_owned(),
        };
        // Several parts of one item share its id.
        let shared = matches!(kind.as_str(), "message" | "reasoning");
        if items.last() == Some(&kind) && shared && id == last {
            continue;
        }
        // A signature ends its item, and some vendors give several items one id.
        last = if part.signature.is_some() { String::new() } else { id };
        items.push(kind);
    }
    json!(items)
}

/// The summary or the content of reasoning items. A part says which it is in its vendor data.
fn responses_thinking(response: &Response, which: &str) -> String {
    let said = response.parts.iter().filter(|part| {
        let kind = part.vendor.text("openai-responses", "thinking").unwrap_or("summary");
        kind == which
    });
    let texts = said.filter_map(|part| match &part.body {
        Body::Reasoning { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn snake(camel: &str) -> String {
    let mut out = String::new();
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
