//! What answers say beside their content, in both directions: why they ended, and their usage. And whole answers.
use super::blocks;
use crate::Reply;
use consort_core::{Body, Finish, FinishReason, Object, Part, Response, Usage};
use serde_json::{Value, json};

/// The vendor's words for the end of an answer.
const REASONS: [(&str, FinishReason); 8] = [
    ("end_turn", FinishReason::Stop),
    ("stop_sequence", FinishReason::Stop),
    ("max_tokens", FinishReason::Length),
    ("model_context_window_exceeded", FinishReason::Length),
    ("tool_use", FinishReason::ToolCalls),
    ("refusal", FinishReason::Refusal),
    ("pause_turn", FinishReason::Pause),
    ("compaction", FinishReason::Pause),
];

pub(super) fn read_reason(word: Option<&str>, stop_sequence: Option<&str>) -> Finish {
    let known = word.and_then(|word| REASONS.iter().find(|(name, _)| *name == word));
    Finish {
        vendor_reason: word.map(str::to_owned),
        stop_sequence: stop_sequence.map(str::to_owned),
        ..Finish::from(known.map_or(FinishReason::Other, |(_, reason)| *reason))
    }
}

/// The vendor's word for an end. `called` says whether the answer holds tool calls: some vendors say `stop` then.
pub(super) fn write_reason(finish: &Finish, called: bool) -> &str {
    let own = finish.vendor_reason.as_deref().unwrap_or_default();
    if let Some((word, _)) = REASONS.iter().find(|(word, reason)| *word == own && *reason == finish.reason) {
        return word;
    }
    match finish.reason {
        FinishReason::Stop if called => "tool_use",
        FinishReason::Stop if finish.stop_sequence.is_some() => "stop_sequence",
        FinishReason::Stop => "end_turn",
        // What is in no format's words is not called a success: the other vendor's word says it.
        FinishReason::Other => {
            if own.is_empty() {
                "end_turn"
            } else {
                own
            }
        }
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter | FinishReason::Refusal => "refusal",
        FinishReason::Pause => "pause_turn",
    }
}

/// Why the vendor refused, in its words.
pub(super) fn explanation(details: &Value) -> Option<&str> {
    details["explanation"].as_str().filter(|words| !words.is_empty())
}

pub(super) fn read_usage(usage: &Object) -> Usage {
    let number = |key: &str| usage.get(key).and_then(Value::as_u64);
    Usage {
        input: number("input_tokens"),
        output: number("output_tokens"),
        cached: number("cache_read_input_tokens"),
        cache_write: number("cache_creation_input_tokens"),
        reasoning: usage.get("output_tokens_details").and_then(|details| details["thinking_tokens"].as_u64()),
        total: None,
        cached_in_input: false,
        reasoning_in_output: true,
        vendor: Some(Box::new(Value::Object(usage.clone()))),
        ..Usage::default()
    }
}

/// Whether a writer had no numbers for the two that the format wants. The vendor says more than two.
pub(super) fn is_unmeasured(usage: &Object) -> bool {
    let zero = |key: &str| usage.get(key).is_some_and(|count| *count == 0);
    usage.is_empty() || usage.len() == 2 && zero("input_tokens") && zero("output_tokens")
}

/// Usage as this vendor counts: input without what the cache gave, output with thinking.
pub(super) fn write_usage(usage: Option<&Usage>) -> Value {
    let none = Usage::default();
    let usage = usage.unwrap_or(&none);
    let mut written = match usage.vendor.as_deref() {
        // The object of a vendor that counts like this one: its other counts are carried along.
        Some(Value::Object(own)) if own.contains_key("input_tokens") && !own.contains_key("total_tokens") => {
            own.clone()
        }
        _ => Object::new(),
    };
    let required = [("input_tokens", usage.fresh_input()), ("output_tokens", usage.all_output())];
    for (key, number) in required {
        written.insert(key.into(), number.unwrap_or(0).into());
    }
    let optional =
        [("cache_read_input_tokens", usage.cached), ("cache_creation_input_tokens", usage.cache_write)];
    for (key, number) in optional {
        crate::json::set(&mut written, key, number);
    }
    if let Some(thinking) = usage.reasoning {
        written.insert("output_tokens_details".into(), json!({"thinking_tokens": thinking}));
    }
    Value::Object(written)
}

/// Writes a whole answer.
pub(super) fn write(response: &Response, reply: &Reply) -> Value {
    let called = response.tool_calls().next().is_some();
    json!({
        "id": response.response_id.as_deref().unwrap_or(&reply.id),
        "type": "message",
        "role": "assistant",
        "model": response.resolved_model.as_deref().unwrap_or(&reply.model),
        "content": response.parts.iter().filter_map(write_part).collect::<Vec<_>>(),
        "stop_reason": write_reason(&response.finish, called),
        "stop_sequence": response.finish.stop_sequence,
        "usage": write_usage(response.usage.as_ref()),
    })
}

fn write_part(part: &Part) -> Option<Value> {
    match &part.body {
        Body::Media(media) => Some(json!({"type": "text", "text": stand_in(&media.mime)})),
        Body::Reasoning { text, redacted: false } if part.signature_for(super::ID).is_none() => {
            // Clients expect the field.
            Some(json!({"type": "thinking", "thinking": text, "signature": ""}))
        }
        // Only media that must be read from a file cannot be written, and those are handled above.
        _ => blocks::write(part).ok().flatten(),
    }
}

/// What a client is shown in place of media, which answers in this format cannot hold.
pub(super) fn stand_in(mime: &str) -> String {
    let what = if mime.is_empty() { "file" } else { mime };
    format!("[{what} not shown]")
}
