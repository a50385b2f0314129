//! What is known of MCP servers, without starting one.
use crate::exit::{self, Done};
use crate::setup::{state_short, state_words, what_is_wrong};
use crate::terminal::{Style, print_json, table};
use consort_core::State;
use consort_mcp::{McpServers, Row};
use serde_json::{Value, json};
use std::io::Write;

pub(super) fn run(servers: &McpServers, as_json: bool) -> Done {
    let rows = servers.rows();
    if as_json {
        print_json(&rows.iter().map(to_json).collect())?;
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        let note = "no MCP servers yet: consort mcp add NAME COMMAND..., or consort mcp add NAME --url URL";
        writeln!(anstream::stderr(), "{note}")?;
        return Ok(exit::OK);
    }
    let head = ["SERVER", "STATE", "TOOLS", "REACHED BY", ""].map(str::to_owned).to_vec();
    let lines = rows.iter().map(|row| {
        let tools = row.tools.map(|tools| tools.to_string()).unwrap_or_default();
        vec![row.name.clone(), word(row), tools, row.reached.clone(), what_is_wrong(&row.state)]
    });
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(lines).collect();
    let mut to = anstream::stdout().lock();
    table(&mut to, &lines, &[None, None, None, None, Some(Style::Dim)])?;
    to.flush()?;
    let note = "consort mcp check NAME starts one and says what it offers";
    writeln!(anstream::stderr(), "\n{}", Style::Dim.paint(note))?;
    Ok(exit::OK)
}

fn word(row: &Row) -> String {
    match row.state {
        _ if row.disabled => "disabled".to_owned(),
        State::NeedsSetup { .. } => "needs setup".to_owned(),
        _ => state_short(&row.state),
    }
}

fn to_json(row: &Row) -> Value {
    json!({
        "name": row.name,
        "state": if row.disabled { "disabled" } else { row.state.word() },
        "detail": state_words(&row.state),
        "tools": row.tools,
        "reached": row.reached,
        "source": format!("{}:{}", row.file.display(), row.line),
    })
}

pub(super) fn log(servers: &McpServers, name: &str) -> Done {
    let lines = servers.log(name)?;
    if lines.is_empty() {
        writeln!(anstream::stderr(), "{name} said nothing when it ran last")?;
    }
    let mut to = anstream::stdout().lock();
    for line in lines {
        writeln!(to, "{line}")?;
    }
    Ok(exit::OK)
}
