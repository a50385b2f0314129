//! What the user says to a tool that asks: once, always in this conversation, or no, and why.
use super::news::conversation_changed;
use crate::api::conversations::edit;
use crate::problem::{Answer, Problem};
use crate::state::Shared;
use consort_core::{Error, ErrorKind, Object};
use consort_engine::{Decision, Run, RunId, What};
use consort_store::{ConversationChange, ConversationId};
use serde::Deserialize;
use serde_json::{Value, json};

/// Where a conversation's settings name the tools that run without asking.
const ALLOWED: &str = "allowed";

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Once,
    Always,
    Deny,
}

/// Passes an answer on. Whether it counted: the first one does.
pub(super) async fn decide(
    shared: &Shared,
    run: RunId,
    call_id: &str,
    said: Said,
    reason: Option<&str>,
) -> Answer<Value> {
    let Some(run) = shared.engine.run(run) else { return Ok(json!({"counted": false})) };
    let counted = match said {
        Said::Once => run.decide(call_id, Decision::Yes),
        Said::Always => run.decide(call_id, Decision::Always),
        Said::Deny => run.refuse(call_id, reason.unwrap_or_default()),
    };
    if let (true, Said::Always, Some(tool)) = (counted, said, tool_of(&run, call_id)) {
        always(shared, run.conversation(), &tool).await?;
    }
    Ok(json!({"counted": counted}))
}

/// The tool of a call that asked.
fn tool_of(run: &Run, call_id: &str) -> Option<String> {
    run.so_far().iter().find_map(|envelope| match &envelope.what {
        What::ApprovalWanted { call } if call.id == call_id => Some(call.name.clone()),
        _ => None,
    })
}

/// Lets a tool run without asking from now on: in the runs that are alive, and in all that come.
pub(crate) async fn always(shared: &Shared, conversation: ConversationId, tool: &str) -> Answer<()> {
    for run in shared.engine.runs().iter().filter(|run| run.conversation() == conversation) {
        run.allow(tool);
    }
    let kept = edit(shared, conversation, None, |one| {
        let mut names = allowed(&one.settings);
        if names.iter().any(|name| name == tool) {
            return ConversationChange::default();
        }
        names.push(tool.to_owned());
        let mut settings = one.settings.clone();
        settings.insert(ALLOWED.into(), names.into());
        ConversationChange { settings: Some(settings), ..ConversationChange::default() }
    });
    kept.await.map_err(|problem| {
        let words = format!("`{tool}` runs now, and will ask again later: {}", problem.error().message());
        Problem::from(Error::new(ErrorKind::Setup, words))
    })?;
    conversation_changed(shared, conversation).await;
    Ok(())
}

/// The tools that run without asking in a conversation of these settings.
pub(crate) fn allowed(settings: &Object) -> Vec<String> {
    let names = settings.get(ALLOWED).and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}
