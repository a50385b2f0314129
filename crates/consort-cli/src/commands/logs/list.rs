//! The list of what was asked and answered, newest first.
use super::exchange::{self, Exchange};
use crate::args::LogList;
use crate::exit::{self, Done};
use crate::kept;
use crate::terminal::{Style, print_json, tamed, thousands};
use crate::time::minute;
use consort_core::Usage;
use consort_engine::line;
use consort_store::{SqliteStore, Status, Store, TurnQuery};
use serde_json::Value;
use std::io::Write;

/// Letters of a question and of an answer.
const LETTERS: usize = 100;

/// How many are listed where nobody says how many.
const USUAL: usize = 10;

pub(super) fn run(list: &LogList, store: &SqliteStore) -> Done {
    let wanted = match list.number {
        Some(0) => usize::MAX,
        number => number.unwrap_or(USUAL),
    };
    let conversation = list.conversation.as_deref().map(|id| kept::find(store, id)).transpose()?;
    // Questions and the rounds of tools are turns too.
    let limit = wanted.checked_mul(4).map(|turns| turns.saturating_add(16));
    let query = TurnQuery {
        search: (!list.query.is_empty()).then(|| list.query.join(" ")),
        conversation: conversation.map(|found| found.id),
        model: list.model.clone(),
        limit,
    };
    let hits = pollster::block_on(store.turns(query))?;
    let found = exchange::of(store, hits, wanted)?;
    if list.json {
        let all: Vec<Value> = found.iter().map(Exchange::object).collect();
        print_json(&all.into())?;
        return Ok(exit::OK);
    }
    if found.is_empty() {
        let nothing = if list.query.is_empty() { "nothing was asked yet" } else { "nothing was found" };
        writeln!(anstream::stderr(), "{nothing}")?;
        return Ok(exit::OK);
    }
    // Written at once: a terminal's lines are a system call each.
    let mut text = String::new();
    for one in &found {
        show(one, list.full, &mut text);
    }
    let mut to = anstream::stdout().lock();
    to.write_all(text.as_bytes())?;
    Ok(exit::OK)
}

fn show(one: &Exchange, full: bool, to: &mut String) {
    let Some(turn) = one.turn() else { return };
    let id = Style::Bold.paint(kept::short(turn.conversation)).to_string();
    let mut words = vec![minute(turn.created)];
    words.extend(one.about().into_iter().flat_map(about));
    match turn.status {
        Status::Complete => {}
        Status::Running => words.push("still answering".to_owned()),
        Status::Interrupted => words.push("interrupted".to_owned()),
        Status::Failed => words.push("failed".to_owned()),
    }
    if one.answer.is_none() {
        words.push("no answer".to_owned());
    }
    to.extend([id.as_str(), "  ", &Style::Dim.paint(words.join("  ")).to_string(), "\n"]);
    let (asked, answered) = (exchange::text(one.asked.as_ref()), exchange::text(one.answer.as_ref()));
    if full {
        to.push_str(&indented("> ", &asked));
        to.push_str(&indented("  ", &answered));
        to.push('\n');
        return;
    }
    let answered = one.snippet.as_deref().unwrap_or(&answered);
    let lines = [("> ", line(&asked, LETTERS)), ("  ", line(answered, LETTERS))];
    for (mark, line) in lines {
        if !line.is_empty() {
            to.extend(["  ", mark, &line, "\n"]);
        }
    }
}

/// The model, what it was really, what it took, what it cost.
fn about(about: &consort_store::Answer) -> Vec<String> {
    let mut words = vec![match about.resolved_model.as_deref() {
        Some(resolved) if !about.model.ends_with(resolved) => {
            format!("{} ({})", about.model, tamed(resolved))
        }
        _ => about.model.clone(),
    }];
    let tokens =
        about.usage.as_ref().and_then(|usage: &Usage| Some((usage.all_input()?, usage.all_output()?)));
    words.extend(tokens.map(|(input, output)| format!("{} in, {} out", thousands(input), thousands(output))));
    words.push(about.cost.map_or("price unknown".to_owned(), |cost| cost.to_string()));
    if about.attempts.len() > 1 {
        words.push(format!("{} tries", about.attempts.len()));
    }
    words
}

fn indented(mark: &str, text: &str) -> String {
    tamed(text).trim_end().lines().flat_map(|line| ["  ", mark, line, "\n"]).collect()
}
