//! CONVERSATION: its title, its branch that is shown, what the next request starts from, what it cost.
use super::millis;
use crate::problem::Answer;
use crate::state::Shared;
use consort_store::{Conversation, SpendQuery, Turn};
use serde_json::{Map, Value, json};

/// What the API says of one conversation. `turns` where the caller has them already.
pub(crate) async fn conversation(
    shared: &Shared,
    one: &Conversation,
    turns: Option<&[Turn]>,
) -> Answer<Value> {
    let spend = SpendQuery { conversation: Some(one.id), ..SpendQuery::default() };
    let spend = shared.engine.store().spend(spend).await?;
    let running = shared.engine.runs().iter().any(|run| run.conversation() == one.id);
    let mut value = json!({
        "id": one.id, "title": one.title, "titled": one.settings.get("titled"), "pinned": one.pinned,
        "created": millis(one.created), "updated": millis(one.updated), "revision": one.revision, "order": one.changed,
        "model": model_of(&one.settings), "head": one.tip, "settings": settings_of(&one.settings),
        "cost": spend.cost, "cost_unknown": spend.unpriced, "running": running,
    });
    if let Some(turns) = turns {
        value["turns"] = turns.len().into();
    }
    Ok(value)
}

/// What it goes on with: the model that is asked; where a talk began it, the one that was talked with.
fn model_of(kept: &Map<String, Value>) -> Option<&Value> {
    kept.get("model").or_else(|| kept.get("live"))
}

/// What the next request starts from; all of it is there.
pub(crate) fn settings_of(kept: &Map<String, Value>) -> Value {
    let or =
        |name: &str, usual: Value| kept.get(name).filter(|value| !value.is_null()).cloned().unwrap_or(usual);
    json!({
        "system": or("system", "".into()), "sampling": or("sampling", json!({})),
        "reasoning": or("reasoning", json!({})), "options": or("options", json!({})), "tools": or("tools", json!([])),
        "allowed": or("allowed", json!([])),
    })
}
