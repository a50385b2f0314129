//! `[mcp.NAME]` in `consort.toml`.
use super::McpServer;
use super::fields::{Fields, NAMES, Wrong};
use crate::Problem;
use crate::settings::{Source, json, toml_value};
use toml::de::{DeTable, DeValue};

/// The servers of the table. One that is wrong is left out and told.
pub(crate) fn read(source: &Source<'_>, table: &DeTable<'_>, problems: &mut Vec<Problem>) -> Vec<McpServer> {
    let mut servers = Vec::new();
    for (name, value) in table {
        let place = source.problem(name.span(), String::new());
        let name = name.get_ref();
        let tell = |span, Wrong(what, help): Wrong| {
            source.problem(span, format!("the MCP server `{name}`: {what}")).help(help)
        };
        let DeValue::Table(entries) = value.get_ref() else {
            let problem = format!("the MCP server `{name}` must be a table");
            problems.push(source.problem(value.span(), problem));
            continue;
        };
        let (mut fields, before) = (Fields::default(), problems.len());
        for (field, value) in entries {
            // A number that does not fit is as wrong as a text would be.
            let json = toml_value(value.get_ref()).map(json).unwrap_or_default();
            match fields.take(field.get_ref(), &json) {
                Ok(true) => {}
                Ok(false) => {
                    let what = format!("`{}` cannot be set", field.get_ref());
                    problems.push(tell(field.span(), Wrong(what, format!("what can be: {NAMES}"))));
                }
                Err(wrong) => problems.push(tell(value.span(), wrong)),
            }
        }
        if problems.len() > before {
            continue;
        }
        match fields.server(name, source.path.to_owned(), place.line.unwrap_or(1)) {
            Ok(server) => servers.push(server),
            Err(wrong) => problems.push(tell(value.span(), wrong)),
        }
    }
    servers
}
