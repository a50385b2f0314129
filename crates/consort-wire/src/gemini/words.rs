//! Why an answer ended, in the vendor's words.
use consort_core::{Finish, FinishReason};

const WORDS: [(&str, FinishReason); 21] = [
    ("STOP", FinishReason::Stop),
    ("MAX_TOKENS", FinishReason::Length),
    ("SAFETY", FinishReason::ContentFilter),
    ("RECITATION", FinishReason::ContentFilter),
    ("BLOCKLIST", FinishReason::ContentFilter),
    ("PROHIBITED_CONTENT", FinishReason::ContentFilter),
    ("SPII", FinishReason::ContentFilter),
    ("MODEL_ARMOR", FinishReason::ContentFilter),
    ("IMAGE_SAFETY", FinishReason::ContentFilter),
    ("IMAGE_PROHIBITED_CONTENT", FinishReason::ContentFilter),
    ("IMAGE_RECITATION", FinishReason::ContentFilter),
    ("LANGUAGE", FinishReason::Other),
    ("OTHER", FinishReason::Other),
    ("MALFORMED_FUNCTION_CALL", FinishReason::Other),
    ("UNEXPECTED_TOOL_CALL", FinishReason::Other),
    ("TOO_MANY_TOOL_CALLS", FinishReason::Other),
    ("MISSING_THOUGHT_SIGNATURE", FinishReason::Other),
    ("MALFORMED_RESPONSE", FinishReason::Other),
    ("NO_IMAGE", FinishReason::Other),
    ("IMAGE_OTHER", FinishReason::Other),
    ("FINISH_REASON_UNSPECIFIED", FinishReason::Other),
];

/// What a word means. The vendor says `STOP` when it waits for tools too.
pub(super) fn reason(word: &str, called: bool) -> FinishReason {
    let found =
        WORDS.iter().find(|(known, _)| *known == word).map_or(FinishReason::Other, |(_, reason)| *reason);
    if found == FinishReason::Stop && called { FinishReason::ToolCalls } else { found }
}

/// The word for an answer of any vendor: its own word where that is one of these.
pub(super) fn word(reason: FinishReason, vendor: Option<&str>) -> &str {
    if let Some(word) = vendor
        && WORDS.iter().any(|(known, _)| *known == word)
    {
        return word;
    }
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Pause => "STOP",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter | FinishReason::Refusal => "SAFETY",
        FinishReason::Other => "OTHER",
    }
}

pub(super) fn of_finish(finish: &Finish) -> &str {
    word(finish.reason, finish.vendor_reason.as_deref())
}
