//! The commands beside asking.
pub(crate) mod cost;
pub(crate) mod doctor;
pub(crate) mod embed;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod logs;
pub(crate) mod mcp;
pub(crate) mod models;
pub(crate) mod plugins;
pub(crate) mod providers;
pub(crate) mod realtime;
pub(crate) mod routes;

use crate::args::Cli;
use crate::exit::{self, Done};
use clap::CommandFactory;
use std::io::Write;

/// Prints completions. They are made in memory first: a closed pipe must not be a panic.
pub(crate) fn completions(shell: clap_complete::Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "consort", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(exit::OK)
}
