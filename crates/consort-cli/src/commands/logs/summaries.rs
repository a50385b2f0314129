//! `consort logs summaries`: what stands for a conversation's old turns, listed, edited, deleted.
use crate::exit::{self, Done, Failure};
use crate::kept;
use crate::setup::Setup;
use crate::terminal::{Style, print_json, tamed};
use consort_core::Money;
use consort_store::{SqliteStore, Store, Summary};
use serde_json::{Value, json};
use std::io::{self, Write};

/// What is done with one of them.
pub(super) enum Change {
    Set(String),
    Delete,
}

pub(super) fn list(id: &str, which: Option<&str>, as_json: bool, setup: &Setup) -> Done {
    let store = kept::to_read(setup)?;
    let mut found = of(&store, id)?;
    if let Some(which) = which {
        found = vec![one(found, which)?];
    }
    if as_json {
        print_json(&found.iter().map(to_json).collect())?;
        return Ok(exit::OK);
    }
    if found.is_empty() {
        writeln!(anstream::stderr(), "this conversation has no summary: it fits, or none was written")?;
    }
    let mut to = anstream::stdout().lock();
    for summary in &found {
        let by = summary.model.as_deref().unwrap_or("you");
        let cost = summary.cost.map(|cost| format!(", {cost}")).unwrap_or_default();
        let head = format!("{}  by {by}{cost}, {}", summary.id, crate::time::stamp(summary.created));
        writeln!(to, "{}\n{}\n", Style::Bold.paint(tamed(&head)), tamed(&summary.text))?;
    }
    to.flush()?;
    Ok(exit::OK)
}

pub(super) fn change(id: &str, which: &str, change: Change, setup: &Setup) -> Done {
    let store = SqliteStore::open(kept::database(setup))?;
    let summary = one(of(&store, id)?, which)?;
    match change {
        Change::Delete => pollster::block_on(store.remove_summary(summary.id))?,
        Change::Set(text) => {
            let text = if text == "-" { io::read_to_string(io::stdin())? } else { text };
            if text.trim().is_empty() {
                return Err(exit::usage("a summary needs words").hint("--delete takes it away").into());
            }
            let edited = Summary { text: text.trim().to_owned(), model: None, ..summary };
            pollster::block_on(store.put_summary(edited))?;
        }
    }
    Ok(exit::OK)
}

fn of(store: &SqliteStore, id: &str) -> Result<Vec<Summary>, Failure> {
    let conversation = kept::find(store, id)?;
    Ok(pollster::block_on(store.summaries(conversation.id))?)
}

/// The one whose id begins so.
fn one(all: Vec<Summary>, which: &str) -> Result<Summary, Failure> {
    let mut found = all.into_iter().filter(|one| one.id.to_string().starts_with(which));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(exit::usage(format!("this conversation has no summary `{which}`")).into()),
        (Some(_), Some(_)) => Err(exit::usage(format!("several summaries begin with `{which}`")).into()),
    }
}

fn to_json(summary: &Summary) -> Value {
    json!({
        "id": summary.id,
        "conversation": summary.conversation,
        "up_to": summary.up_to,
        "text": summary.text,
        "model": summary.model,
        "cost": summary.cost.map(Money::dollars),
        "at": crate::time::stamp(summary.created),
    })
}
