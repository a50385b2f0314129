//! One tool of a server.
use crate::handler::Patience;
use crate::listing::ListedTool;
use crate::server::Server;
use consort_core::{BoxFuture, Context, Error, ErrorKind, FunctionSpec, Phase, Tool, ToolOutput};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a call may stay without an answer or a sign of progress where nothing is set.
const QUIET: Duration = Duration::from_mins(2);

/// What the call's own end of its wait gets before the host ends it, which knows less of why.
const PARTING: Duration = Duration::from_secs(5);

/// One tool of an MCP server. It outlives the server's process: a call starts another.
pub struct McpTool {
    spec: FunctionSpec,
    own_name: String,
    server: Arc<Server>,
}

impl McpTool {
    pub(crate) fn new(name: String, listed: &ListedTool, server: Arc<Server>) -> Self {
        let spec = FunctionSpec::new(name, listed.description.clone(), listed.parameters.clone());
        Self { spec, own_name: listed.name.clone(), server }
    }

    /// The server's name in the settings.
    pub fn server(&self) -> &str {
        self.server.name()
    }

    /// The name that the server itself gives it.
    pub fn own_name(&self) -> &str {
        &self.own_name
    }

    async fn run(&self, arguments: Value, left: Option<Duration>) -> Result<ToolOutput, Error> {
        let arguments = match arguments {
            Value::Object(arguments) => arguments,
            Value::Null => Map::new(),
            _ => {
                let what = format!("the arguments of `{}` are no JSON object", self.spec.name);
                return Err(Error::new(ErrorKind::InvalidRequest, what).provider(self.server.name()));
            }
        };
        let connection = self.server.connection().await?;
        let quiet = self.server.config.timeout.unwrap_or(QUIET);
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        connection.call(&self.own_name, arguments, Patience { quiet, deadline }).await
    }
}

impl Tool for McpTool {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    /// A server that may be silent for longer than tools may run by default is waited for a little longer than that.
    fn time_limit(&self) -> Option<Duration> {
        self.server.config.timeout.filter(|quiet| *quiet > QUIET).map(|quiet| quiet.saturating_add(PARTING))
    }

    /// Whatever ends the wait withdraws the call.
    fn call(&self, arguments: Value, context: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        Box::pin(async move {
            let over = async {
                match context.remaining() {
                    Some(left) => tokio::time::sleep(left).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = context.cancel.cancelled() => Err(Error::cancelled().provider(self.server.name())),
                done = self.run(arguments, context.remaining()) => done,
                () = over => {
                    let what = format!("`{}` was not answered before the deadline", self.own_name);
                    Err(Error::timeout(Phase::Deadline, what).provider(self.server.name()))
                }
            }
        })
    }
}

impl fmt::Debug for McpTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("McpTool").field(&self.spec.name).finish()
    }
}
