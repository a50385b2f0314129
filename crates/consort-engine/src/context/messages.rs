//! Messages from turns: what is sent of each, so that every vendor can read it.
use consort_core::{Body, Media, Message, Part, Role, ToolCall, ToolResult};
use consort_store::{Status, Turn};
use std::collections::HashSet;

const GO_ON: &str = "Go on exactly where you stopped, and repeat nothing.";

/// What is left of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Whole,
    /// Its tool results and attachments are only mentioned.
    Cleared,
    Dropped,
}

/// The messages of these turns; a summary stands before them, marked as one.
pub(super) fn of(log: &[Turn], cuts: &[Cut], summary: Option<&str>) -> Vec<Message> {
    let mut messages: Vec<Message> = summary.map(of_summary).into_iter().collect();
    let kept: Vec<(&Turn, Cut)> =
        log.iter().zip(cuts.iter().copied()).filter(|(_, cut)| *cut != Cut::Dropped).collect();
    let answered = answered(kept.iter().map(|(turn, _)| *turn));
    for (turn, cut) in &kept {
        let parts = parts(turn, *cut, &answered);
        if parts.is_empty() {
            continue;
        }
        // Results of calls that were made together are one message, as vendors want them.
        match messages.last_mut() {
            Some(last) if turn.role == Role::Tool && last.role == Role::Tool => last.parts.extend(parts),
            _ => {
                let mut message = Message::new(turn.role, parts);
                message.name.clone_from(&turn.participant);
                messages.push(message);
            }
        }
        let missing = missing(turn, &answered);
        if !missing.is_empty() {
            messages.push(Message::new(Role::Tool, missing));
        }
    }
    messages
}

/// What is put behind messages that end with the model's own words: vendors answer a user.
pub(crate) fn go_on(last: Option<Role>) -> Option<Message> {
    (last? == Role::Assistant).then(|| Message::user(GO_ON))
}

/// The messages that are sent beside what the log holds: for each turn results in the place of those that it lacks, and
/// what is put at the end.
pub(super) fn beside(log: &[Turn]) -> (Vec<Vec<Part>>, Option<Message>) {
    let answered = answered(log);
    let missing: Vec<Vec<Part>> = log.iter().map(|turn| missing(turn, &answered)).collect();
    // The newest exchange is always sent, so that the end is that of the whole log.
    let last = log.iter().rposition(|turn| sent(turn, &answered).next().is_some());
    let end = last.filter(|at| missing[*at].is_empty()).map(|at| log[at].role);
    (missing, go_on(end))
}

fn answered<'a>(turns: impl IntoIterator<Item = &'a Turn>) -> HashSet<&'a str> {
    turns.into_iter().flat_map(results).collect()
}

/// Results in the place of those that a turn's calls have not.
fn missing(turn: &Turn, answered: &HashSet<&str>) -> Vec<Part> {
    let calls = turn.parts.iter().filter_map(Part::as_tool_call);
    calls
        .filter(|call| turn.status == Status::Complete && !answered.contains(call.id.as_str()))
        .map(not_run)
        .collect()
}

fn of_summary(text: &str) -> Message {
    Message::user(format!("[Summary of the conversation so far, written to save room]\n{text}"))
}

fn results(turn: &Turn) -> impl Iterator<Item = &str> {
    turn.parts.iter().filter_map(|part| match &part.body {
        Body::ToolResult(result) => Some(result.call_id.as_str()),
        _ => None,
    })
}

fn parts(turn: &Turn, cut: Cut, answered: &HashSet<&str>) -> Vec<Part> {
    let parts = sent(turn, answered);
    parts.map(|part| if cut == Cut::Cleared { cleared(part) } else { part.clone() }).collect()
}

fn sent<'a>(turn: &'a Turn, answered: &'a HashSet<&str>) -> impl Iterator<Item = &'a Part> {
    let whole = turn.status == Status::Complete;
    turn.parts.iter().filter(move |part| {
        let called = part.as_tool_call().is_some_and(|call| answered.contains(call.id.as_str()));
        called || is_sent(part, whole)
    })
}

/// Whether a part is sent back: a call or a thought that was cut off is nothing that a vendor takes.
pub(crate) fn is_sent(part: &Part, whole: bool) -> bool {
    match &part.body {
        Body::Text { text, .. } => !text.is_empty() || part.signature.is_some(),
        Body::ToolCall(_) => whole,
        Body::Reasoning { .. } => whole || part.signature.is_some(),
        _ => true,
    }
}

/// The result of a call that nobody ran: vendors want one for each.
fn not_run(call: &ToolCall) -> Part {
    Body::ToolResult(ToolResult {
        call_id: call.id.clone(),
        name: call.name.clone(),
        content: vec![Part::text("[not run: the user stopped it]")],
        is_error: true,
    })
    .into()
}

/// What is sent in the place of an old tool result or attachment.
fn cleared(part: &Part) -> Part {
    match &part.body {
        Body::ToolResult(result) => Body::ToolResult(ToolResult {
            content: vec![Part::text("[cleared to save room: an old result]")],
            ..result.clone()
        })
        .into(),
        Body::Media(media) => Part::text(format!("[cleared to save room: {}]", named(media))),
        _ => part.clone(),
    }
}

fn named(media: &Media) -> String {
    match &media.name {
        Some(name) => format!("{name}, {}", media.mime),
        None if media.mime.is_empty() => "an attachment".to_owned(),
        None => media.mime.clone(),
    }
}
