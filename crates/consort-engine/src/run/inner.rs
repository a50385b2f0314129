//! Tools for models that want the results within their answer: the same rules as in the host's own loop.
use crate::tools::{Outcome, Runner};
use consort_core::{BoxFuture, Context, Error, RunTool, ToolCall, ToolOutput};
use std::sync::Arc;

pub(crate) struct InnerTools {
    pub(crate) runner: Arc<Runner>,
    pub(crate) context: Context,
}

impl RunTool for InnerTools {
    fn run(&self, mut call: ToolCall) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        Box::pin(async move {
            call.id = self.runner.unique(call.id);
            // The model is told of each before it makes the next.
            self.runner.next_round();
            match self.runner.call(&call, &self.context).await {
                Outcome::Result(result, took_ms) => {
                    self.runner.tell(result.clone(), took_ms);
                    Ok(ToolOutput { content: result.content, is_error: result.is_error })
                }
                Outcome::Stopped => Err(Error::cancelled()),
                Outcome::GaveUp(error) => Err(error),
            }
        })
    }
}
