//! The tools that a live model calls: asked for where they must be, run side by side, withdrawn with their call.
use consort_core::{Context, ToolCall, ToolOutput, ToolResult};
use consort_engine::{Decision, Tools};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

#[derive(Debug)]
pub(super) struct Calls {
    tools: Tools,
    context: Context,
    running: JoinSet<ToolResult>,
    handles: HashMap<String, AbortHandle>,
    /// Those that somebody must say yes to.
    waiting: HashMap<String, ToolCall>,
    places: Arc<Semaphore>,
}

impl Calls {
    pub(super) fn new(tools: Tools, context: Context) -> Self {
        let places = Arc::new(Semaphore::new(tools.limits.parallel.max(1)));
        let (running, handles, waiting) = (JoinSet::new(), HashMap::new(), HashMap::new());
        Self { tools, context, running, handles, waiting, places }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// Runs a call; false where it waits for a yes.
    pub(super) fn ask(&mut self, call: &ToolCall) -> bool {
        // What there is not needs nobody's yes.
        let runs = self.tools.get(&call.name).is_none() || self.tools.is_free(&call.name);
        if runs {
            self.run(call.clone());
        } else {
            self.waiting.insert(call.id.clone(), call.clone());
        }
        runs
    }

    pub(super) fn tool_of(&self, id: &str) -> Option<&str> {
        self.waiting.get(id).map(|call| call.name.as_str())
    }

    /// What somebody said about a call that waits. False where none does.
    pub(super) fn decide(&mut self, id: &str, decision: Decision, reason: &str) -> bool {
        let Some(call) = self.waiting.remove(id) else { return false };
        match decision {
            Decision::No => {
                let colon = if reason.is_empty() { "" } else { ": " };
                let output = ToolOutput::failure(format!("not run: the user said no{colon}{reason}"));
                let result = ToolResult {
                    call_id: call.id,
                    name: call.name,
                    content: output.content,
                    is_error: output.is_error,
                };
                self.running.spawn(async move { result });
            }
            Decision::Yes => self.run(call),
            Decision::Always => {
                let tools = std::mem::take(&mut self.tools);
                self.tools = tools.allowing([call.name.clone()]);
                let alike: Vec<String> = self
                    .waiting
                    .iter()
                    .filter(|(_, waiting)| waiting.name == call.name)
                    .map(|(id, _)| id.clone())
                    .collect();
                let alike = alike.iter().filter_map(|id| self.waiting.remove(id)).collect::<Vec<_>>();
                alike.into_iter().chain([call]).for_each(|call| self.run(call));
            }
        }
        true
    }

    /// The result of a call is not wanted any more.
    pub(super) fn withdraw(&mut self, id: &str) {
        self.waiting.remove(id);
        if let Some(handle) = self.handles.remove(id) {
            handle.abort();
        }
    }

    /// The next result; none while none is to come.
    pub(super) async fn next(&mut self) -> ToolResult {
        loop {
            match self.running.join_next().await {
                Some(Ok(result)) => {
                    self.handles.remove(&result.call_id);
                    return result;
                }
                // It was withdrawn.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn run(&mut self, call: ToolCall) {
        let (tools, context, places) = (self.tools.clone(), self.context.clone(), self.places.clone());
        let id = call.id.clone();
        let handle = self.running.spawn(async move {
            // It is never closed.
            let _place = places.acquire().await;
            tools.call(&call, &context).await
        });
        self.handles.insert(id, handle);
    }
}
