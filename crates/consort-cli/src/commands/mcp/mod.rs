//! `consort mcp`: MCP servers, their tools, and how they are added.
mod change;
mod list;
mod tools;

use crate::args::{Mcp as Args, McpCommand as Command};
use crate::exit::Done;
use crate::setup::Setup;
use consort_mcp::McpServers;

pub(crate) fn run(args: Args, mut setup: Setup) -> Done {
    let (servers, problems) =
        McpServers::from_settings(&setup.settings, &setup.folders, &setup.env, &setup.keys);
    setup.problems.extend(problems);
    setup.tell_problems()?;
    match args.command {
        None => list::run(&servers, args.json),
        Some(Command::List { json }) => list::run(&servers, json || args.json),
        Some(Command::Tools { name, json }) => tools::list(&servers, &name, json),
        Some(Command::Check { name }) => tools::check(&servers, &name, &setup),
        Some(Command::Call { name, tool, arguments }) => tools::call(&servers, &name, &tool, &arguments),
        Some(Command::Log { name }) => list::log(&servers, &name),
        Some(Command::Add(server)) => change::add(server, &setup),
        Some(Command::Remove { name }) => change::remove(&name, &setup),
    }
}
