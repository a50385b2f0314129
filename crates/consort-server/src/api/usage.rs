//! What was used and what it cost.
use super::Asked;
use crate::problem::Answer;
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use consort_store::{CostRow, GroupBy, Spend, SpendQuery};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// Milliseconds since 1970.
    since: Option<u64>,
    until: Option<u64>,
    #[serde(default)]
    by: By,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    #[default]
    Day,
    Month,
    Model,
    Conversation,
    Key,
    /// The provider of the model.
    Plugin,
}

pub(crate) async fn usage(
    State(shared): State<Arc<Shared>>,
    Asked(wanted): Asked<Wanted>,
) -> Answer<Json<Value>> {
    let time = |ms: u64| UNIX_EPOCH + Duration::from_millis(ms);
    let query =
        SpendQuery { since: wanted.since.map(time), until: wanted.until.map(time), ..SpendQuery::default() };
    let by = match wanted.by {
        By::Day => GroupBy::Day,
        By::Month => GroupBy::Month,
        By::Model => GroupBy::Model,
        By::Conversation => GroupBy::Conversation,
        By::Key => GroupBy::Key,
        By::Plugin => GroupBy::Model,
    };
    let store = shared.engine.store();
    let rows = store.costs(query.clone(), by).await?;
    let total = store.spend(query).await?;
    let rows = if matches!(wanted.by, By::Plugin) { of_providers(rows) } else { rows };
    let rows: Vec<Value> = rows.iter().map(|row| used(&row.name, &row.spend)).collect();
    Ok(Json(json!({"rows": rows, "total": used("", &total)})))
}

/// The rows of one provider's models together.
fn of_providers(rows: Vec<CostRow>) -> Vec<CostRow> {
    let mut all: BTreeMap<String, Spend> = BTreeMap::new();
    for row in rows {
        let provider = row.name.split('/').next().unwrap_or_default().to_owned();
        all.entry(provider).or_default().add(&row.spend);
    }
    all.into_iter().map(|(name, spend)| CostRow { name, spend }).collect()
}

fn used(key: &str, spend: &Spend) -> Value {
    json!({
        "key": key, "replies": spend.tries, "input": spend.input, "output": spend.output, "cached": spend.cached,
        "reasoning": spend.reasoning, "cost": spend.cost, "cost_unknown": spend.unpriced, "estimated": spend.estimated,
    })
}
