//! One call of a tool: checked, limited in time, and cut where its result is too long.
use super::arguments;
use super::set::{ToolLimits, Tools};
use crate::over::over;
use consort_core::{Body, Context, Error, ErrorKind, Part, Tool, ToolCall, ToolOutput, ToolResult};
use std::sync::Arc;

impl Tools {
    /// Runs one call outside of a run. Whether it may run is the caller's to ask; whatever goes wrong is told to the model.
    pub async fn call(&self, call: &ToolCall, context: &Context) -> ToolResult {
        let given = match self.get(&call.name).cloned() {
            None => Err(unknown(self, call)),
            Some(tool) => match arguments::read(tool.as_ref(), call) {
                Ok(arguments) => {
                    output(tool, arguments, context, self.limits).await.map_err(|error| error.to_string())
                }
                Err(words) => Err(words),
            },
        };
        result(call, given.unwrap_or_else(ToolOutput::failure), self.limits)
    }
}

pub(super) fn unknown(tools: &Tools, call: &ToolCall) -> String {
    let names: Vec<&str> = tools.names().collect();
    format!("there is no tool `{}`. There are: {}", call.name, names.join(", "))
}

/// What the tool gives; or why the run is over.
pub(super) async fn output(
    tool: Arc<dyn Tool>,
    arguments: serde_json::Value,
    context: &Context,
    limits: ToolLimits,
) -> Result<ToolOutput, Error> {
    let limit = tool.time_limit().unwrap_or(limits.time);
    let within = context.clone().within(limit);
    // A task of its own: a tool that panics or blocks its thread takes nothing else with it.
    let mut task = Task(tokio::spawn(async move { tool.call(arguments, within).await }));
    let timer = context.clock.sleep(limit);
    let ended = tokio::select! {
        ended = &mut task.0 => ended,
        error = over(context) => return Err(error),
        () = timer => {
            let words = format!("it took longer than {} s and was stopped", limit.as_secs_f64());
            return Ok(ToolOutput::failure(words));
        }
    };
    Ok(match ended {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == ErrorKind::Cancelled && context.cancel.is_cancelled() => {
            return Err(error);
        }
        Ok(Err(error)) => ToolOutput::failure(error.to_string()),
        Err(_) => ToolOutput::failure("the tool itself is broken: it panicked"),
    })
}

pub(super) fn result(call: &ToolCall, output: ToolOutput, limits: ToolLimits) -> ToolResult {
    ToolResult {
        call_id: call.id.clone(),
        name: call.name.clone(),
        content: shortened(output.content, limits.output),
        is_error: output.is_error,
    }
}

/// A task that ends when nobody waits for it any more.
struct Task<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// At most so many letters of text, with a mark where there were more.
fn shortened(content: Vec<Part>, limit: usize) -> Vec<Part> {
    let mut left = limit;
    let mut all = Vec::with_capacity(content.len());
    for mut part in content {
        if let Body::Text { text, .. } = &mut part.body {
            let letters = text.chars().count();
            if letters > left {
                let end = text.char_indices().nth(left).map_or(text.len(), |(at, _)| at);
                text.truncate(end);
                let out = (letters - left).to_string();
                text.extend(["\n[cut here: ", &out, " letters are left out]"]);
            }
            left = left.saturating_sub(letters);
        }
        all.push(part);
    }
    all
}
