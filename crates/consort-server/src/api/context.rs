//! What a model would be sent of a conversation, and what that costs: shown before anything is sent.
use super::conversations::find;
use super::{Asked, Named};
use crate::problem::Answer;
use crate::shape;
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use consort_core::{Body, Modality, Support, Usage};
use consort_store::{ConversationId, TurnId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    model: Option<String>,
    parent: Option<TurnId>,
}

pub(crate) async fn context(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<ConversationId>,
    Asked(wanted): Asked<Wanted>,
) -> Answer<Json<Value>> {
    let one = find(&shared, id).await?;
    let kept = one.settings.get("model").and_then(Value::as_str).map(str::to_owned);
    let model = wanted.model.or(kept).unwrap_or_else(|| shared.house.default_model());
    let store = shared.engine.store();
    let log = match wanted.parent.or(one.tip) {
        Some(tip) => store.path(tip).await?,
        None => Vec::new(),
    };
    // The card that is known: looking starts no plugin.
    let list = shared.lists.now(&shared).await;
    let card = list.rows.iter().find(|row| row.id == model).and_then(|row| row.card.as_ref());
    let preset = card.map(|card| shared.house.preset(card)).unwrap_or_default();
    let system = shape::settings_of(&one.settings)["system"].as_str().unwrap_or_default().to_owned();
    let seen = shared.engine.preview(&log, card, preset.window, &system);
    let usage = Usage { input: Some(seen.tokens), output: Some(0), ..Usage::default() };
    let price = card.and_then(|card| card.price.as_ref());
    let lacks: BTreeSet<&str> = log
        .iter()
        .flat_map(|turn| &turn.parts)
        .filter_map(|part| match &part.body {
            Body::Media(media) => Some(Modality::of_mime(&media.mime)),
            _ => None,
        })
        .filter(|kind| !matches!(kind, Modality::Text | Modality::File))
        .filter(|kind| card.is_some_and(|card| card.capabilities.reads(*kind) == Support::No))
        .map(Modality::as_str)
        .collect();
    Ok(Json(json!({
        "tokens": seen.tokens, "estimated": true, "limit": seen.window, "from": seen.begins,
        "cost": price.and_then(|price| price.cost(Some(&usage))), "lacks": lacks,
    })))
}
