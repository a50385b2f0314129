//! Summaries: made in the background when a conversation begins to fill its window, kept beside the log.
use super::exchange::exchanges;
use crate::tried;
use consort_core::{Body, Context, Error, Message, Model, Part, Request, Response, Role, estimate_tokens};
use consort_store::{Store, Summary, SummaryId, Turn};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A summary is due when what none covers takes more than this much of the budget, in hundredths.
const DUE: u64 = 70;

/// How much of the newest is left out of it, in hundredths of the budget: what is near is sent as it is.
const NEAR: u64 = 40;

/// How many words a summary may take.
const WORDS: usize = 300;

/// The tokens that are kept for it in its writer's window.
const ANSWER: u64 = 800;

/// How long it may take to make one.
const LIMIT: Duration = Duration::from_mins(2);

const TASK: &str = "You write summaries of conversations, for the assistant that goes on with them. Keep what was \
    asked for, what was decided, names, numbers, file names and what is still open. Leave out small talk. Write in \
    the language of the conversation.";

/// What there is to sum up: the log, what its turns take, and how much there is for them.
pub(crate) struct Full<'a> {
    pub(crate) log: &'a [Turn],
    pub(crate) sizes: &'a [u64],
    pub(crate) available: u64,
}

impl Full<'_> {
    /// Whether it is time for a summary of what lies behind this turn.
    pub(crate) fn is_due(&self, from: usize) -> bool {
        let taken: u64 = self.sizes[from..].iter().sum();
        taken.saturating_mul(100) > self.available.saturating_mul(DUE)
    }

    /// The last turn that a summary covers: the end of an exchange, with what is near left out.
    fn cut(&self) -> Option<usize> {
        let near = self.available.saturating_mul(NEAR) / 100;
        let exchanges = exchanges(self.log);
        let newest = exchanges.last()?.start;
        let mut behind = 0;
        // The first that does not fit into what is near any more; the newest is never covered.
        let over = exchanges.iter().rev().find(|exchange| {
            behind += self.sizes[(*exchange).clone()].iter().sum::<u64>();
            behind > near
        })?;
        over.end.min(newest).checked_sub(1)
    }
}

/// Who writes a summary, and what it may take.
pub(crate) struct Writer<'a> {
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) model: &'a dyn Model,
    /// The window of the model in tokens, where it is known.
    pub(crate) window: Option<u64>,
    pub(crate) context: Context,
}

/// Writes a summary of the older turns and keeps it. Nothing where the newest one still covers enough.
pub(crate) async fn write(writer: Writer<'_>, full: Full<'_>) -> Result<(), Error> {
    let Writer { store, model, window, context } = writer;
    let log = full.log;
    let Some(last) = log.last() else { return Ok(()) };
    let summaries = store.summaries(last.conversation).await?;
    let place = |summary: &Summary| log.iter().position(|turn| turn.id == summary.up_to);
    let before =
        summaries.iter().filter_map(|summary| Some((place(summary)?, summary))).max_by_key(|(at, _)| *at);
    let from = before.map_or(0, |(at, _)| at + 1);
    let Some(end) = full.cut().filter(|end| *end >= from && full.is_due(from)) else { return Ok(()) };
    let before = before.map(|(_, summary)| summary.text.as_str());
    let Some(request) = request(model, window, before, &log[from..=end]) else { return Ok(()) };
    let key = context.key.clone();
    let mut attempts = Vec::new();
    let answered = tried::ask(model, &request, &context.within(LIMIT), &mut attempts).await;
    // It is paid for, whether it is one or not.
    store.book(last.conversation, key, attempts.clone()).await?;
    let response = Response { attempts, ..answered? };
    let text = response.text().trim().to_owned();
    if text.is_empty() {
        return Ok(());
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
    store.put_summary(summary).await
}

/// The request, with the newest part of the turns that fits; nothing where none does.
fn request(model: &dyn Model, window: Option<u64>, before: Option<&str>, turns: &[Turn]) -> Option<Request> {
    let mut said = said(turns);
    loop {
        let request = asking(model, before, &said);
        let Some(window) = window else { return Some(request) };
        // A guess may be too low by a seventh.
        let tokens = estimate_tokens(&request).tokens;
        let room = (window - window / 8).saturating_sub(ANSWER.min(window / 2));
        if tokens <= room {
            return Some(request);
        }
        let letters = said.chars().count();
        let less = (tokens - room).saturating_mul(2).max(8) as usize;
        if less >= letters {
            return None;
        }
        said = said.chars().skip(less).collect();
    }
}

/// The request for a summary of what was said.
fn asking(model: &dyn Model, before: Option<&str>, said: &str) -> Request {
    let mut text = String::new();
    if let Some(before) = before {
        text.extend(["The summary so far:\n", before, "\n\nWhat was said since:\n"]);
    }
    let task = format!("{text}{said}\nWrite a new summary of all of it in at most {WORDS} words.");
    let mut request = Request::new(vec![Message::user(task)]);
    request.model.clone_from(&model.card().name);
    request.instructions.push(TASK.into());
    request
}

fn said(turns: &[Turn]) -> String {
    let mut text = String::new();
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
    text
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
