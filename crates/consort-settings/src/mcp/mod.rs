//! MCP servers as the user describes them: `[mcp.NAME]` in `consort.toml`, and files of `mcpServers` that other programs
//! keep.
mod change;
mod config;
mod fields;
mod table;
#[cfg(test)]
mod tests;

pub use change::{add_mcp_server, remove_mcp_server};
pub(crate) use config::read as read_config;
pub(crate) use table::read as read_table;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// One MCP server, as it is described. Nothing is looked up or started yet.
#[derive(Debug, Clone, PartialEq)]
pub struct McpServer {
    pub name: String,
    pub reach: McpReach,
    /// The only tools of it that count, by its own names.
    pub tools: Option<Vec<String>>,
    /// How long a call may stay without an answer or a sign of progress.
    pub timeout: Option<Duration>,
    pub disabled: bool,
    /// Where it is described.
    pub file: PathBuf,
    pub line: usize,
}

/// How a server is reached. Values may hold `${secret:NAME}` and `${env:NAME}`, or a key as it is.
#[derive(Clone, PartialEq)]
pub enum McpReach {
    /// A program that is started, spoken to over its stdin and stdout.
    Command { command: String, args: Vec<String>, env: BTreeMap<String, String> },
    /// An address.
    Url { url: String, headers: BTreeMap<String, String> },
}

impl fmt::Debug for McpReach {
    /// Names only: values may be keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { command, args, env } => {
                let names: Vec<&String> = env.keys().collect();
                f.debug_struct("Command")
                    .field("command", command)
                    .field("args", &args.len())
                    .field("env", &names)
                    .finish()
            }
            Self::Url { headers, .. } => {
                let names: Vec<&String> = headers.keys().collect();
                f.debug_struct("Url").field("headers", &names).finish_non_exhaustive()
            }
        }
    }
}
