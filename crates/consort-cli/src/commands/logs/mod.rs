//! `consort logs`: what was asked and answered.
mod exchange;
mod list;
mod remove;
mod summaries;

use crate::args::{Logs, LogsCommand};
use crate::exit::{self, Done};
use crate::export::{Format, export, whole};
use crate::kept;
use crate::setup::Setup;
use crate::terminal::{print_json, tamed};
use consort_core::Error;
use consort_store::{Conversation, SqliteStore, Store, Turn};
use std::io::{self, IsTerminal, Write};

pub(crate) fn run(logs: Logs, setup: Setup) -> Done {
    match logs.command {
        None => list::run(&logs.list, &kept::to_read(&setup)?),
        Some(LogsCommand::List(list)) => list::run(&list, &kept::to_read(&setup)?),
        Some(LogsCommand::Show { id, json }) => {
            let (conversation, path) = path(&kept::to_read(&setup)?, &id)?;
            if json {
                print_json(&whole(&conversation, &path))?;
            } else {
                show(&export(&conversation, &path, Format::Markdown))?;
            }
            Ok(exit::OK)
        }
        Some(LogsCommand::Export { id, json, html, .. }) => {
            let format = match (json, html) {
                (true, _) => Format::Json,
                (_, true) => Format::Html,
                _ => Format::Markdown,
            };
            let (conversation, path) = path(&kept::to_read(&setup)?, &id)?;
            io::stdout().write_all(export(&conversation, &path, format).as_bytes())?;
            Ok(exit::OK)
        }
        Some(LogsCommand::Summaries { id, summary, set, delete, json }) => match (summary, set, delete) {
            (Some(which), Some(text), _) => {
                summaries::change(&id, &which, summaries::Change::Set(text), &setup)
            }
            (Some(which), None, true) => summaries::change(&id, &which, summaries::Change::Delete, &setup),
            (which, ..) => summaries::list(&id, which.as_deref(), json, &setup),
        },
        Some(LogsCommand::Delete { id, yes }) => remove::run(&id, yes, &setup),
        Some(LogsCommand::Path) => {
            writeln!(anstream::stdout(), "{}", kept::database(&setup).display())?;
            Ok(exit::OK)
        }
    }
}

/// A conversation along its shown branch.
fn path(store: &SqliteStore, id: &str) -> Result<(Conversation, Vec<Turn>), Error> {
    let conversation = kept::find(store, id)?;
    let turns = match conversation.tip {
        Some(tip) => pollster::block_on(Store::path(store, tip))?,
        None => Vec::new(),
    };
    Ok((conversation, turns))
}

/// What was said goes to a screen without what could take it over, and to a file as it is.
fn show(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() {
        return io::stdout().write_all(tamed(text).as_bytes());
    }
    io::stdout().write_all(text.as_bytes())
}
