//! The tools that conversations of the house may use, and the toolboxes that are open for them.
use super::house::PATIENCE;
use crate::exit;
use crate::tools::builtin;
use consort_core::{Error, FunctionSpec, State, Tool};
use consort_engine::Tools;
use consort_mcp::McpServers;
use consort_plugins::{Plugin, PluginTool, Plugins};
use consort_server::ToolRow;
use consort_store::ConversationId;
use serde_json::json;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// So many toolboxes stay open, those that were used last.
const OPEN: usize = 32;

/// Where a tool comes from, and what calls it.
pub(super) struct Offered {
    source: String,
    spec: FunctionSpec,
    from: From,
}

enum From {
    Tool(Arc<dyn Tool>),
    /// A toolbox, which is opened for the conversation.
    Box(Arc<Plugin>, String),
}

impl Offered {
    fn tool(source: &str, tool: Arc<dyn Tool>) -> Self {
        Self { source: source.into(), spec: tool.spec().clone(), from: From::Tool(tool) }
    }

    pub(super) fn row(self) -> ToolRow {
        let Self { source, spec, .. } = self;
        ToolRow { name: spec.name, source, description: spec.description, parameters: spec.parameters }
    }
}

/// All tools: of those with one name the first, which is the one that is called.
pub(super) async fn all(plugins: &Plugins, servers: &McpServers) -> Vec<Offered> {
    let mut all: Vec<Offered> = builtin::NAMES
        .iter()
        .filter_map(|name| Some(Offered::tool("built in", builtin::tool(name)?)))
        .collect();
    if let Ok((tools, _)) = tokio::time::timeout(PATIENCE, servers.tools(&[])).await {
        all.extend(tools.into_iter().map(|tool| Offered::tool("MCP", tool)));
    }
    for row in plugins.rows().into_iter().filter(|row| row.state == State::Ready) {
        // One that offers none is not started for that.
        let Ok(Ok(set)) = tokio::time::timeout(PATIENCE, row.plugin.tools()).await else { continue };
        let owner = row.plugin.id();
        all.extend(set.tools.into_iter().map(|tool| Offered::tool(owner, Arc::new(tool))));
        for toolbox in set.toolboxes {
            // Nobody says here what it must be given.
            if toolbox.config_schema["required"].as_array().is_some_and(|names| !names.is_empty()) {
                continue;
            }
            all.extend(toolbox.tools.into_iter().map(|info| Offered {
                source: owner.to_owned(),
                spec: FunctionSpec::new(info.name, info.description, info.input_schema),
                from: From::Box(row.plugin.clone(), toolbox.name.clone()),
            }));
        }
    }
    let mut seen = HashSet::new();
    all.retain(|tool| seen.insert(tool.spec.name.clone()));
    all
}

/// The tools of these names.
pub(super) async fn named(
    names: &[String],
    all: &[Offered],
    conversation: ConversationId,
    open: &Boxes,
) -> Result<Tools, Error> {
    let gone = |name: &str| exit::usage(format!("there is no tool `{name}` any more"));
    let mut list: Vec<Arc<dyn Tool>> = Vec::new();
    for name in names {
        let found = all.iter().find(|tool| tool.spec.name == *name).ok_or_else(|| gone(name))?;
        list.push(match &found.from {
            From::Tool(tool) => tool.clone(),
            From::Box(plugin, toolbox) => {
                let tools = open.tools(conversation, plugin, toolbox).await?;
                let tool = tools.into_iter().find(|tool| tool.spec().name == *name);
                tool.ok_or_else(|| gone(name))?
            }
        });
    }
    Tools::new(list)
}

/// Toolboxes that are open, the one that was used last in front: each keeps its state for one conversation.
#[derive(Default)]
pub(super) struct Boxes(Mutex<VecDeque<Opened>>);

struct Opened {
    conversation: ConversationId,
    plugin: Arc<Plugin>,
    name: String,
    tools: Vec<Arc<PluginTool>>,
}

impl Boxes {
    async fn tools(
        &self,
        conversation: ConversationId,
        plugin: &Arc<Plugin>,
        name: &str,
    ) -> Result<Vec<Arc<PluginTool>>, Error> {
        let is_it = |opened: &Opened| {
            opened.conversation == conversation && opened.name == name && Arc::ptr_eq(&opened.plugin, plugin)
        };
        let known = self.with(|opened| opened.iter().position(is_it).and_then(|at| opened.remove(at)));
        let tools = match known {
            // A process that is gone took the state along.
            Some(known) if known.tools.iter().all(|tool| tool.is_open()) => known.tools,
            _ => plugin.open_toolbox(name, json!({})).await?.into_iter().map(Arc::new).collect(),
        };
        let new =
            Opened { conversation, plugin: plugin.clone(), name: name.to_owned(), tools: tools.clone() };
        self.with(|opened| {
            opened.push_front(new);
            opened.truncate(OPEN);
        });
        Ok(tools)
    }

    /// Closes those of plugins that are no longer the ones of their name. What runs finishes with what it has.
    pub(super) fn follow(&self, plugins: &Plugins) {
        let is_here =
            |one: &Opened| plugins.find(one.plugin.id()).is_some_and(|now| Arc::ptr_eq(&now, &one.plugin));
        self.with(|opened| opened.retain(is_here));
    }

    fn with<T>(&self, change: impl FnOnce(&mut VecDeque<Opened>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
