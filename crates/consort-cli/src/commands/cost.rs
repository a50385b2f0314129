//! `consort cost`: what was used and what it cost.
use crate::args::{By, Cost};
use crate::exit::{self, Done};
use crate::kept;
use crate::money::spent;
use crate::setup::Setup;
use crate::terminal::{Style, print_json, table, tamed, thousands};
use crate::time;
use consort_core::Error;
use consort_store::{ConversationId, CostRow, GroupBy, Spend, SpendQuery, SqliteStore, Store};
use serde_json::{Value, json};
use std::io::Write;
use std::time::SystemTime;

pub(crate) fn run(cost: &Cost, setup: &Setup) -> Done {
    let since = cost.since.as_deref().map(since).transpose()?;
    let store = kept::to_read(setup)?;
    let query = SpendQuery { since, ..SpendQuery::default() };
    let by = match cost.by {
        By::Day => GroupBy::Day,
        By::Month => GroupBy::Month,
        By::Model => GroupBy::Model,
        By::Conversation => GroupBy::Conversation,
        By::Key => GroupBy::Key,
    };
    let rows = pollster::block_on(store.costs(query, by))?;
    let mut total = Spend::default();
    rows.iter().for_each(|row| total.add(&row.spend));
    if cost.json {
        let rows: Vec<Value> = rows.iter().map(|row| object(Some(&row.name), &row.spend)).collect();
        print_json(&json!({"rows": rows, "total": object(None, &total)}))?;
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        writeln!(
            anstream::stderr(),
            "nothing was asked{}",
            if since.is_some() { " since then" } else { " yet" }
        )?;
        return Ok(exit::OK);
    }
    let mut lines = vec![["", "ANSWERS", "IN", "OUT", "COST"].map(str::to_owned).to_vec()];
    for row in &rows {
        lines.push(line(name(row, cost.by, &store)?, &row.spend));
    }
    lines.push(line("total".to_owned(), &total));
    table(&mut anstream::stdout().lock(), &lines, &[Some(Style::Bold)])?;
    Ok(exit::OK)
}

fn since(text: &str) -> Result<SystemTime, Error> {
    time::since(text, SystemTime::now()).ok_or_else(|| {
        exit::usage(format!("`{text}` is no day"))
            .hint("for instance --since 2026-11-01, or --since 7d for a week")
    })
}

fn line(name: String, spend: &Spend) -> Vec<String> {
    vec![name, thousands(spend.tries), thousands(spend.input), thousands(spend.output), spent(spend)]
}

/// What a row is called. A conversation that was deleted has left its cost, and no title.
fn name(row: &CostRow, by: By, store: &SqliteStore) -> Result<String, Error> {
    match by {
        By::Conversation => {
            let Ok(id) = row.name.parse::<ConversationId>() else { return Ok(row.name.clone()) };
            let found = pollster::block_on(store.conversation(id))?;
            let title = found.map_or_else(|| Some("(deleted)".to_owned()), |found| found.title);
            Ok(format!("{} {}", kept::short(id), tamed(&title.unwrap_or_default())))
        }
        By::Key if row.name.is_empty() => Ok("(no key)".to_owned()),
        _ => Ok(tamed(&row.name)),
    }
}

fn object(name: Option<&str>, spend: &Spend) -> Value {
    let mut value = json!({
        "answers": spend.tries,
        "input": spend.input,
        "cached": spend.cached,
        "output": spend.output,
        "reasoning": spend.reasoning,
        "cost": spend.cost.dollars(),
        "unknown_price": spend.unpriced,
        "estimated": spend.estimated,
    });
    if let (Some(name), Some(object)) = (name, value.as_object_mut()) {
        object.shift_insert(0, "name".to_owned(), name.into());
    }
    value
}
