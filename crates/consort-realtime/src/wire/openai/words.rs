//! How an answer ended and what it took, in the vendor's words.
use super::super::json::text;
use consort_core::{Finish, FinishReason, Usage};
use serde_json::Value;

pub(super) fn finish(response: &Value, called: bool) -> Finish {
    let details = &response["status_details"];
    let (status, detail) = (text(response, "status"), text(details, "reason"));
    let reason = match (status, detail) {
        ("completed" | "", _) if called => FinishReason::ToolCalls,
        ("completed" | "", _) => FinishReason::Stop,
        ("incomplete", "max_output_tokens") => FinishReason::Length,
        ("incomplete", "content_filter") => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    };
    match (status, detail) {
        ("", _) => reason.into(),
        (status, "") => Finish::new(reason, status),
        (status, detail) => Finish::new(reason, format!("{status}:{detail}")),
    }
}

/// Cached tokens are part of the input, and thinking of the output. An empty object counts nothing.
pub(super) fn usage(counts: &Value) -> Option<Usage> {
    counts.as_object().filter(|object| !object.is_empty())?;
    let (input, output) = (&counts["input_token_details"], &counts["output_token_details"]);
    let sound = |counts: &Value| counts["audio_tokens"].as_u64().filter(|tokens| *tokens > 0);
    let cached_sound = sound(&input["cached_tokens_details"]).unwrap_or(0);
    Some(Usage {
        input: counts["input_tokens"].as_u64(),
        output: counts["output_tokens"].as_u64(),
        cached: input["cached_tokens"].as_u64(),
        reasoning: output["reasoning_tokens"].as_u64(),
        total: counts["total_tokens"].as_u64(),
        audio_input: sound(input).map(|tokens| tokens.saturating_sub(cached_sound)),
        audio_output: sound(output),
        cached_in_input: true,
        reasoning_in_output: true,
        vendor: Some(Box::new(counts.clone())),
        ..Usage::default()
    })
}
