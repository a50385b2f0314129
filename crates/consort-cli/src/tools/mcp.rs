//! Tools of MCP servers: one, or all of a server.
use super::Name;
use crate::setup::Setup;
use crate::terminal::Style;
use consort_core::{Error, Tool};
use std::io::Write;
use std::sync::Arc;

/// What a server has under a name. It is started for it, and ends with the program.
pub(super) async fn find(wanted: &Name<'_>, setup: &Setup) -> Result<Option<Vec<Arc<dyn Tool>>>, Error> {
    let server = wanted.owner.unwrap_or(wanted.tool);
    let servers = setup.mcp_servers();
    if !servers.rows().iter().any(|row| row.name == server) {
        return Ok(None);
    }
    wanted.sets_nothing()?;
    let checked = servers.check(server).await?;
    for note in &checked.notes {
        // Where stderr is closed, nobody is left to tell.
        let _ = writeln!(anstream::stderr(), "{} {server}: {note}", Style::Warning.paint("warning:"));
    }
    let is_wanted =
        |own: &str, name: &str| wanted.owner.is_none() || own == wanted.tool || name == wanted.tool;
    let tools = checked.tools.into_iter().filter(|tool| is_wanted(tool.own_name(), &tool.spec().name));
    let tools: Vec<Arc<dyn Tool>> = tools.map(|tool| tool as Arc<dyn Tool>).collect();
    Ok(Some(tools).filter(|tools| !tools.is_empty()))
}
