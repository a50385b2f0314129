//! What is asked while a call's result is missing. Some models answer that behind what comes of the result: then another wish for
//! an answer is for that one, and not for more.
use super::super::past::Plan;
use super::OpenAiServed;
use consort_core::{Finish, FinishReason, SessionInput};

impl OpenAiServed {
    /// What is asked now. Where nothing is new, and the model is still to answer what waited, it is asked nothing.
    pub(super) fn queue(&mut self, plan: &mut Plan) {
        let is_new = plan.past.is_some();
        let asks = |input: &SessionInput| matches!(input, SessionInput::Text { .. } | SessionInput::Commit);
        if plan.is_idle && self.queued > 0 {
            plan.inputs.clear();
        } else if !is_new && self.past.waits_for_results() && plan.inputs.iter().any(asks) {
            // Before it comes what the result is for.
            self.queued = self.queued.max(1) + 1;
        }
    }

    /// The model says the end of an answer. One that ends others while a result is missing makes nobody wait.
    pub(super) fn dequeue(&mut self, finish: &Finish) {
        if self.queued == 0 || finish.reason == FinishReason::ToolCalls {
            return;
        }
        let waits = self.past.waits_for_results();
        self.queued = if waits { 0 } else { self.queued.saturating_sub(1) };
    }
}
