//! The tools that an answer waits for.
use super::Answer;
use crate::cascade::record::Round;
use consort_core::{Finish, FinishReason, SessionEvent, SessionTeller, ToolResult};
use std::mem;

impl Answer {
    /// Tells the calls that wait.
    pub(super) fn call(&mut self, say: &SessionTeller) {
        if self.waiting.is_empty() || mem::replace(&mut self.called, true) {
            return;
        }
        self.tools_due = Some(self.now() + self.parts.settings.limits.tools);
        for call in self.record.rounds.last().into_iter().flat_map(Round::calls) {
            say.push(SessionEvent::ToolCall { call: call.clone() });
        }
    }

    /// Takes the result of a call that it waits for.
    pub(in crate::cascade) fn result(&mut self, result: &ToolResult) -> bool {
        let Some(at) = self.waiting.iter().position(|id| *id == result.call_id) else {
            return self.record.answer(result);
        };
        self.waiting.remove(at);
        if let Some(round) = self.record.rounds.last_mut() {
            round.results.push(result.clone());
        }
        true
    }

    /// Ends without the results that it waits for.
    pub(in crate::cascade) fn leave_tools(&mut self, say: &SessionTeller) {
        if self.waiting.is_empty() {
            return;
        }
        self.cancel_tools(say);
        (self.is_round, self.finish) = (false, Some(Finish::new(FinishReason::Other, "left")));
    }

    pub(super) fn cancel_tools(&mut self, say: &SessionTeller) {
        let was_told = self.called;
        for id in self.give_up_tools("nobody waited for the result: the user spoke, or left") {
            if was_told {
                say.push(SessionEvent::ToolCancelled { id });
            }
        }
    }

    /// Puts words in the place of results that are missing: no vendor takes a call without one.
    pub(super) fn give_up_tools(&mut self, why: &str) -> Vec<String> {
        let ids = mem::take(&mut self.waiting);
        if let Some(round) = self.record.rounds.last_mut() {
            let missing: Vec<_> = round.calls().filter(|call| ids.contains(&call.id)).cloned().collect();
            round.results.extend(missing.into_iter().map(|call| ToolResult {
                call_id: call.id,
                name: call.name,
                content: vec![why.into()],
                is_error: true,
            }));
        }
        ids
    }
}
