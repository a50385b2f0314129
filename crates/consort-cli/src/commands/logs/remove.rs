//! `consort logs delete`: a conversation goes for good.
use crate::exit::{self, Done};
use crate::kept;
use crate::setup::Setup;
use crate::terminal::tamed;
use consort_store::{SqliteStore, Store};
use std::io::{self, BufRead, IsTerminal, Write};

pub(super) fn run(id: &str, yes: bool, setup: &Setup) -> Done {
    let store = SqliteStore::open(kept::database(setup))?;
    let found = kept::find(&store, id)?;
    let title = tamed(found.title.as_deref().unwrap_or("without a title"));
    if !yes && !confirmed(&title)? {
        writeln!(anstream::stderr(), "nothing was deleted")?;
        return Ok(exit::OK);
    }
    pollster::block_on(store.purge(found.id))?;
    writeln!(anstream::stderr(), "deleted: {title}")?;
    Ok(exit::OK)
}

fn confirmed(title: &str) -> Result<bool, exit::Failure> {
    if !io::stdin().is_terminal() {
        return Err(exit::usage("deleting cannot be taken back, and nobody is there to say yes")
            .hint("with --yes it is not asked")
            .into());
    }
    let mut to = anstream::stderr().lock();
    write!(to, "delete for good: {title}? [y/N] ")?;
    to.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}
