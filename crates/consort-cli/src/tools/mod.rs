//! The tools that a question may use, found by the names that people give.
pub(crate) mod builtin;
mod mcp;
mod name;
mod plugged;

use crate::exit;
use crate::setup::Setup;
use crate::stop::wait_for;
use consort_core::{Error, Tool};
use consort_engine::{Approval, Tools};
use name::Name;
use std::sync::Arc;
use tokio::runtime::Runtime;

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
        wanted.sets_nothing()?;
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
