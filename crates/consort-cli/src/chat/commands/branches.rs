//! `/branches`: the leaves of a conversation's tree, and the way to another one.
use super::super::session::Session;
use super::{tell, wrong};
use crate::exit::Failure;
use crate::terminal::{Style, table};
use consort_core::{Part, Role};
use consort_engine::line;
use consort_store::{ConversationChange, Turn, TurnId};
use std::collections::{HashMap, HashSet};

pub(super) fn run(session: &mut Session, number: &str) -> Result<(), Failure> {
    let Some(conversation) = session.conversation else { return Ok(tell("there are no branches yet")?) };
    let tree = pollster::block_on(session.store().tree(conversation))?;
    let leaves = leaves(&tree);
    if number.is_empty() {
        let turns: HashMap<TurnId, &Turn> = tree.iter().map(|turn| (turn.id, turn)).collect();
        let rows = leaves.iter().enumerate().map(|(at, leaf)| {
            let mark = if Some(leaf.id) == session.tip { "*" } else { "" };
            vec![format!("{}{mark}", at + 1), words(leaf, &turns)]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        return Ok(table(&mut anstream::stderr().lock(), &rows, &[Some(Style::Bold), None])?);
    }
    let chosen = number.parse::<usize>().ok().and_then(|number| leaves.get(number.checked_sub(1)?));
    let Some(leaf) = chosen else {
        return Err(wrong(format!("there is no branch `{number}`: there are {}", leaves.len())));
    };
    let change = ConversationChange { tip: Some(Some(leaf.id)), ..ConversationChange::default() };
    pollster::block_on(session.store().change(conversation, change))?;
    session.tip = Some(leaf.id);
    Ok(tell(format!("on branch {number}"))?)
}

/// The turns that nothing follows, in the order in which they were made.
fn leaves(tree: &[Turn]) -> Vec<&Turn> {
    let followed: HashSet<TurnId> = tree.iter().filter_map(|turn| turn.parent).collect();
    tree.iter().filter(|turn| !followed.contains(&turn.id)).collect()
}

/// The last message of the user on a branch, and how its answer begins.
fn words(leaf: &Turn, turns: &HashMap<TurnId, &Turn>) -> String {
    let mut at = Some(leaf);
    let mut said = None;
    while let Some(turn) = at {
        if turn.role == Role::User {
            said = Some(turn);
            break;
        }
        at = turn.parent.and_then(|parent| turns.get(&parent)).copied();
    }
    let said = said.map(|turn| begins(turn, 40)).unwrap_or_default();
    if leaf.role == Role::User { said } else { format!("{said}  |  {}", begins(leaf, 40)) }
}

fn begins(turn: &Turn, letters: usize) -> String {
    let text: String = turn.parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join(" ");
    line(&text, letters)
}
