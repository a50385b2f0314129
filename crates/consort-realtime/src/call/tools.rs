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
    /// Those that somebody must say yes to, as they were asked for.
    waiting: Vec<ToolCall>,
    places: Arc<Semaphore>,
}

impl Calls {
    pub(super) fn new(tools: Tools, context: Context) -> Self {
        let places = Arc::new(Semaphore::new(tools.limits.parallel.max(1)));
        let (running, handles, waiting) = (JoinSet::new(), HashMap::new(), Vec::new());
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
            self.waiting.retain(|waiting| waiting.id != call.id);
            self.waiting.push(call.clone());
        }
        runs
    }

    pub(super) fn waiting(&self) -> &[ToolCall] {
        &self.waiting
    }

    pub(super) fn tool_of(&self, id: &str) -> Option<&str> {
        self.waiting.iter().find(|call| call.id == id).map(|call| call.name.as_str())
    }

    /// What somebody said about a call that waits. False where none does.
    pub(super) fn decide(&mut self, id: &str, decision: Decision, reason: &str) -> bool {
        let Some(at) = self.waiting.iter().position(|call| call.id == id) else { return false };
        let call = self.waiting.remove(at);
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
                let is_alike = |waiting: &mut ToolCall| waiting.name == call.name;
                let alike: Vec<ToolCall> = self.waiting.extract_if(.., is_alike).collect();
                alike.into_iter().chain([call]).for_each(|call| self.run(call));
            }
        }
        true
    }

    /// The result of a call is not wanted any more.
    pub(super) fn withdraw(&mut self, id: &str) {
        self.waiting.retain(|call| call.id != id);
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
