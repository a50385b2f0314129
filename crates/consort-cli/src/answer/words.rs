//! Things that happen to an answer, in a line each.
use consort_core::FinishReason;
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

/// A result in a line.
pub(super) fn clipped(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
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
