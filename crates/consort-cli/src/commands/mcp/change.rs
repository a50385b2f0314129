//! MCP servers added to the user's settings, and taken out of them.
use crate::args::{McpAdd, shown};
use crate::exit::{self, Done};
use crate::setup::Setup;
use crate::terminal::Style;
use consort_core::Error;
use consort_settings::{McpReach, McpServer, add_mcp_server, remove_mcp_server};
use std::collections::BTreeMap;
use std::io::Write;

pub(super) fn add(args: McpAdd, setup: &Setup) -> Done {
    let reach = match (args.url, args.command.split_first()) {
        (Some(url), None) => McpReach::Url { url, headers: pairs(&args.header, ':')? },
        (None, Some((command, rest))) => {
            McpReach::Command { command: command.clone(), args: rest.to_vec(), env: pairs(&args.env, '=')? }
        }
        _ => {
            return Err(exit::usage("say what to start, or where the server is")
                .hint("consort mcp add NAME COMMAND ARGUMENTS..., or consort mcp add NAME --url URL")
                .into());
        }
    };
    let file = setup.folders.settings_file();
    let server = McpServer {
        name: args.name,
        reach,
        tools: (!args.tool.is_empty()).then_some(args.tool),
        timeout: None,
        disabled: false,
        file: file.clone(),
        line: 0,
    };
    add_mcp_server(&setup.folders, &server)?;
    let good = Style::Good.paint(setup.signs.good);
    let mut to = anstream::stderr().lock();
    writeln!(to, "{good} {} is in {}", server.name, shown(&file))?;
    writeln!(to, "{}", Style::Dim.paint(&format!("consort mcp check {} tries it", server.name)))?;
    Ok(exit::OK)
}

/// `NAME=VALUE` or `NAME: VALUE`, each once.
fn pairs(texts: &[String], between: char) -> Result<BTreeMap<String, String>, Error> {
    let pair = |text: &String| {
        let (name, value) = text.split_once(between)?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let all = texts.iter().map(|text| pair(text).ok_or(text));
    all.collect::<Result<_, _>>().map_err(|text| {
        let name = text.split([' ', between]).next().unwrap_or_default();
        exit::usage(format!("`{name}` has no value")).hint(format!("write NAME{between}VALUE"))
    })
}

pub(super) fn remove(name: &str, setup: &Setup) -> Done {
    let file = setup.folders.settings_file();
    if remove_mcp_server(&setup.folders, name)? {
        let good = Style::Good.paint(setup.signs.good);
        writeln!(anstream::stderr(), "{good} {name} is no longer in {}", shown(&file))?;
        return Ok(exit::OK);
    }
    let elsewhere = setup.settings.mcp.iter().find(|server| server.name == name);
    let error = exit::usage(format!("{} names no MCP server `{name}`", shown(&file)));
    Err(match elsewhere {
        Some(server) => error.hint(format!("it is described in {}:{}", server.file.display(), server.line)),
        None => error.hint("consort mcp list"),
    }
    .into())
}
