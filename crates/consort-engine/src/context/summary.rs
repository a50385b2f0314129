//! Summaries: made in the background when a conversation begins to fill its window, kept beside the log.
use super::exchange::exchanges;
use consort_core::{Body, Context, Error, Message, Model, Part, Request, Role};
use consort_store::{Store, Summary, SummaryId, Turn};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A summary is due when a view takes more than this much of its budget, in hundredths.
const DUE: u64 = 70;

/// How much of the newest is left out of it, in hundredths of the budget: what is near is sent as it is.
const NEAR: u64 = 40;

/// How many words a summary may take.
const WORDS: usize = 300;

/// How long it may take to make one.
const LIMIT: Duration = Duration::from_mins(2);

const TASK: &str = "You write summaries of conversations, for the assistant that goes on with them. Keep what was \
    asked for, what was decided, names, numbers, file names and what is still open. Leave out small talk. Write in \
    the language of the conversation.";

/// Whether it is time for a summary.
pub(crate) fn is_due(tokens: u64, available: u64) -> bool {
    tokens.saturating_mul(100) > available.saturating_mul(DUE)
}

/// Writes a summary of the older turns and keeps it. Nothing where the newest one still covers enough.
pub(crate) async fn write(
    store: &Arc<dyn Store>,
    model: &dyn Model,
    log: &[Turn],
    sizes: &[u64],
    available: u64,
    context: Context,
) -> Result<Option<Summary>, Error> {
    let Some(last) = log.last() else { return Ok(None) };
    let Some(end) = cut(log, sizes, available) else { return Ok(None) };
    let summaries = store.summaries(last.conversation).await?;
    let place = |summary: &Summary| log.iter().position(|turn| turn.id == summary.up_to);
    let before =
        summaries.iter().filter_map(|summary| Some((place(summary)?, summary))).max_by_key(|(at, _)| *at);
    if before.is_some_and(|(at, _)| at >= end) {
        return Ok(None);
    }
    let from = before.map_or(0, |(at, _)| at + 1);
    let request = request(model, before.map(|(_, summary)| summary.text.as_str()), &log[from..=end]);
    let response = model.generate(Arc::new(request), context.within(LIMIT)).await?;
    let text = response.text().trim().to_owned();
    if text.is_empty() {
        return Ok(None);
    }
    let summary = Summary {
        id: SummaryId::new(),
        conversation: last.conversation,
        up_to: log[end].id,
        text,
        model: Some(model.card().id.clone()),
        cost: response.cost(model.card().price.as_ref()),
        created: SystemTime::now(),
    };
    store.put_summary(summary.clone()).await?;
    Ok(Some(summary))
}

/// The last turn that a summary covers: the end of an exchange, with what is near left out.
fn cut(log: &[Turn], sizes: &[u64], available: u64) -> Option<usize> {
    let near = available.saturating_mul(NEAR) / 100;
    let exchanges = exchanges(log);
    let mut behind = 0;
    for exchange in exchanges.iter().rev() {
        behind += sizes[exchange.clone()].iter().sum::<u64>();
        if behind > near {
            // This one does not fit into what is near any more; the newest is never covered.
            let newest = exchanges.last()?.start;
            return (exchange.start < newest).then(|| exchange.end - 1);
        }
    }
    None
}

fn request(model: &dyn Model, before: Option<&str>, turns: &[Turn]) -> Request {
    let mut text = String::new();
    if let Some(before) = before {
        text.extend(["The summary so far:\n", before, "\n\nWhat was said since:\n"]);
    }
    for turn in turns {
        let who = match turn.role {
            Role::User => turn.participant.as_deref().unwrap_or("User"),
            Role::Assistant => "Assistant",
            Role::Tool => "Tool",
            Role::System => "System",
        };
        for part in &turn.parts {
            if let Some(words) = words(part) {
                text.extend([who, ": ", &words, "\n"]);
            }
        }
    }
    let task = format!("{text}\nWrite a new summary of all of it in at most {WORDS} words.");
    let mut request = Request::new(vec![Message::user(task)]);
    request.model.clone_from(&model.card().name);
    request.instructions.push(TASK.into());
    request
}

/// What a summary is made from: words, and not the bulk of tool results.
fn words(part: &Part) -> Option<String> {
    /// Letters of a tool's result that tell what it was about.
    const RESULT: usize = 2000;
    match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } => Some(text.clone()),
        Body::ToolCall(call) => Some(format!("[calls {}({})]", call.name, call.arguments.raw())),
        Body::ToolResult(result) => Some(result.text().chars().take(RESULT).collect()),
        Body::Media(media) => Some(format!("[{}]", media.name.as_deref().unwrap_or(&media.mime))),
        Body::Reasoning { .. } | Body::Native { .. } => None,
    }
}
