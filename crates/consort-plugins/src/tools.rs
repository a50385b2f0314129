//! The tools that a plugin offers: functions, and boxes of them with a state of their own.
use crate::plugin::Plugin;
use crate::process::{Connection, failed_tool};
use consort_core::{BoxFuture, Context, Error, ErrorKind, FunctionSpec, Part, Tool, ToolOutput};
use consort_plugin::protocol::{
    OpenParams, OpenResult, ToolCallParams, ToolInfo, ToolResultContent, ToolboxInfo, ToolsResult,
};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long a tool may run where the caller sets no limit, and how long the rest may take.
const RUNNING: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_secs(15);

/// What a plugin offers.
#[derive(Debug, Default)]
pub struct Toolset {
    pub tools: Vec<PluginTool>,
    /// Boxes that are opened first: [`Plugin::open_toolbox`].
    pub toolboxes: Vec<ToolboxInfo>,
}

/// One tool of a plugin.
pub struct PluginTool {
    spec: FunctionSpec,
    plugin: Arc<Plugin>,
    instance: Option<Arc<Instance>>,
}

/// One opened toolbox, closed when its last tool is dropped.
struct Instance {
    id: String,
    connection: Arc<Connection>,
}

/// Lets go of the process that a toolbox was in, once it is closed.
struct Held(Arc<Connection>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Relaxed);
    }
}

impl Plugin {
    /// The tools that it offers; none where it offers none.
    pub async fn tools(self: &Arc<Self>) -> Result<Toolset, Error> {
        let learnt = self.ready().await?;
        if !learnt.has_tools() {
            return Ok(Toolset::default());
        }
        let connection = self.supervisor().connection().await?;
        let listed: ToolsResult = connection.call("tools/list", json!({}), SHORT).await?;
        let tools = listed.tools.into_iter().map(|info| self.tool(info, None)).collect();
        Ok(Toolset { tools, toolboxes: listed.toolboxes })
    }

    /// Opens a toolbox for one conversation: its tools share a state that no other conversation sees.
    pub async fn open_toolbox(self: &Arc<Self>, name: &str, config: Value) -> Result<Vec<PluginTool>, Error> {
        let toolboxes = self.tools().await?.toolboxes;
        let Some(toolbox) = toolboxes.into_iter().find(|toolbox| toolbox.name == name) else {
            return Err(Error::new(ErrorKind::InvalidRequest, format!("it has no toolbox `{name}`"))
                .provider(self.id())
                .hint(format!("consort plugins tools {}", self.id())));
        };
        let connection = self.supervisor().connection().await?;
        let params = OpenParams { toolbox: name.to_owned(), config };
        let OpenResult { instance, tools } = connection.call("tools/open", params, SHORT).await?;
        connection.held.fetch_add(1, Relaxed);
        let instance = Arc::new(Instance { id: instance, connection });
        Ok(tools
            .unwrap_or(toolbox.tools)
            .into_iter()
            .map(|info| self.tool(info, Some(instance.clone())))
            .collect())
    }

    fn tool(self: &Arc<Self>, info: ToolInfo, instance: Option<Arc<Instance>>) -> PluginTool {
        let spec = FunctionSpec::new(info.name, info.description, info.input_schema);
        PluginTool { spec, plugin: self.clone(), instance }
    }
}

impl PluginTool {
    /// Whether it can still be called: a toolbox ends with its process.
    pub fn is_open(&self) -> bool {
        self.instance.as_ref().is_none_or(|instance| instance.connection.is_alive())
    }
}

impl Tool for PluginTool {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn call(&self, arguments: Value, context: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        Box::pin(async move {
            let connection = match &self.instance {
                // A toolbox lives and dies with the process that it was opened in.
                Some(instance) => instance.connection.clone(),
                None => self.plugin.supervisor().connection().await?,
            };
            let params = ToolCallParams {
                name: self.spec.name.clone(),
                instance: self.instance.as_ref().map(|instance| instance.id.clone()),
                id: String::new(),
                arguments,
            };
            let limit = context.remaining().unwrap_or(RUNNING);
            let call = connection.call::<ToolResultContent>("tools/call", params, limit);
            let result = tokio::select! {
                result = call => result?,
                () = context.cancel.cancelled() => return Err(Error::cancelled().provider(self.plugin.id())),
            };
            let wire = self.plugin.wire();
            let parts: Result<Vec<Part>, String> =
                result.content.into_iter().map(|content| content.into_core(&wire)).collect();
            let mut content =
                parts.map_err(|what| Error::new(ErrorKind::PluginBug, what).provider(self.plugin.id()))?;
            if result.is_error {
                failed_tool(self.plugin.log(), &mut content);
            }
            Ok(ToolOutput { content, is_error: result.is_error })
        })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let held = Held(self.connection.clone());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let id = std::mem::take(&mut self.id);
        runtime.spawn(async move {
            // A process that is gone has closed it already.
            let _ = held.0.call::<Value>("tools/close", json!({"instance": id}), SHORT).await;
        });
    }
}

impl fmt::Debug for PluginTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PluginTool").field(&self.spec.name).finish()
    }
}
