//! Messages from turns: what is sent of each, so that every vendor can read it.
use consort_core::{Body, Media, Message, Part, Role, ToolCall, ToolResult};
use consort_store::{Status, Turn};
use std::collections::HashSet;

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
    let answered: HashSet<&str> = kept.iter().flat_map(|(turn, _)| results(turn)).collect();
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
        let open: Vec<&ToolCall> = turn
            .parts
            .iter()
            .filter_map(Part::as_tool_call)
            .filter(|call| turn.status == Status::Complete && !answered.contains(call.id.as_str()))
            .collect();
        if !open.is_empty() {
            messages.push(Message::new(Role::Tool, open.into_iter().map(not_run).collect()));
        }
    }
    messages
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
    let whole = turn.status == Status::Complete;
    let keep = turn.parts.iter().filter(|part| {
        let called = part.as_tool_call().is_some_and(|call| answered.contains(call.id.as_str()));
        called || is_sent(part, whole)
    });
    keep.map(|part| if cut == Cut::Cleared { cleared(part) } else { part.clone() }).collect()
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
