//! A file of `mcpServers`, as other programs keep it.
use super::McpServer;
use super::fields::{Fields, Wrong};
use crate::{Problem, files};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::path::Path;

/// The servers of the file. One that is wrong is left out and told.
pub(crate) fn read(path: &Path, problems: &mut Vec<Problem>) -> Vec<McpServer> {
    let text = match files::read(path) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let problem = Problem::new(path, "there is no such file");
            problems.push(problem.help("`mcp_config` names a file with `mcpServers` in it"));
            return Vec::new();
        }
        Err(error) => {
            problems.push(Problem::new(path, format!("cannot be read: {error}")));
            return Vec::new();
        }
    };
    let whole: Pairs<'_> = match serde_json::from_str(&text) {
        Ok(whole) => whole,
        Err(error) => {
            problems.push(Problem::new(path, error.to_string()).at_line(error.line().max(1)));
            return Vec::new();
        }
    };
    // Some programs call it `servers`.
    let named = |name: &str| whole.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    let servers = named("mcpServers").or_else(|| named("servers"));
    let Some(Ok(servers)) = servers.map(|raw| serde_json::from_str::<Pairs<'_>>(raw.get())) else {
        problems.push(Problem::new(path, "has no table `mcpServers`"));
        return Vec::new();
    };
    let at = |raw: &RawValue| {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        Problem::new(path, String::new()).at_offset(&text, offset).line.unwrap_or(1)
    };
    let mut read = Vec::new();
    for (name, raw) in servers.0 {
        match server(&name, raw, path, at(raw)) {
            Ok(server) => read.push(server),
            Err(Wrong(what, help)) => {
                let problem = Problem::new(path, format!("the MCP server `{name}`: {what}"));
                problems.push(problem.at_line(at(raw)).help(help));
            }
        }
    }
    read
}

fn server(name: &str, raw: &RawValue, path: &Path, line: usize) -> Result<McpServer, Wrong> {
    let Ok(entries) = serde_json::from_str::<Pairs<'_>>(raw.get()) else {
        return Err(Wrong("it must be an object".into(), "for instance {\"command\": \"npx\"}".into()));
    };
    let mut fields = Fields::default();
    for (field, raw) in entries.0 {
        let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        if field == "type" && value == "sse" {
            let help = "give the server's address for streamable HTTP; mostly it ends in /mcp";
            return Err(Wrong("it speaks HTTP with SSE, which MCP gave up".into(), help.into()));
        }
        // What other programs keep beside is theirs, and so is the unit of their time limits.
        let field = match field.as_str() {
            "serverUrl" | "httpUrl" => "url",
            "timeout" => continue,
            other => other,
        };
        fields.take(field, &value)?;
    }
    fields.server(name, path.to_owned(), line)
}

/// An object's entries in their order, those of one name all of them.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Entries)
    }
}
