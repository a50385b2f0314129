//! Adding and removing servers in the user's own file. It keeps its comments and its order.
use super::{McpReach, McpServer};
use crate::Folders;
use crate::files::{self, Readers};
use crate::settings::document;
use consort_core::{Error, ErrorKind};
use std::collections::BTreeMap;
use toml_edit::{Array, InlineTable, Item, Table, value};

/// Writes a server into the user's file.
pub fn add_mcp_server(folders: &Folders, server: &McpServer) -> Result<(), Error> {
    let path = folders.settings_file();
    files::change(&path, Readers::Anyone, |text| {
        let text = text.unwrap_or_default();
        let mut document = document(&path, &text)?;
        let all = document.entry("mcp").or_insert_with(|| {
            let mut all = Table::new();
            all.set_implicit(true);
            Item::Table(all)
        });
        let Some(all) = all.as_table_like_mut() else {
            return Err(Error::new(ErrorKind::Setup, "`mcp` in your settings is no table")
                .hint("mend it first; nothing was changed"));
        };
        if all.contains_key(&server.name) {
            let what = format!("there is an MCP server `{}` already", server.name);
            return Err(Error::new(ErrorKind::InvalidRequest, what)
                .hint(format!("consort mcp remove {}", server.name)));
        }
        all.insert(&server.name, Item::Table(table(server)));
        Ok(document.to_string())
    })
}

/// Takes a server out of the user's file. False where it was not in it.
pub fn remove_mcp_server(folders: &Folders, name: &str) -> Result<bool, Error> {
    let path = folders.settings_file();
    let mut removed = false;
    if !path.exists() {
        return Ok(false);
    }
    files::change(&path, Readers::Anyone, |text| {
        let text = text.unwrap_or_default();
        let mut document = document(&path, &text)?;
        let all = document.get_mut("mcp").and_then(Item::as_table_like_mut);
        removed = all.is_some_and(|all| all.remove(name).is_some());
        Ok(document.to_string())
    })?;
    Ok(removed)
}

fn table(server: &McpServer) -> Table {
    let mut table = Table::new();
    let inline = |pairs: &BTreeMap<String, String>| {
        value(pairs.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<InlineTable>())
    };
    let list = |texts: &[String]| value(texts.iter().map(String::as_str).collect::<Array>());
    match &server.reach {
        McpReach::Command { command, args, env } => {
            table.insert("command", value(command));
            if !args.is_empty() {
                table.insert("args", list(args));
            }
            if !env.is_empty() {
                table.insert("env", inline(env));
            }
        }
        McpReach::Url { url, headers } => {
            table.insert("url", value(url));
            if !headers.is_empty() {
                table.insert("headers", inline(headers));
            }
        }
    }
    if let Some(tools) = &server.tools {
        table.insert("tools", list(tools));
    }
    if let Some(timeout) = server.timeout {
        table.insert("timeout", value(timeout.as_secs_f64()));
    }
    if server.disabled {
        table.insert("disabled", value(true));
    }
    table
}
