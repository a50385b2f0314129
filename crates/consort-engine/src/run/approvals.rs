//! Who waits for a yes, and which tools always have one.
use crate::envelope::Decision;
use consort_core::ToolCall;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What somebody said about a call, and why.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) decision: Decision,
    pub(crate) reason: Option<String>,
}

impl From<Decision> for Said {
    fn from(decision: Decision) -> Self {
        Self { decision, reason: None }
    }
}

pub(crate) struct Approvals(Mutex<Kept>);

struct Kept {
    allowed: HashSet<String>,
    waiting: HashMap<String, Waiting>,
}

struct Waiting {
    tool: String,
    say: oneshot::Sender<Said>,
}

impl Approvals {
    pub(crate) fn new(allowed: HashSet<String>) -> Self {
        Self(Mutex::new(Kept { allowed, waiting: HashMap::new() }))
    }

    /// Where the answer to this call will come; nothing where its tool always may run.
    pub(crate) fn wait(&self, call: &ToolCall) -> Option<oneshot::Receiver<Said>> {
        let mut kept = self.lock();
        if kept.allowed.contains(&call.name) {
            return None;
        }
        let (say, said) = oneshot::channel();
        kept.waiting.insert(call.id.clone(), Waiting { tool: call.name.clone(), say });
        Some(said)
    }

    /// Answers a call; false where none of this id waits. The first answer counts.
    pub(crate) fn answer(&self, call_id: &str, said: Said) -> bool {
        let mut kept = self.lock();
        let Some(waiting) = kept.waiting.remove(call_id) else { return false };
        if said.decision == Decision::Always {
            kept.allow(&waiting.tool);
        }
        waiting.say.send(said).is_ok()
    }

    /// From now on this tool runs without asking, and its calls that wait run.
    pub(crate) fn allow(&self, tool: &str) {
        self.lock().allow(tool);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn allow(&mut self, tool: &str) {
        self.allowed.insert(tool.to_owned());
        for (_, waiting) in self.waiting.extract_if(|_, waiting| waiting.tool == tool) {
            // Who does not wait any more needs no answer.
            let _ = waiting.say.send(Decision::Always.into());
        }
    }
}
