//! A plugin in the foreground: in its debugger, under tests, or one of its own commands.
use crate::exit::{self, Done};
use crate::setup::Setup;
use consort_core::{Error, ErrorKind};
use consort_plugins::Plugin;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Runs a Python plugin with the user's terminal; where it fails, its debugger opens.
pub(super) fn run(plugin: &Arc<Plugin>, prompt: &str, setup: &Setup) -> Done {
    in_python(plugin)?;
    let runtime = crate::setup::runtime()?;
    let command = runtime.block_on(plugin.debug_command(prompt))?;
    drop(runtime);
    foreground(command, setup)
}

/// Tests a Python plugin, by a file of tests or by its dialect's contract.
pub(super) fn tests(plugin: &Arc<Plugin>, tests: Option<&Path>, setup: &Setup) -> Done {
    in_python(plugin)?;
    // The plugin runs in its own folder.
    let tests = tests.map(|tests| std::path::absolute(tests).unwrap_or_else(|_| tests.to_owned()));
    let runtime = crate::setup::runtime()?;
    let command = runtime.block_on(plugin.test_command(tests.as_deref()))?;
    drop(runtime);
    foreground(command, setup)
}

fn in_python(plugin: &Arc<Plugin>) -> Result<(), Error> {
    if plugin.is_python() {
        return Ok(());
    }
    Err(exit::usage(format!("{} is not written in Python", plugin.id()))
        .hint(format!("its log says more: consort plugins log {}", plugin.id())))
}

/// Runs `llm ARGUMENTS` in the plugin's own environment: the commands that it registers are there.
pub(super) fn command(plugin: &Arc<Plugin>, arguments: &[String], setup: &Setup) -> Done {
    let runtime = crate::setup::runtime()?;
    let command = runtime.block_on(plugin.own_command(arguments))?;
    drop(runtime);
    foreground(command, setup)
}

fn foreground(mut command: Command, _setup: &Setup) -> Done {
    let status = command.status().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        Error::new(ErrorKind::Setup, format!("`{program}` cannot be run: {error}"))
    })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
