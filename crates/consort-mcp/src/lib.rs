//! MCP servers as tools: programs and addresses that the user names, spoken to in the Model Context Protocol.
//!
//! [`McpServers`] knows what is described and starts nothing before a tool is wanted. A server that floods, dies, hangs
//! or lies hurts neither the host nor another server. The protocol itself is `rmcp`'s; this crate brings the processes,
//! the limits, the names and the errors.
//!
//! This crate must never know: a model, a conversation, a terminal, plugins.
mod cache;
mod call;
mod connection;
mod content;
mod expand;
mod failure;
mod flood;
mod handler;
mod http;
mod listing;
mod names;
mod pipe;
mod process;
mod server;
mod set;
mod tool;

pub use set::{Checked, McpServers, Row};
pub use tool::McpTool;
