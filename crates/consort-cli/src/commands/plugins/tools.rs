//! The tools of a plugin: listed, and tried.
use crate::exit::{self, Done};
use crate::setup::runtime;
use crate::stop::wait_for;
use crate::terminal::{Style, table, tamed};
use consort_core::{Context, Error, Tool, ToolOutput};
use consort_plugins::Plugin;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

/// The exit code where a tool failed.
const FAILED: u8 = 1;

pub(super) fn list(plugin: &Arc<Plugin>) -> Done {
    let runtime = runtime()?;
    let offered = wait_for(&runtime, plugin.tools())?;
    drop(runtime);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for tool in &offered.tools {
        rows.push(vec![tool.spec().name.clone(), first_line(&tool.spec().description)]);
    }
    for toolbox in &offered.toolboxes {
        for tool in &toolbox.tools {
            rows.push(vec![
                tool.name.clone(),
                format!("{} (of {})", first_line(&tool.description), toolbox.name),
            ]);
        }
    }
    if rows.is_empty() {
        writeln!(anstream::stderr(), "{} offers no tools", plugin.id())?;
        return Ok(exit::OK);
    }
    table(&mut anstream::stdout().lock(), &rows, &[Some(Style::Bold), Some(Style::Dim)])?;
    Ok(exit::OK)
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().to_owned()
}

pub(super) fn call(plugin: &Arc<Plugin>, name: &str, arguments: &str) -> Done {
    let arguments: Value =
        serde_json::from_str(arguments).ok().filter(Value::is_object).ok_or_else(|| {
            exit::usage("the arguments are no JSON object").hint("for instance: '{\"city\": \"Oslo\"}'")
        })?;
    let runtime = runtime()?;
    let output = wait_for(&runtime, run(plugin, name, arguments))?;
    drop(runtime);
    let shown = io::stdout().is_terminal();
    let mut to = anstream::stdout().lock();
    for part in &output.content {
        match part.as_text() {
            Some(text) if shown => writeln!(to, "{}", tamed(text))?,
            Some(text) => writeln!(to, "{text}")?,
            None => writeln!(to, "{}", serde_json::to_string(part).unwrap_or_default())?,
        }
    }
    Ok(if output.is_error { FAILED } else { exit::OK })
}

async fn run(plugin: &Arc<Plugin>, name: &str, arguments: Value) -> Result<ToolOutput, Error> {
    let offered = plugin.tools().await?;
    if let Some(tool) = offered.tools.iter().find(|tool| tool.spec().name == name) {
        return tool.call(arguments, Context::default()).await;
    }
    let of = offered.toolboxes.iter().find(|toolbox| toolbox.tools.iter().any(|tool| tool.name == name));
    let Some(toolbox) = of else {
        return Err(exit::usage(format!("{} has no tool `{name}`", plugin.id()))
            .hint(format!("consort plugins tools {}", plugin.id())));
    };
    let tools = plugin.open_toolbox(&toolbox.name, json!({})).await?;
    let tool = tools.iter().find(|tool| tool.spec().name == name);
    let tool =
        tool.ok_or_else(|| exit::usage(format!("the toolbox {} lost its tool `{name}`", toolbox.name)))?;
    tool.call(arguments, Context::default()).await
}
