//! Runs the tools that the newest answer asks for.
use super::drive::{Driver, Stop};
use crate::tools::{Approval, Outcome as Called};
use consort_core::{Error, ToolCall, ToolResult};
use consort_store::Status;
use futures_util::{StreamExt, stream};
use std::collections::HashMap;

impl Driver {
    /// Whether the calls of an answer are left to the caller.
    pub(super) fn leaves_calls(&self) -> bool {
        self.ask.tools.is_empty() || self.ask.tools.approval == Approval::Manual
    }

    /// Runs the calls of the newest answer that have no result: side by side, each kept when it ends.
    pub(super) async fn run_open_calls(&mut self) -> Result<(), Stop> {
        let calls = self.branch.open_calls();
        if calls.is_empty() || self.leaves_calls() {
            return Ok(());
        }
        self.runner.next_round();
        // The same call made twice at once is run once.
        let mut same: HashMap<(String, String), Vec<ToolCall>> = HashMap::new();
        let mut first = Vec::new();
        for call in calls {
            let alike = same.entry((call.name.clone(), call.arguments.raw().to_owned())).or_default();
            if alike.is_empty() {
                first.push(call.clone());
            }
            alike.push(call);
        }
        let (runner, context) = (self.runner.clone(), self.context.clone());
        let mut running = stream::iter(first)
            .map(|call| {
                let (runner, context) = (runner.clone(), context.clone());
                async move {
                    let called = runner.call(&call, &context).await;
                    (call, called)
                }
            })
            .buffer_unordered(self.ask.tools.limits.parallel.max(1));
        let mut stop = None;
        while let Some((call, called)) = running.next().await {
            match called {
                Called::Result(result, took_ms) => {
                    let alike =
                        same.remove(&(call.name, call.arguments.raw().to_owned())).unwrap_or_default();
                    for call in alike {
                        let result = ToolResult { call_id: call.id, ..result.clone() };
                        self.branch.result(result.clone()).await;
                        self.runner.tell(result, took_ms);
                    }
                }
                Called::Stopped => {
                    stop = Some(Stop { status: Status::Interrupted, error: Error::cancelled() });
                }
                Called::GaveUp(error) => {
                    stop.get_or_insert(Stop { status: Status::Failed, error });
                }
            }
        }
        stop.map_or(Ok(()), Err)
    }
}
