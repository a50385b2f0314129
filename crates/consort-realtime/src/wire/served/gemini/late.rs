//! When an answer is over of which the model does not say so, and what it still tells of those that are.
use super::super::patience::Came;
use super::{Answer, GeminiServed};
use consort_core::{SessionEvent, Speaker, TranscriptMode};
use std::time::Duration;

impl GeminiServed {
    /// A model that did not say that an answer is over goes on with it: for the client, in another one.
    pub(super) fn goes_on(&mut self, event: &SessionEvent) {
        let (item, owes): (_, fn(Came) -> bool) = match event {
            SessionEvent::Transcript { item, by: Speaker::Assistant, .. }
            | SessionEvent::Text { item, .. } => (item, Came::owes_words),
            SessionEvent::Audio { item, .. } => {
                self.speaks = true;
                (item, Came::owes_sound)
            }
            _ => return,
        };
        // Where it is only read, sound that comes later is nothing.
        let is_told = event.kind() != "audio" || self.setup.as_ref().is_none_or(|setup| setup.speaks);
        if is_told && self.answer.is_none() && self.owed > 0 && self.over.goes_on(item, owes) {
            self.owed -= 1;
        }
    }

    /// The model says that it speaks: also where that is all that ever comes of it.
    pub(super) fn wait_for_sound(&mut self, at: Duration) {
        if let Some(answer) = self.answer.as_mut().filter(|_| self.calls.is_empty()) {
            answer.due.get_or_insert(at + Came::SomeSound.patience(self.speaks));
        }
    }

    /// Something came of the answer. Its end is waited for, and not for ever: some models say none. One that called goes on when
    /// its calls have their results, which takes as long as the client takes.
    pub(super) fn wait(&mut self, at: Duration) {
        let (speaks, is_called) = (self.speaks, !self.calls.is_empty());
        if let Some(answer) = self.answer.as_mut().filter(|answer| !answer.cut) {
            let came = answer.came();
            answer.due = (came == Came::All || !is_called).then(|| at + came.patience(speaks));
        }
    }

    /// Whether this is of an answer that is over, and not of the one under way: one whose end the model still owes, or what was
    /// heard of one that was cut when all of it was said. Before all else, since it is nothing new behind a cut either.
    pub(super) fn is_of_before(&self, event: &SessionEvent) -> bool {
        let (SessionEvent::Transcript { item, by: Speaker::Assistant, .. }
        | SessionEvent::Text { item, .. }
        | SessionEvent::Audio { item, .. }
        | SessionEvent::AudioDone { item, .. }) = event
        else {
            return false;
        };
        if self.answer.as_ref().is_some_and(|answer| answer.parts.has(item)) {
            return false;
        }
        let is_heard = match event {
            SessionEvent::Transcript { mode: TranscriptMode::Final, text, .. } => {
                self.over.is_heard(item, text)
            }
            _ => false,
        };
        is_heard || (self.owed > 0 && self.over.has(item))
    }

    /// Whether the model tells of an answer whose end it owes, and not of the one under way.
    pub(super) fn owes(&self, item: Option<&str>) -> bool {
        let is_gone = item.is_none_or(|item| self.over.has(item));
        self.owed > 0 && is_gone && self.answer.as_ref().is_none_or(Answer::is_empty)
    }
}
