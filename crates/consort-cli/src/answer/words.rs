//! Things that happen to an answer, in a line each.
use consort_core::{Attempt, FinishReason};
use consort_engine::ViewReport;

/// What was left out of what the model was sent, in words.
pub(super) fn trimmed(report: &ViewReport) -> String {
    let mut words = Vec::new();
    match (report.dropped_turns, report.summary) {
        (0, _) => {}
        (turns, Some(_)) => words.push(format!("a summary stood for {turns} old messages")),
        (turns, None) => words.push(format!("{turns} old messages were left out")),
    }
    if report.cleared > 0 {
        words.push(format!("{} old results or attachments were only mentioned", report.cleared));
    }
    format!("not all of the conversation fits: {}", words.join(", "))
}

/// How an answer ended, where it is not as it should.
pub(super) fn how_it_ended(reason: FinishReason) -> Option<&'static str> {
    Some(match reason {
        FinishReason::Length => "note: the answer was cut at the limit of tokens",
        FinishReason::ContentFilter => "note: the provider's filter cut the answer",
        FinishReason::Refusal => "note: the model declined to answer",
        FinishReason::Pause => "note: the provider paused the answer before its end",
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Other => return None,
    })
}

/// `answered by b/m (a/m: rate limit, 12.0 s)`, where somebody failed before; who failed, where nobody answered.
pub(super) fn who_answered(attempts: &[Attempt]) -> Option<String> {
    let failed = |attempt: &&Attempt| attempt.error.is_some();
    let others: Vec<String> = attempts
        .iter()
        .filter(failed)
        .filter_map(|attempt| {
            let what = attempt.error.as_ref()?.kind().as_str().replace('_', " ");
            let rests = if attempt.unasked.is_some() { "rests after " } else { "" };
            let took = (attempt.waited + attempt.took).as_secs_f64();
            let took = if took < 0.05 { String::new() } else { format!(", {took:.1} s") };
            Some(format!("{}: {rests}{what}{took}", attempt.target))
        })
        .collect();
    let others = others.join("; ");
    match attempts.iter().rev().find(|attempt| attempt.error.is_none()) {
        Some(_) if others.is_empty() => None,
        Some(answered) => Some(format!("answered by {} ({others})", answered.target)),
        None => (attempts.len() > 1).then(|| format!("asked: {others}")),
    }
}
