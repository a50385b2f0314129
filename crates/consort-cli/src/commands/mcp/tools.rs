//! The tools of one MCP server: listed, checked, tried.
use crate::exit::{self, Done};
use crate::setup::{Setup, runtime};
use crate::stop::wait_for;
use crate::terminal::{Style, print_json, table};
use consort_core::{Context, Error, Tool, ToolOutput};
use consort_mcp::{Checked, McpServers};
use serde_json::{Value, json};
use std::io::Write;

/// The exit code where a tool failed.
const FAILED: u8 = 1;

/// Asks a server, and ends all of them in order, whatever came of it.
fn asked<T>(servers: &McpServers, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = runtime()?;
    let done = wait_for(&runtime, work);
    runtime.block_on(servers.stop());
    done
}

pub(super) fn list(servers: &McpServers, name: &str, as_json: bool) -> Done {
    let checked = asked(servers, servers.check(name))?;
    if as_json {
        let object = |tool: &dyn Tool| serde_json::to_value(tool.spec()).unwrap_or_default();
        print_json(&checked.tools.iter().map(|tool| object(tool.as_ref())).collect())?;
        return Ok(exit::OK);
    }
    tell_notes(&checked)?;
    if checked.tools.is_empty() {
        writeln!(anstream::stderr(), "{name} offers no tools")?;
        return Ok(exit::OK);
    }
    let rows = checked.tools.iter().map(|tool| {
        let description = tool.spec().description.trim().lines().next().unwrap_or_default().to_owned();
        vec![tool.own_name().to_owned(), description]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table(&mut anstream::stdout().lock(), &rows, &[Some(Style::Bold), Some(Style::Dim)])?;
    Ok(exit::OK)
}

pub(super) fn check(servers: &McpServers, name: &str, setup: &Setup) -> Done {
    let checked = asked(servers, servers.check(name))?;
    tell_notes(&checked)?;
    let Checked { server, protocol, tools, .. } = checked;
    let good = Style::Good.paint(setup.signs.good);
    let what = format!("{name} is {server}, speaks MCP {protocol}, and offers {} tools", tools.len());
    writeln!(anstream::stdout(), "{good} {what}")?;
    Ok(exit::OK)
}

fn tell_notes(checked: &Checked) -> std::io::Result<()> {
    for note in &checked.notes {
        writeln!(anstream::stderr(), "{} {note}", Style::Warning.paint("warning:"))?;
    }
    Ok(())
}

pub(super) fn call(servers: &McpServers, name: &str, tool: &str, arguments: &str) -> Done {
    let arguments: Value =
        serde_json::from_str(arguments).ok().filter(Value::is_object).ok_or_else(|| {
            exit::usage("the arguments are no JSON object").hint("for instance: '{\"city\": \"Oslo\"}'")
        })?;
    let output = asked(servers, run(servers, name, tool, arguments))?;
    let mut to = anstream::stdout().lock();
    for part in &output.content {
        match part.as_text() {
            Some(text) => writeln!(to, "{text}")?,
            None => writeln!(to, "{}", json!(part))?,
        }
    }
    Ok(if output.is_error { FAILED } else { exit::OK })
}

async fn run(servers: &McpServers, name: &str, tool: &str, arguments: Value) -> Result<ToolOutput, Error> {
    let checked = servers.check(name).await?;
    let named = |known: &str| known == tool;
    let found = checked.tools.iter().find(|known| named(known.own_name()) || named(&known.spec().name));
    match found {
        Some(found) => found.call(arguments, Context::default()).await,
        None => {
            Err(exit::usage(format!("{name} has no tool `{tool}`")).hint(format!("consort mcp tools {name}")))
        }
    }
}
