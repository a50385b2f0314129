//! What answers say beside their content, in both directions: why they ended, and their usage. And whole answers.
use super::blocks;
use consort_core::{Body, Finish, FinishReason, Object, Part, Response, Usage};
use serde_json::{Value, json};

/// The vendor's words for the end of an answer.
const REASONS: [(&str, FinishReason); 8] = [
    ("end_turn", FinishReason::Stop),
    ("stop_sequence", FinishReason::Stop),
    ("max_tokens", FinishReason::Length),
    ("model_context_window_exceeded", FinishReason::Length),
    ("tool_use", FinishReason::ToolCalls),
    ("guardrail_intervened", FinishReason::ContentFilter),
    ("content_filtered", FinishReason::ContentFilter),
    ("refusal", FinishReason::Refusal),
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
        FinishReason::Stop | FinishReason::Pause => "end_turn",
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
        FinishReason::ContentFilter => "content_filtered",
        FinishReason::Refusal => "refusal",
    }
}

/// What the format wants beside usage; nobody measured it here.
pub(super) fn metrics() -> Value {
    json!({"latencyMs": 0})
}

/// The usage of a body or of the last event. Nothing where a writer had no numbers: then they are all zero, and
/// so is the time it took, which the vendor's never is.
pub(super) fn read_usage(told: &Value) -> Option<Usage> {
    let usage = told["usage"].as_object()?;
    let number = |key: &str| usage.get(key).and_then(Value::as_u64);
    let unmeasured = told["metrics"] == metrics();
    if unmeasured && usage.values().all(|count| *count == 0) {
        return None;
    }
    Some(Usage {
        input: number("inputTokens"),
        output: number("outputTokens"),
        cached: number("cacheReadInputTokens"),
        cache_write: number("cacheWriteInputTokens"),
        reasoning: None,
        total: number("totalTokens"),
        cached_in_input: false,
        reasoning_in_output: true,
        vendor: Some(Box::new(Value::Object(usage.clone()))),
        ..Usage::default()
    })
}

/// Usage as this vendor counts: input without what the cache gave, output with thinking, and the sum of all.
pub(super) fn write_usage(usage: Option<&Usage>) -> Value {
    let none = Usage::default();
    let usage = usage.unwrap_or(&none);
    let mut written = match usage.vendor.as_deref() {
        Some(Value::Object(own)) if own.contains_key("inputTokens") => own.clone(),
        _ => Object::new(),
    };
    let (input, output) = (usage.fresh_input().unwrap_or(0), usage.all_output().unwrap_or(0));
    let cached = usage.cached.unwrap_or(0).saturating_add(usage.cache_write.unwrap_or(0));
    written.insert("inputTokens".into(), input.into());
    written.insert("outputTokens".into(), output.into());
    written.insert("totalTokens".into(), input.saturating_add(output).saturating_add(cached).into());
    crate::json::set(&mut written, "cacheReadInputTokens", usage.cached);
    crate::json::set(&mut written, "cacheWriteInputTokens", usage.cache_write);
    Value::Object(written)
}

/// Writes a whole answer.
pub(super) fn write(response: &Response) -> Value {
    let called = response.tool_calls().next().is_some();
    let content: Vec<Part> = response.parts.iter().map(shown).collect();
    // Only media that must be read from a file cannot be written, and those are replaced.
    let content = blocks::write_all(&content).unwrap_or_default();
    let mut body = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": write_reason(&response.finish, called),
        "usage": write_usage(response.usage.as_ref()),
        "metrics": metrics(),
    });
    if let Some(met) = &response.finish.stop_sequence {
        body["additionalModelResponseFields"] = json!({"stop_sequence": met});
    }
    body
}

/// A part of an answer as this format shows it.
fn shown(part: &Part) -> Part {
    let mut part = part.clone();
    part.cache = None;
    if let Body::Media(media) = &part.body {
        let mime = media.mime.clone();
        if !super::media::normalise(&mut part) {
            return Part::text(stand_in(&mime));
        }
    }
    part
}

/// What is shown in place of media that the format cannot hold.
pub(super) fn stand_in(mime: &str) -> String {
    let what = if mime.is_empty() { "file" } else { mime };
    format!("[{what} not shown]")
}
