//! Questions with their answers, as lists show them.
use crate::answer::attempt;
use consort_core::{Body, Error, Money, Part, Role};
use consort_store::{Answer, Hit, Status, Store, Turn, TurnId};
use serde_json::{Value, json};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::UNIX_EPOCH;

/// A question, its answer, and what was found of them.
pub(super) struct Exchange {
    pub(super) asked: Option<Turn>,
    pub(super) answer: Option<Turn>,
    pub(super) snippet: Option<String>,
}

/// The hits as exchanges, in their order, so many at most. A question of which the answer was listed is not listed again.
pub(super) fn of(store: &dyn Store, hits: Vec<Hit>, wanted: usize) -> Result<Vec<Exchange>, Error> {
    let mut asked_before: HashSet<TurnId> = HashSet::new();
    let mut all = Vec::new();
    // What was read already is not read again: an answer stands beside its question.
    let mut known: HashMap<TurnId, Turn> = hits.iter().map(|hit| (hit.turn.id, hit.turn.clone())).collect();
    for Hit { turn, snippet } in hits {
        if all.len() == wanted {
            break;
        }
        match turn.role {
            Role::User if asked_before.insert(turn.id) => {
                all.push(Exchange { asked: Some(turn), answer: None, snippet });
            }
            Role::Assistant => {
                let asked = question(store, &mut known, &turn)?;
                asked_before.extend(asked.iter().map(|turn| turn.id));
                all.push(Exchange { asked, answer: Some(turn), snippet });
            }
            _ => {}
        }
    }
    Ok(all)
}

/// What the answer is to: the nearest words of the user before it.
fn question(
    store: &dyn Store,
    known: &mut HashMap<TurnId, Turn>,
    answer: &Turn,
) -> Result<Option<Turn>, Error> {
    /// Between a question and its answer stand rounds of tools, of which there are not many.
    const FAR: usize = 60;
    let mut parent = answer.parent;
    for _ in 0..FAR {
        let Some(id) = parent else { return Ok(None) };
        let turn = match known.entry(id) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => {
                let Some(turn) = pollster::block_on(store.turn(id))? else { return Ok(None) };
                place.insert(turn)
            }
        };
        if turn.role == Role::User {
            return Ok(Some(turn.clone()));
        }
        parent = turn.parent;
    }
    Ok(None)
}

pub(super) fn text(turn: Option<&Turn>) -> String {
    turn.map(|turn| turn.parts.iter().filter_map(Part::as_text).collect()).unwrap_or_default()
}

impl Exchange {
    pub(super) fn turn(&self) -> Option<&Turn> {
        self.answer.as_ref().or(self.asked.as_ref())
    }

    pub(super) fn about(&self) -> Option<&Answer> {
        self.answer.as_ref()?.answer.as_deref()
    }

    /// All that is known of it, for programs.
    pub(super) fn object(&self) -> Value {
        let turn = self.turn();
        let about = self.about().cloned().unwrap_or_default();
        let since = turn.and_then(|turn| turn.created.duration_since(UNIX_EPOCH).ok());
        let reasoning: String = self
            .answer
            .iter()
            .flat_map(|turn| &turn.parts)
            .filter_map(|part| match &part.body {
                Body::Reasoning { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let calls: Vec<Value> = self
            .answer
            .iter()
            .flat_map(|turn| &turn.parts)
            .filter_map(Part::as_tool_call)
            .map(|call| {
                let arguments = call.arguments.value().unwrap_or_else(|_| call.arguments.raw().into());
                json!({"id": call.id, "name": call.name, "arguments": arguments})
            })
            .collect();
        json!({
            "id": turn.map(|turn| turn.id),
            "conversation": turn.map(|turn| turn.conversation),
            "at": turn.map(|turn| crate::time::stamp(turn.created)),
            "at_ms": since.map(|since| since.as_millis() as u64),
            "status": turn.map_or(Status::Complete, |turn| turn.status),
            "model": Some(about.model).filter(|model| !model.is_empty()),
            "resolved_model": about.resolved_model,
            "prompt": text(self.asked.as_ref()),
            "system": Some(about.instructions).filter(|text| !text.is_empty()),
            "response": text(self.answer.as_ref()),
            "reasoning": Some(reasoning).filter(|text| !text.is_empty()),
            "tool_calls": calls,
            "options": about.options,
            "schema": about.schema,
            "usage": about.usage,
            "cost": about.cost.map(Money::dollars),
            "attempts": about.attempts.iter().map(attempt).collect::<Vec<_>>(),
            "duration_ms": about.took.map(|took| took.as_millis() as u64),
            "error": about.error.as_ref().map(crate::exit::to_json),
            "snippet": self.snippet,
        })
    }
}
