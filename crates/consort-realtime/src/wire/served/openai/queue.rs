//! What is asked while a call's result is missing. Some models answer that behind what comes of the result: then another wish for
//! an answer is for that one, and not for more.
//!
//! A client is told of no answer that it did not wish for. Where what a call gave was handed on in another answer, its wish for
//! what comes of that follows as soon as that answer is over: what the model says until then waits for it, a moment.
use super::super::Reply;
use super::super::past::Plan;
use super::OpenAiServed;
use consort_core::{Finish, FinishReason, SessionEvent, SessionInput, Speaker};
use std::time::Duration;

/// How long a client may take to wish for an answer once the one before is over.
const WISH: Duration = Duration::from_secs(1);

/// What the model is still to answer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// How many ends of answers it is to say before all is answered.
    ends: u32,
    /// Whether results were handed on without a wish of their own.
    given: bool,
    /// Until when what it says waits for that wish, and what waits.
    until: Option<Duration>,
    held: Vec<SessionEvent>,
}

impl Queue {
    /// Nothing of it is answered any more.
    pub(super) fn clear(&mut self) {
        (self.ends, self.given, self.until) = (0, false, None);
    }

    pub(super) fn given(&mut self, now: bool) {
        self.given |= now;
    }

    /// One more is asked for, behind what comes of a result.
    fn ask(&mut self) {
        self.ends = self.ends.max(1) + 1;
    }

    /// An answer is over: what the model says next may wait for its wish.
    pub(super) fn hold(&mut self, at: Duration) {
        if self.given && self.ends > 0 {
            self.until = Some(at + WISH);
        }
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.until
    }
}

impl OpenAiServed {
    /// What is asked now. Where nothing is new, and the model is still to answer what waited, it is asked nothing.
    pub(super) fn queue_written(&mut self, plan: &mut Plan) {
        let is_new = plan.past.is_some();
        let asks = |input: &SessionInput| matches!(input, SessionInput::Text { .. } | SessionInput::Commit);
        self.queue.given = false;
        if plan.is_idle && self.queue.ends > 0 {
            plan.inputs.clear();
        } else if !is_new && self.past.waits_for_results() && plan.inputs.iter().any(asks) {
            // Before it comes what the result is for.
            self.queue.ask();
        }
    }

    /// The same of what was said aloud.
    pub(super) fn queue_spoken(&mut self) {
        if self.past.waits_for_results() {
            self.queue.ask();
        }
    }

    /// The model says the end of an answer. One that ends others while a result is missing makes nobody wait.
    pub(super) fn dequeue(&mut self, finish: &Finish) {
        if self.queue.ends == 0 || finish.reason == FinishReason::ToolCalls {
            return;
        }
        let waits = self.past.waits_for_results();
        self.queue.ends = if waits { 0 } else { self.queue.ends.saturating_sub(1) };
    }

    /// Whether this waits until the client wishes for it.
    pub(super) fn holds(&mut self, event: &SessionEvent, at: Duration, reply: &mut Reply) -> bool {
        if self.queue.until.is_none() {
            return false;
        }
        match event {
            SessionEvent::Transcript { by: Speaker::User, .. }
            // A turn that it begins tells what waits first.
            | SessionEvent::SpeechStarted { by: Speaker::User }
            | SessionEvent::SpeechStopped { .. }
            | SessionEvent::Connected { .. }
            | SessionEvent::Reconnecting { .. }
            | SessionEvent::Warning { .. }
            | SessionEvent::Native { .. } => false,
            SessionEvent::Transcript { .. }
            | SessionEvent::SpeechStarted { by: Speaker::Assistant }
            | SessionEvent::Text { .. }
            | SessionEvent::Audio { .. }
            | SessionEvent::AudioDone { .. }
            | SessionEvent::TurnDone { .. } => {
                self.queue.held.push(event.clone());
                true
            }
            // It is behind what waits.
            _ => {
                self.tell_held(at, reply);
                false
            }
        }
    }

    /// What waited is told: it is wished for, or nobody does.
    pub(super) fn tell_held(&mut self, at: Duration, reply: &mut Reply) {
        self.queue.until = None;
        for event in std::mem::take(&mut self.queue.held) {
            self.told(event, at, reply);
        }
    }
}
