//! The tools that a question may use, found by the names that people give.
pub(crate) mod builtin;
mod mcp;
mod plugged;

use crate::exit;
use crate::setup::Setup;
use crate::stop::wait_for;
use consort_core::{Error, Tool};
use consort_engine::{Approval, Tools};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// A tool as people name it: `tool`, `owner:tool`, `owner:box` or `owner:box({"a": 1})`.
#[derive(Debug, PartialEq)]
struct Name<'a> {
    owner: Option<&'a str>,
    tool: &'a str,
    config: Value,
}

/// The tools of these names. Those of plugins are asked for, which may start them.
pub(crate) fn named(
    names: &[String],
    approve: bool,
    setup: &Setup,
    runtime: &Runtime,
) -> Result<Tools, Error> {
    let mut list: Vec<Arc<dyn Tool>> = Vec::new();
    for name in names {
        let wanted = Name::read(name)?;
        list.extend(wait_for(runtime, find(wanted, name, setup))?);
    }
    let approval = if approve { Approval::Ask } else { Approval::Auto };
    Ok(Tools::new(list)?.approval(approval))
}

/// Where names are looked up: what is built in, then plugins and MCP servers.
async fn find(wanted: Name<'_>, given: &str, setup: &Setup) -> Result<Vec<Arc<dyn Tool>>, Error> {
    if wanted.owner.is_none()
        && let Some(tool) = builtin::tool(wanted.tool)
    {
        return Ok(vec![tool]);
    }
    let mut found = plugged::find(&wanted, setup).await?;
    let server = wanted.owner.unwrap_or(wanted.tool);
    found.extend(mcp::find(&wanted, setup).await?.map(|tools| (server.to_owned(), tools)));
    match found.len() {
        1 => Ok(found.pop().map(|(_, tools)| tools).unwrap_or_default()),
        0 => Err(exit::usage(format!("there is no tool `{given}`"))
            .hint(format!("built in: {}", builtin::NAMES.join(", ")))
            .hint("`consort plugins tools NAME` lists those of a plugin, `consort mcp tools NAME` those of an MCP server")),
        _ => {
            let owners = found.iter().map(|(owner, _)| format!("{owner}:{}", wanted.tool));
            Err(exit::usage(format!("several have a tool `{given}`"))
                .hint(format!("say which: {}", owners.collect::<Vec<_>>().join(" or "))))
        }
    }
}

impl<'a> Name<'a> {
    fn read(given: &'a str) -> Result<Self, Error> {
        let (path, config) = match given.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((path, config)) => (path, config.trim()),
            None => (given, ""),
        };
        let config = if config.is_empty() { Ok(json!({})) } else { serde_json::from_str(config) };
        let config = config.ok().filter(Value::is_object).ok_or_else(|| {
            exit::usage(format!("what stands in the brackets of `{given}` is no JSON object"))
                .hint("for instance -T 'files:Folder({\"path\": \".\"})'")
        })?;
        let (owner, name) = match path.split_once(':') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, path),
        };
        Ok(Self { owner, tool: name, config })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_owners_and_settings() {
        let read = |given| Name::read(given).map(|name| (name.owner, name.tool, name.config.to_string()));
        assert_eq!(read("time").unwrap(), (None, "time", "{}".into()));
        assert_eq!(read("a:b").unwrap(), (Some("a"), "b", "{}".into()));
        assert_eq!(read("a:B({\"x\": 1})").unwrap(), (Some("a"), "B", "{\"x\":1}".into()));
        assert_eq!(read("B()").unwrap(), (None, "B", "{}".into()));
        assert!(read("a:B(1)").is_err());
    }
}
