//! The response object of a server.
use super::layout::without;
use crate::Reply;
use consort_core::{Finish, FinishReason, Usage};
use serde_json::{Value, json};

/// How an answer stands, in the format's words: its status, and why it is not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) status: String,
    pub(super) detail: Option<String>,
}

impl Standing {
    pub(super) fn new(status: &str) -> Self {
        Self { status: status.to_owned(), detail: None }
    }

    /// The vendor's word where it is one of this format, and else the word for the reason. A model that declines
    /// says so in its message; where it did not (`refused`), the answer was withheld.
    pub(super) fn of(finish: &Finish, refused: bool) -> Self {
        const STATUSES: [&str; 5] = ["completed", "incomplete", "cancelled", "queued", "in_progress"];
        if let Some(word) = &finish.vendor_reason {
            let (status, detail) = match word.split_once(':') {
                Some((status, detail)) => (status, Some(detail.to_owned())),
                None => (word.as_str(), None),
            };
            if STATUSES.contains(&status) {
                return Self { status: status.to_owned(), detail };
            }
        }
        let detail = match finish.reason {
            FinishReason::Length => "max_output_tokens",
            FinishReason::ContentFilter => "content_filter",
            FinishReason::Refusal if !refused => "content_filter",
            FinishReason::Other if finish.vendor_reason.is_some() => {
                return Self { status: "incomplete".into(), detail: finish.vendor_reason.clone() };
            }
            _ => return Self::new("completed"),
        };
        Self { status: "incomplete".into(), detail: Some(detail.into()) }
    }
}

/// A response object, with every field that a client may look for.
pub(super) fn response(
    id: &str,
    model: &str,
    reply: &Reply,
    standing: &Standing,
    output: Vec<Value>,
    usage: Option<Value>,
) -> Value {
    json!({
        "id": id,
        "object": "response",
        "created_at": reply.created,
        "status": standing.status,
        "background": false,
        "error": null,
        "incomplete_details": standing.detail.as_ref().map(|reason| json!({"reason": reason})),
        "instructions": null,
        "max_output_tokens": null,
        "metadata": {},
        "model": model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null},
        "service_tier": "default",
        "store": false,
        "temperature": null,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "truncation": "disabled",
        "usage": usage,
        "user": null,
    })
}

/// Marks token counts that nobody counted.
pub(super) const UNCOUNTED: &str = "uncounted";

/// Token counts as this format tells them. Clients break without the object: where nobody counted it holds
/// zeros, and a mark that says so.
pub(super) fn usage(usage: Option<&Usage>) -> Value {
    let Some(usage) = usage else {
        let mut object = self::usage(Some(&Usage::default()));
        object[UNCOUNTED] = true.into();
        return object;
    };
    let (input, output) = (usage.all_input().unwrap_or(0), usage.all_output().unwrap_or(0));
    let mut object = json!({
        "input_tokens": input,
        "input_tokens_details": {
            "cached_tokens": usage.cached.unwrap_or(0),
            "cache_write_tokens": usage.cache_write.unwrap_or(0),
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning.unwrap_or(0)},
        "total_tokens": usage.total.unwrap_or(input.saturating_add(output)),
    });
    // What a vendor of this format says beyond that goes along.
    if let Some(Value::Object(said)) = usage.vendor.as_deref()
        && said.contains_key("input_tokens_details")
        && let Some(object) = object.as_object_mut()
    {
        const TOLD: &[&str] = &[
            "input_tokens",
            "input_tokens_details",
            "output_tokens",
            "output_tokens_details",
            "total_tokens",
        ];
        object.extend(without(said.clone(), TOLD));
    }
    object
}
