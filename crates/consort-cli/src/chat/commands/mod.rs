//! What the commands of a chat do.
mod branches;
mod keep;
mod set;

use super::Next;
use super::command::{ALL, Command, What};
use super::editor;
use super::say::Said;
use super::session::Session;
use crate::ask::attach;
use crate::exit::{self, Failure};
use crate::money::spent;
use crate::terminal::{Style, table};
use consort_core::Part;
use consort_engine::Place;
use consort_store::SpendQuery;
use std::io::{self, Write};

pub(super) fn run(session: &mut Session, command: Command<'_>) -> Result<Next, Failure> {
    let rest = command.rest;
    match command.what {
        What::Model => set::model(session, rest)?,
        What::System => set::system(session, rest)?,
        What::Tools => set::tools(session, rest)?,
        What::Attach => attach(session, rest)?,
        What::Retry => return retry(session),
        What::Edit => return edit(session),
        What::Branches => branches::run(session, rest)?,
        What::Save => keep::save(session, rest)?,
        What::New => begin_anew(session)?,
        What::Conversations => keep::conversations(session, rest)?,
        What::Cost => cost(session)?,
        What::Help => help()?,
        What::Quit => return Ok(Next::Leave),
    }
    Ok(Next::On)
}

/// A line of the program's own, beside the conversation.
fn tell(text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(anstream::stderr(), "{}", Style::Dim.paint(text))
}

fn help() -> Result<(), Failure> {
    let rows = ALL.iter().map(|(_, name, rest, about)| vec![format!("{name} {rest}"), (*about).to_owned()]);
    let rows: Vec<Vec<String>> = rows.collect();
    let mut to = anstream::stderr().lock();
    table(&mut to, &rows, &[None, Some(Style::Dim)])?;
    writeln!(to, "  Alt+Enter begins a new line, Tab completes, Ctrl+R searches; Ctrl+C stops an answer")?;
    Ok(())
}

fn attach(session: &mut Session, place: &str) -> Result<(), Failure> {
    if place.is_empty() {
        let names = session.attached.iter().map(|media| media.name.clone().unwrap_or(media.mime.clone()));
        let names: Vec<String> = names.collect();
        let with = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        return Ok(tell(format!("the next message is sent with {with}"))?);
    }
    let media = attach::one(place, None)?;
    let about = if media.mime.is_empty() { place } else { &media.mime };
    tell(format!("goes with the next message: {about}"))?;
    session.attached.push(media);
    Ok(())
}

fn retry(session: &mut Session) -> Result<Next, Failure> {
    if let Some(tip) = session.waits_for_tools()? {
        // What was cut goes on: a tool that ended is not run again.
        return session.answer(None, Place::After(tip));
    }
    let Some(Said { turn, .. }) = session.last_said()? else {
        tell("there is nothing to answer once more")?;
        return Ok(Next::On);
    };
    session.answer(None, Place::After(turn))
}

/// Changes the last message: what was said stays, beside what is said now.
fn edit(session: &mut Session) -> Result<Next, Failure> {
    let Some(Said { parent, parts, .. }) = session.last_said()? else {
        tell("there is nothing to change yet")?;
        return Ok(Next::On);
    };
    let before: String = parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("\n");
    let Some(changed) = editor::edit(&before, &session.setup.env)? else {
        tell("nothing was changed")?;
        return Ok(Next::On);
    };
    // What went with it goes with it again.
    let mut parts: Vec<Part> = parts.into_iter().filter(|part| part.as_text().is_none()).collect();
    tell(&changed)?;
    parts.push(Part::text(changed));
    session.answer(Some(parts), parent.map_or(Place::Start, Place::After))
}

fn begin_anew(session: &mut Session) -> Result<(), Failure> {
    (session.conversation, session.tip) = (None, None);
    session.attached.clear();
    Ok(tell("a new conversation")?)
}

fn cost(session: &Session) -> Result<(), Failure> {
    let Some(conversation) = session.conversation else { return Ok(tell("nothing was asked yet")?) };
    let query = SpendQuery { conversation: Some(conversation), ..SpendQuery::default() };
    let spend = pollster::block_on(session.store().spend(query))?;
    let tokens = |count| crate::terminal::thousands(count);
    Ok(tell(format!(
        "{} for {} in and {} out, in {} answers",
        spent(&spend),
        tokens(spend.input),
        tokens(spend.output),
        spend.tries
    ))?)
}

/// What is wrong with what follows a command.
fn wrong(what: impl Into<String>) -> Failure {
    exit::usage(what).into()
}
