//! `/save` and `/conversations`: what stays, and what is there from before.
use super::super::session::Session;
use super::{tell, wrong};
use crate::exit::Failure;
use crate::export::{Format, export};
use crate::kept;
use crate::terminal::{Style, table, tamed};
use crate::time::minute;
use consort_core::Error;
use consort_store::{Conversation, ConversationQuery};
use serde_json::Value;
use std::io::Write;
use std::path::Path;

pub(super) fn save(session: &Session, file: &str) -> Result<(), Failure> {
    let (Some(id), Some(tip)) = (session.conversation, session.tip) else {
        return Ok(tell("there is nothing to save yet")?);
    };
    let path = Path::new(file);
    let Some(format) = Format::of(path) else {
        return Err(wrong("a file to save to must end in .md, .json or .html"));
    };
    let found = pollster::block_on(session.store().conversation(id))?;
    let Some(conversation) = found else { return Ok(tell("there is nothing to save yet")?) };
    let turns = pollster::block_on(session.store().path(tip))?;
    let text = export(&conversation, &turns, format);
    std::fs::File::create_new(path)
        .and_then(|mut to| to.write_all(text.as_bytes()))
        .map_err(|error| wrong(format!("`{file}` cannot be written: {error}")))?;
    Ok(tell(format!("saved to {file}"))?)
}

pub(super) fn conversations(session: &mut Session, wanted: &str) -> Result<(), Failure> {
    /// How many fit a screen.
    const SHOWN: usize = 15;
    // Words are searched for, unless an id begins so.
    if wanted.len() >= 4
        && wanted.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-')
        && let Ok(found) = kept::find(session.store().as_ref(), wanted)
    {
        return Ok(go_on(session, &found)?);
    }
    let search = (!wanted.is_empty()).then(|| wanted.to_owned());
    let query = ConversationQuery { search, limit: Some(SHOWN), ..ConversationQuery::default() };
    let found = pollster::block_on(session.store().conversations(query))?;
    if found.is_empty() {
        return Ok(tell("no conversation")?);
    }
    let rows = found.iter().map(|one| {
        let mark = if Some(one.id) == session.conversation { "*" } else { "" };
        let title = tamed(one.title.as_deref().unwrap_or_default());
        vec![format!("{}{mark}", kept::short(one.id)), minute(one.updated), title]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table(&mut anstream::stderr().lock(), &rows, &[Some(Style::Bold), Some(Style::Dim), None])?;
    Ok(tell("/conversations ID goes on with one")?)
}

fn go_on(session: &mut Session, found: &Conversation) -> Result<(), Error> {
    let text = |name: &str| found.settings.get(name).and_then(Value::as_str).map(str::to_owned);
    session.conversation = Some(found.id);
    session.tip = found.tip;
    session.system = text("system");
    let title = tamed(found.title.as_deref().unwrap_or_default());
    // Where nobody is left to read, there is nothing to say.
    let _ = tell(format!("goes on: {title}"));
    match text("model").filter(|model| *model != session.model.card().id) {
        Some(model) => session.set_model(&model),
        None => Ok(()),
    }
}
