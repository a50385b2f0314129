//! Conversations: lists, one whole, and what changes.
use super::{Asked, Body, DONE, Named};
use crate::live::{self, conversation_changed};
use crate::problem::{Answer, Problem};
use crate::shape;
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consort_store::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, NewConversation, TurnId, TurnQuery,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How many rows a list has at most.
const ROWS: usize = 200;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    query: Option<String>,
    limit: Option<usize>,
    /// How many rows were there already.
    before: Option<String>,
}

pub(crate) async fn all(
    State(shared): State<Arc<Shared>>,
    Asked(wanted): Asked<Wanted>,
) -> Answer<Json<Value>> {
    let limit = wanted.limit.unwrap_or(50).clamp(1, ROWS);
    let offset = wanted.before.as_deref().and_then(|before| before.parse().ok()).unwrap_or(0);
    let search = wanted.query.filter(|query| !query.trim().is_empty());
    let query = ConversationQuery {
        search: search.clone(),
        limit: Some(limit + 1),
        offset,
        ..ConversationQuery::default()
    };
    let mut found = shared.engine.store().conversations(query).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let mut rows = Vec::with_capacity(found.len());
    for one in &found {
        let mut row = shape::conversation(&shared, one, None).await?;
        if let Some(search) = &search {
            row["match"] = matched(&shared, one, search).await?;
        }
        rows.push(row);
    }
    let next = more.then(|| (offset + limit).to_string());
    Ok(Json(json!({"rows": rows, "next": next})))
}

/// Where the words stand in a conversation.
async fn matched(shared: &Shared, one: &Conversation, search: &str) -> Answer<Value> {
    let query = TurnQuery {
        search: Some(search.to_owned()),
        conversation: Some(one.id),
        limit: Some(1),
        ..TurnQuery::default()
    };
    let hits = shared.engine.store().turns(query).await?;
    let Some(hit) = hits.into_iter().next() else { return Ok(Value::Null) };
    let text = hit.snippet.unwrap_or_default();
    Ok(json!({"turn": hit.turn.id, "marks": marks(&text, search), "text": text}))
}

/// Where each of the words stands, in letters.
fn marks(text: &str, search: &str) -> Vec<[usize; 2]> {
    let letters: Vec<char> = text.chars().flat_map(|letter| letter.to_lowercase().take(1)).collect();
    let mut marks = Vec::new();
    for word in search.split_whitespace() {
        let word: Vec<char> = word.trim_matches('"').to_lowercase().chars().collect();
        if word.is_empty() {
            continue;
        }
        let places = letters.windows(word.len()).enumerate().filter(|(_, piece)| *piece == word);
        marks.extend(places.map(|(at, _)| [at, at + word.len()]));
    }
    marks.sort_unstable();
    // What overlaps is one mark.
    let mut apart: Vec<[usize; 2]> = Vec::new();
    for [from, to] in marks {
        match apart.last_mut() {
            Some(last) if from <= last[1] => last[1] = last[1].max(to),
            _ => apart.push([from, to]),
        }
    }
    apart
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    title: Option<String>,
    pinned: Option<bool>,
    model: Option<String>,
    head: Option<TurnId>,
    settings: Option<Map<String, Value>>,
    revision: Option<u64>,
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Body(new): Body<Change>,
) -> Answer<(StatusCode, Json<Value>)> {
    shared.begins()?;
    let mut settings = new.settings.clone().unwrap_or_default();
    let system = shared.desk.get().system;
    if !settings.contains_key("system") && !system.is_empty() {
        settings.insert("system".into(), system.into());
    }
    settings.extend(noted(&new));
    let made = NewConversation { title: new.title, settings, ..NewConversation::default() };
    let one = shared.engine.store().create(made).await?;
    conversation_changed(&shared, one.id).await;
    Ok((StatusCode::CREATED, Json(shape::conversation(&shared, &one, Some(&[])).await?)))
}

/// What is kept beside the settings.
fn noted(change: &Change) -> Map<String, Value> {
    let mut noted = Map::new();
    if let Some(model) = &change.model {
        noted.insert("model".into(), model.as_str().into());
    }
    if change.title.is_some() {
        noted.insert("titled".into(), "user".into());
    }
    noted
}

pub(crate) async fn one(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<ConversationId>,
) -> Answer<Json<Value>> {
    let one = find(&shared, id).await?;
    let turns = shared.engine.store().tree(id).await?;
    let runs: Vec<Value> =
        shared.engine.runs().iter().filter(|run| run.conversation() == id).map(live::of_run).collect();
    let shapes: Vec<Value> = turns.iter().map(shape::turn).collect();
    let conversation = shape::conversation(&shared, &one, Some(&turns)).await?;
    Ok(Json(json!({"conversation": conversation, "turns": shapes, "runs": runs})))
}

/// A conversation that is there and not deleted.
pub(crate) async fn find(shared: &Shared, id: ConversationId) -> Answer<Conversation> {
    let found = shared.engine.store().conversation(id).await?.filter(|one| one.deleted.is_none());
    found.ok_or_else(|| Problem::missing("this conversation is not there any more"))
}

/// Changes a conversation by what it is at that moment: who changes it at the same time does so before or after, here or in
/// another process. `seen` is the revision that the user saw; nothing changes where there is a newer one.
pub(crate) async fn edit(
    shared: &Shared,
    id: ConversationId,
    seen: Option<u64>,
    change: impl Fn(&Conversation) -> ConversationChange,
) -> Answer<()> {
    loop {
        let one = find(shared, id).await?;
        if seen.is_some_and(|seen| seen != one.revision) {
            return Err(Problem::late(shape::conversation(shared, &one, None).await?));
        }
        let change = ConversationChange { from: Some(one.revision), ..change(&one) };
        // Where it is not taken, somebody else's was: this one is made once more from what it is now.
        if shared.engine.store().change(id, change).await? {
            return Ok(());
        }
    }
}

pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<ConversationId>,
    Body(change): Body<Change>,
) -> Answer<Json<Value>> {
    if let Some(head) = change.head {
        let turn = shared.engine.store().turn(head).await?;
        if turn.is_none_or(|turn| turn.conversation != id) {
            return Err(Problem::missing(format!("this conversation has no turn {head}")));
        }
    }
    edit(&shared, id, change.revision, |one| {
        let mut settings = one.settings.clone();
        settings.extend(change.settings.clone().unwrap_or_default());
        settings.extend(noted(&change));
        let title = change.title.as_deref().map(str::trim);
        ConversationChange {
            title: title.map(|title| Some(title.to_owned()).filter(|title| !title.is_empty())),
            pinned: change.pinned,
            tip: change.head.map(Some),
            settings: (settings != one.settings).then_some(settings),
            ..ConversationChange::default()
        }
    })
    .await?;
    conversation_changed(&shared, id).await;
    let one = find(&shared, id).await?;
    Ok(Json(shape::conversation(&shared, &one, None).await?))
}

#[derive(Deserialize)]
pub(crate) struct Pin {
    pinned: bool,
}

/// Pins a turn: it stays in what the model is sent.
pub(crate) async fn pin(
    State(shared): State<Arc<Shared>>,
    Named(id): Named<TurnId>,
    Body(pin): Body<Pin>,
) -> Answer<StatusCode> {
    let turn = shared.engine.store().turn(id).await?;
    let turn = turn.ok_or_else(|| Problem::missing("this turn is not there any more"))?;
    shared.engine.store().pin(id, pin.pinned).await?;
    let turn = consort_store::Turn { pinned: pin.pinned, ..turn };
    let value = json!({"type": "turn", "turn": shape::turn(&turn)});
    shared.hub.tell(live::News::Of(turn.conversation, value));
    conversation_changed(&shared, turn.conversation).await;
    DONE
}
